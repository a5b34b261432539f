"""A chain of entries holds, or says where it does not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import BLUEPRINTS
from chalicelib.domain import audit
from chalicelib.domain.audit import Act, Actor, Break, Entry, Unaudited
from chalicelib.services.audit import Refusals, target_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]


def act(**changes) -> Act:
    return replace(
        Act("ada", "token.created", "done", Actor("user", "ada"), NOW, "r-1", target={"token.id": "tk-1"}), **changes
    )


def chain(count: int, start: datetime = NOW, step: timedelta = timedelta(minutes=1)) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(count):
        entries.append(audit.follow(entries[-1] if entries else None, act(at=start + number * step)))
    return entries


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method} {spec.path}")
def test_every_route_by_which_somebody_changes_something_is_audited_or_says_why_not(spec):
    if spec.method != "GET" and spec.auth in ("user", "enroll", "operator", "public"):
        assert spec.audit, "say audit='thing.happened', or audit=Unaudited('why')"
    assert not isinstance(spec.audit, Unaudited) or len(spec.audit.why) > 10


def test_an_action_is_a_thing_and_what_happened_to_it():
    actions = {spec.audit for spec in SPECS if isinstance(spec.audit, str)}

    assert all(len(action.split(".")) == 2 for action in actions), actions


def test_an_untouched_chain_holds():
    entries = chain(5)

    verdict = audit.verify(entries, NOW)

    assert (verdict.broken, verdict.checked, verdict.first_seq) == (None, 5, 1)
    assert verdict.last == entries[-1]


def test_an_empty_log_holds():
    assert audit.verify([], NOW).broken is None


def test_a_changed_word_is_found():
    entries = chain(5)
    entries[2] = Entry({**entries[2].facts, "action": "token.revoked"}, entries[2].prev_hash, entries[2].hash)

    assert audit.verify(entries, NOW).broken == Break(3, "its content is not what was sealed")


def test_an_entry_sealed_anew_breaks_the_next_one():
    entries = chain(5)
    forged = {**entries[2].facts, "action": "token.revoked"}
    entries[2] = Entry(forged, entries[2].prev_hash, audit.seal(entries[2].prev_hash, forged))

    assert audit.verify(entries, NOW).broken.seq == 4


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_a_missing_entry_is_found(missing: int):
    entries = chain(5)
    del entries[missing]

    assert audit.verify(entries, NOW).broken.seq == missing + 2


def test_two_entries_in_the_wrong_order_are_found():
    entries = chain(3)

    assert audit.verify([entries[0], entries[2], entries[1]], NOW).broken.seq == 3


def test_what_is_older_than_a_year_may_be_missing():
    entries = chain(3, start=NOW - timedelta(days=400), step=timedelta(days=1))

    assert audit.verify(entries[2:], NOW).broken is None


def test_a_page_goes_on_where_the_one_before_ended():
    entries = chain(5)

    assert audit.verify(entries[3:], NOW, after=entries[2]).broken is None
    assert audit.verify(entries[4:], NOW, after=entries[2]).broken.seq == 5


def test_an_exported_chain_verifies_like_the_stored_one():
    exported = json.loads(json.dumps([entry.as_json() for entry in chain(3)]))

    assert audit.verify(map(audit.entry_from, exported), NOW).broken is None


@pytest.mark.parametrize(
    "shown", [{}, {"hash": "x"}, {"seq": "x", "hash": "", "prev_hash": ""}, {"seq": 1, "at": "?", "hash": "", "prev_hash": ""}]
)
def test_what_is_no_entry_is_refused(shown):
    with pytest.raises(ValueError, match="no entry"):
        audit.entry_from(shown)


def test_a_field_that_is_null_is_not_hashed():
    assert audit.seal("0", {"a": 1, "b": None, "c": {"d": None}}) == audit.seal("0", {"c": {}, "a": 1})


def test_the_seal_is_what_the_document_says():
    import hashlib

    (entry,) = chain(1)
    text = audit.canonical(entry.facts)

    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert entry.hash == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()


def test_a_clock_that_goes_back_does_not_put_the_log_out_of_order():
    first = audit.follow(None, act(at=NOW))

    assert audit.follow(first, act(at=NOW - timedelta(hours=1))).at == NOW


def test_of_an_answer_only_ids_and_names_are_taken():
    answer = {
        "token": {"id": "tk-1", "name": "ci", "scopes": ["read:runs"], "manifest": "kind: Job", "secret": "s"},
        "plain_text": "ctp_secret",
        "commit": "a" * 40,
        "manifest": "kind: Job",
    }

    target = target_of({"name": "x"}, answer, {})

    assert target == {"name": "x", "token.id": "tk-1", "token.name": "ci", "token.scopes": "read:runs", "commit": "a" * 40}


def test_refusals_are_written_at_the_first_the_tenth_the_hundredth():
    told: dict[str, int] = {}

    def add(key, count, at_most, expires_at):
        told[key] = told.get(key, 0) + count
        writes.append(key)
        return told[key]

    writes: list[str] = []
    refusals = Refusals(add)
    marks = [refusals.count("k", NOW) for _ in range(1000)]

    assert [(number, mark) for number, mark in enumerate(marks, 1) if mark] == [(1, 1), (10, 10), (100, 100), (1000, 1000)]
    assert len(writes) == 10 + 99


def test_an_hour_later_refusals_begin_anew():
    counts: dict[str, int] = {}

    def add(key, count, at_most, expires_at):
        counts[key] = counts.get(key, 0) + count
        return counts[key]

    refusals = Refusals(add)

    assert [refusals.count("k", NOW + timedelta(minutes=minutes)) for minutes in (0, 1, 59, 60)] == [1, None, None, 1]
