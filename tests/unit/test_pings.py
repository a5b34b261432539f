"""What a ping means, without any I/O. Source of the rules: the pinging API of healthchecks, and docs/ping.md."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import pings
from chalicelib.domain.checks import Check, Definition, Start, State
from chalicelib.domain.errors import Malformed
from chalicelib.domain.pings import Address, Ping, Step
from tests.fixtures.builders import JOB_ID, NOON, run_id

KEY = "fqOOd6-F4MMNuCEnzTU01w"
RID, OTHER_RID = "9e0ac3f2-3d2b-4d0c-8f83-2f6a1c0b7d01", "9e0ac3f2-3d2b-4d0c-8f83-2f6a1c0b7d02"
DEFINITION = Definition("ada", JOB_ID, "default", "backup", "backup", "default/backup.yaml", "a" * 40, period_s=3600)


def check(state: State | None = None, **definition: object) -> Check:
    return Check(replace(DEFINITION, **definition), state or State())


def sent(signal: pings.Signal = "success", number: int = 1, after_s: float = 0, **more: object) -> Ping:
    at = NOON + timedelta(seconds=after_s)
    return Ping(**{"signal": signal, "at": at, "run_id": run_id(number, at), "method": "GET"} | more)


def after(*sent_pings: Ping, **definition: object) -> Step:
    """Return the step that the last one of these pings makes."""
    state = State()
    for ping in sent_pings:
        step = pings.take(check(state, **definition), ping)
        state = step.state
    return step


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (JOB_ID, Address("success", JOB_ID)),
        (JOB_ID.upper(), Address("success", JOB_ID)),
        (f"{JOB_ID}/start", Address("start", JOB_ID)),
        (f"{JOB_ID}/0", Address("success", JOB_ID, exit_code=0)),
        (f"{JOB_ID}/017", Address("fail", JOB_ID, exit_code=17)),
        (f"{KEY}/backup", Address("success", ping_key=KEY, slug="backup")),
        (f"{KEY}/backup/log", Address("log", ping_key=KEY, slug="backup")),
        (f"{KEY}/backup/255", Address("fail", ping_key=KEY, slug="backup", exit_code=255)),
        # A job may be called like an ending.
        (f"{KEY}/start", Address("success", ping_key=KEY, slug="start")),
        # A uuid that is followed by no ending is taken for a key, and will not be found.
        (f"{JOB_ID}/backup", Address("success", ping_key=JOB_ID, slug="backup")),
    ],
)
def test_a_path_says_what_is_meant(path, meant):
    assert pings.address_of(path.split("/")) == meant


@pytest.mark.parametrize("path", ["backup", f"{JOB_ID}/256", f"{KEY}/backup/nope", f"{KEY}/backup/-1", f"{KEY}/backup/٣", ""])
def test_other_paths_are_refused(path):
    with pytest.raises(Malformed, match="invalid url format"):
        pings.address_of(path.split("/"))


def test_a_success_without_a_start_is_a_run_without_a_duration():
    step = after(sent())

    assert step.run
    assert (step.run.status, step.run.started_at, step.run.finished_at, step.run.duration_ms) == ("success", NOON, NOON, None)
    assert (step.state.result, step.state.last_ping_at, step.state.count) == ("up", NOON, 1)


@pytest.mark.parametrize("rid", [None, RID])
def test_a_run_is_as_long_as_it_took_from_its_start(rid):
    step = after(sent("start", rid=rid), sent(number=2, after_s=90.25, rid=rid))

    assert step.run
    assert (step.run.run_id, step.run.duration_ms, step.run.started_at) == (run_id(1), 90_250, NOON)
    assert (step.state.open, step.state.starts) == (None, ())


def test_a_success_of_another_run_leaves_the_start_open_and_has_no_duration():
    step = after(sent("start", rid=RID), sent(number=2, after_s=5, rid=OTHER_RID))

    assert step.run
    assert (step.run.run_id, step.run.duration_ms) == (run_id(2, NOON + timedelta(seconds=5)), None)
    assert step.state.open == Start(run_id(1), RID)


def test_a_success_that_names_no_run_ends_the_one_that_is_open():
    step = after(sent("start", rid=RID), sent(number=2, after_s=5))

    assert step.run
    assert (step.run.run_id, step.run.duration_ms, step.state.open) == (run_id(1), None, None)


@pytest.mark.parametrize("rid", [None, OTHER_RID])
def test_a_failure_ends_the_open_run_whatever_it_names(rid):
    step = after(sent("start", rid=RID), sent("fail", number=2, after_s=5, rid=rid))

    assert step.run
    assert (step.run.run_id, step.run.status, step.run.duration_ms) == (run_id(1), "failure", None)
    assert step.state.open is None


def test_runs_that_overlap_end_each_for_themselves():
    first, second = sent("start", rid=RID), sent("start", number=2, after_s=10, rid=OTHER_RID)

    end_of_first = after(first, second, sent(number=3, after_s=20, rid=RID))
    end_of_both = after(first, second, sent(number=3, after_s=20, rid=RID), sent(number=4, after_s=30, rid=OTHER_RID))

    assert end_of_first.run and end_of_both.run
    # Only the newest start is measured.
    assert (end_of_first.run.run_id, end_of_first.run.duration_ms) == (run_id(1), None)
    assert (end_of_both.run.run_id, end_of_both.run.duration_ms) == (run_id(2, NOON + timedelta(seconds=10)), 20_000)
    assert end_of_both.state.starts == ()


def test_only_so_many_unfinished_runs_are_remembered():
    step = after(*(sent("start", number=n, after_s=n, rid=f"{RID[:-2]}{n:02}") for n in range(20)))

    assert len(step.state.starts) == pings.MAX_STARTS
    assert step.state.open == step.state.starts[-1]


def test_a_log_line_changes_nothing_but_the_count():
    before = after(sent("start", rid=RID)).state

    step = pings.take(check(before), sent("log", number=2, rid=RID))

    assert (step.run, step.kind) == (None, "log")
    assert step.state == replace(before, count=2)


def test_a_paused_check_goes_on_with_the_next_end_of_a_run():
    step = after(sent(), is_paused=True)

    assert (step.kind, step.state.is_resumed, step.state.result) == ("success", True, "up")


def test_a_start_or_a_log_line_ends_no_pause():
    assert not after(sent("start"), is_paused=True).state.is_resumed
    assert not after(sent("log"), is_paused=True).state.is_resumed


def test_a_pause_that_only_hands_end_ignores_pings():
    step = after(sent(), is_paused=True, is_resumed_by_hand=True)

    assert (step.kind, step.run, step.state) == ("ign", None, State(count=1))


def test_a_check_for_posts_ignores_other_methods():
    assert after(sent(), is_post_only=True).kind == "ign"
    assert after(sent(method="POST"), is_post_only=True).kind == "success"


def test_a_clock_that_goes_back_makes_no_negative_duration():
    step = after(sent("start"), sent(number=2, after_s=-5))

    assert step.run
    assert step.run.duration_ms == 0
    assert step.run.finished_at and step.run.started_at <= step.run.finished_at


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", None),
        (b"done\n", "done\n"),
        ("naïve ✓".encode(), "naïve ✓"),
        (b"a\xffb", "a\ufffdb"),
        (b"a\x00b", "a\x00b"),
    ],
)
def test_a_body_becomes_the_output(body, text):
    step = after(sent(body=body))

    assert step.run
    assert (step.run.output, step.run.output_bytes, step.run.output_truncated) == (text, len(body), False)


def test_a_long_body_is_cut_between_characters():
    step = after(sent(body="ä".encode() * 10), keep_bytes=5)

    assert step.run
    assert (step.run.output, step.run.output_bytes, step.run.output_truncated) == ("ää", 20, True)


def test_a_body_is_kept_once():
    of_run, of_log = sent(body=b"done"), sent("log", body=b"half way")
    binary = sent(body=b"a\xff")

    kept = [pings.kept(check(), ping, pings.take(check(), ping)) for ping in (of_run, of_log, binary)]

    assert [(ping.body, ping.has_body) for ping in kept] == [(None, True), (b"half way", True), (b"a\xff", True)]


@pytest.mark.parametrize(("given", "read"), [(None, None), (RID.upper(), RID), (RID.replace("-", ""), RID)])
def test_the_id_of_a_run_is_read_in_any_case(given, read):
    assert pings.rid_of(given) == read


@pytest.mark.parametrize("given", ["", "7", "not-a-uuid", RID + "0"])
def test_what_is_no_uuid_is_no_id_of_a_run(given):
    with pytest.raises(Malformed, match="invalid uuid format"):
        pings.rid_of(given)
