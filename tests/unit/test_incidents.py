"""One incident for each episode, told once, whatever flaps."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import incidents
from chalicelib.domain.alert_rules import DEFAULT_RULES, Rule, Scope, Signal, Subject, judge, rules_for
from chalicelib.domain.incidents import Incident, Notice

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
JOB = Subject("ada", "ep-1", "web-1", "j" * 36, "backup", "ops", {"team": "db"})
FAILURE = Rule("job-failed", "failure")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def bad(minutes: float = 0, in_row: int = 1, why: str | None = None) -> Signal:
    return Signal("failure", JOB, at(minutes), bad_in_row=in_row, why=why)


def good(minutes: float = 0, in_row: int = 1) -> Signal:
    return Signal("failure", JOB, at(minutes), good_in_row=in_row)


def opened(rule: Rule = FAILURE, minutes: float = 0, parent: str | None = None) -> Incident:
    return incidents.opened("01", rule, bad(minutes), parent)


def told(incident: Incident, rule: Rule = FAILURE, minutes: float = 0) -> Incident:
    return incidents.after_telling(incident, incidents.due_notices(incident, rule, at(minutes)), at(minutes))


def kinds(incident: Incident, minutes: float, rule: Rule = FAILURE) -> list[str]:
    return [notice.kind for notice in incidents.due_notices(incident, rule, at(minutes))]


@pytest.mark.parametrize("scope, is_taken", [
    (Scope(), True),
    (Scope(jobs=("backup",)), True), (Scope(jobs=("ops/back*",)), True), (Scope(jobs=("web/*",)), False),
    (Scope(namespaces=("ops", "web")), True), (Scope(namespaces=("web",)), False),
    (Scope(endpoints=("web-?",)), True), (Scope(endpoints=("ep-1",)), True), (Scope(endpoints=("db-*",)), False),
    (Scope(labels={"team": "db"}), True), (Scope(labels={"team": "web"}), False), (Scope(labels={"tier": "1"}), False),
    (Scope(jobs=("backup",), endpoints=("db-*",)), False),
])  # fmt: skip
def test_a_rule_is_for_whom_its_scope_takes(scope: Scope, is_taken: bool):
    rule = Rule("mine", "failure", scope=scope)

    assert rules_for((rule,), bad()) == ([rule] if is_taken else [])


def test_a_rule_that_is_switched_off_or_of_another_kind_is_for_nobody():
    assert rules_for((replace(FAILURE, is_enabled=False), Rule("m", "missed")), bad()) == []


def test_who_has_no_rules_hears_of_failures_misses_and_offline_endpoints():
    assert {rule.kind for rule in DEFAULT_RULES} >= {"failure", "missed", "offline"}


@pytest.mark.parametrize("signal, is_open, expected", [
    (bad(), False, "open"), (bad(), True, "again"), (good(), True, "close"), (good(), False, "nothing"),
])  # fmt: skip
def test_the_first_bad_sign_opens_and_the_first_good_one_closes(signal: Signal, is_open: bool, expected: str):
    assert judge(FAILURE, signal, is_open=is_open) == expected


def test_thresholds_count_in_a_row():
    rule = replace(FAILURE, to_open=3, to_close=2)

    assert [judge(rule, bad(in_row=n), is_open=False) for n in (1, 2, 3, 4)] == ["nothing", "nothing", "open", "open"]
    assert [judge(rule, good(in_row=n), is_open=True) for n in (1, 2, 3)] == ["nothing", "close", "close"]


def test_an_episode_is_one_incident_that_is_told_when_it_opens_and_when_it_ends():
    incident = told(opened())
    incident = incidents.again(incident, bad(5))

    assert kinds(incident, 5) == []
    ended = incidents.resolved(incident, at(10), "it succeeded")
    assert incidents.due_notices(ended, FAILURE, at(10)) == [Notice("resolved")]
    assert kinds(told(ended, minutes=10), 11) == []
    assert (ended.bad, ended.dedup_key) == (2, "ctp/ada/01")


def test_what_nobody_heard_of_ends_unheard():
    assert kinds(incidents.resolved(opened(), at(1), None), 1) == []


def test_the_same_sign_twice_is_counted_once():
    incident = opened()

    assert incidents.again(incident, bad(0)) == incident
    assert incidents.again(incidents.again(incident, bad(1)), bad(1)).bad == 2


def test_an_ended_incident_stays_as_it_is():
    ended = incidents.resolved(opened(), at(1), None)

    assert incidents.again(ended, bad(2)) == ended
    assert incidents.acknowledged(ended, at(2), "ada") == ended
    assert incidents.snoozed(ended, at(2), at(9), "ada") == ended
    assert incidents.resolved(ended, at(2), "again") == ended


def test_reminders_come_at_their_interval_and_stop_at_their_number():
    rule = replace(FAILURE, remind_every=timedelta(minutes=30), reminders=2)
    incident = told(opened(rule), rule)
    reminded = []
    for minute in range(1, 200):
        if kinds(incident, minute, rule) == ["reminder"]:
            reminded.append(minute)
            incident = told(incident, rule, minute)

    assert reminded == [30, 60]


def test_an_acknowledged_incident_neither_reminds_nor_escalates_and_still_tells_its_end():
    rule = replace(FAILURE, remind_every=timedelta(minutes=5), escalate_after=timedelta(minutes=5), escalate_to=("boss",))
    incident = incidents.acknowledged(told(opened(rule), rule), at(1), "ada")

    assert kinds(incident, 60, rule) == []
    assert incidents.next_look(incident, rule, at(2)) is None
    assert kinds(incidents.resolved(incident, at(61), None), 61, rule) == ["resolved"]


def test_it_escalates_once_if_nobody_acknowledges():
    rule = replace(FAILURE, escalate_after=timedelta(minutes=15), escalate_to=("boss",))
    incident = told(opened(rule), rule)

    assert kinds(incident, 14, rule) == []
    assert incidents.due_notices(incident, rule, at(15)) == [Notice("escalation", ("boss",))]
    assert kinds(told(incident, rule, 15), 16, rule) == []


def test_a_snoozed_incident_is_silent_and_speaks_once_when_it_wakes():
    rule = replace(FAILURE, remind_every=timedelta(hours=9))
    incident = incidents.snoozed(told(opened(rule), rule), at(1), at(60), "ada")

    assert kinds(incident, 59, rule) == []
    assert incidents.next_look(incident, rule, at(2)) == at(60)
    assert kinds(incident, 60, rule) == ["reminder"]
    assert kinds(told(incident, rule, 60), 61, rule) == []


def test_a_child_is_silent_while_its_parent_lasts_and_speaks_afterwards():
    child = opened(parent="00")

    assert kinds(child, 1) == []
    assert kinds(incidents.resolved(child, at(2), None), 2) == []
    assert kinds(incidents.released(child, at(3)), 3) == ["opened"]


def test_a_timeline_keeps_its_beginning_and_its_newest_events():
    incident = opened()
    for hour in range(1, 200):
        incident = incidents.again(incident, bad(60 * hour))

    assert len(incident.events) == incidents.MAX_EVENTS
    assert (incident.events[0].kind, incident.events[-1].at) == ("opened", at(60 * 199))
    assert incident.bad == 200


def test_two_rules_or_two_subjects_are_two_episodes():
    keys = {incidents.episode_key(rule, subject) for rule in ("a", "b") for subject in (JOB, replace(JOB, endpoint_id="ep-2"))}

    assert len(keys) == 4
    assert incidents.episode_key("a", JOB) == incidents.episode_key("a", replace(JOB, job_name="renamed"))


@pytest.mark.parametrize("to_open, to_close", [(1, 1), (2, 1), (3, 2)])
def test_flapping_opens_and_closes_once_an_episode(to_open: int, to_close: int):
    rule = replace(FAILURE, to_open=to_open, to_close=to_close)
    chance = random.Random(7)
    incident: Incident | None = None
    sent: list[str] = []
    bads = goods = 0
    for minute in range(2000):
        if chance.random() < 0.5:
            bads, goods = bads + 1, 0
        else:
            bads, goods = 0, goods + 1
        signal = Signal("failure", JOB, at(minute), bads, goods)
        verdict = judge(rule, signal, is_open=bool(incident and incident.is_open))
        if verdict == "open":
            incident = incidents.opened(str(minute), rule, signal)
        elif incident and verdict == "again":
            incident = incidents.again(incident, signal)
        elif incident and verdict == "close":
            incident = incidents.resolved(incident, signal.at, None)
        if incident:
            sent += [f"{notice.kind} {incident.incident_id}" for notice in incidents.due_notices(incident, rule, at(minute))]
            incident = told(incident, rule, minute)

    assert len(sent) == len(set(sent)), "nothing twice"
    openings = [word for word in sent if word.startswith("opened")]
    endings = [word for word in sent if word.startswith("resolved")]
    assert len(openings) - len(endings) in (0, 1)
    assert sent[::2] == openings
