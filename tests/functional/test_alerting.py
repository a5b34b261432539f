"""From runs and silence to incidents, through the workers' own code: one for each episode, open until the good sign."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import ids, incidents
from chalicelib.domain.alert_rules import DEFAULT_RULES, Rule, Signal, Subject
from chalicelib.domain.errors import Conflict
from chalicelib.services import alerting
from chalicelib.services.instances import take_report
from chalicelib.store import incidents as incident_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.workers.runs import project_runs
from tests.fixtures.builders import JOB_ID, NOON, run, run_id, started
from tests.functional.test_sweep import at, beat, caller, confirmed, enrolled, sweeps
from tests.tables import Stream

SUBJECT = Subject("ada", "ep-1", "web-1", JOB_ID, "backup", "default")


@pytest.fixture(autouse=True)
def endpoint(tables: object) -> None:
    enrolled()
    beat(NOON)


@pytest.fixture
def stream(tables: object) -> Stream:
    return Stream("runs")


@pytest.fixture
def happen(stream: Stream):
    """Let runs reach the ledger and what follows, one after the other: minute and status."""

    def happened(*runs: tuple[float, str]) -> None:
        for number, (minute, status) in enumerate(runs):
            moment = at(minute)
            facts = {"run_id": run_id(number, moment), "started_at": moment, "finished_at": moment, "received_at": moment}
            run_store.record(run(number, **facts, status=status, exit_code=0 if status == "success" else 3))
            assert project_runs({"Records": stream.read()}, None) == {"batchItemFailures": []}

    return happened


def told() -> list[tuple[str, str, str, int]]:
    """Return all incidents, oldest first: rule, state, why, how many bad signs."""
    found = reversed(incident_store.page("ada", None, 50))
    return [(one.rule, one.state, one.why or "", one.bad) for one in found]


def test_a_failure_opens_an_incident_and_the_next_success_ends_it(happen):
    happen((1, "success"), (2, "failure"))
    assert told() == [("job-failed", "open", "exit code 3", 1)]

    happen((3, "success"))

    assert [(rule, state) for rule, state, _, _ in told()] == [("job-failed", "resolved")]
    assert incident_store.list_open("ada") == []
    assert not instance_store.find("ada", "ep-1", JOB_ID).alarms


def test_failures_in_a_row_are_one_incident_and_a_later_one_is_another(happen):
    happen((1, "failure"), (2, "timeout"), (3, "success"), (4, "failure"))

    assert [(rule, state) for rule, state, _, _ in told()] == [("job-failed", "resolved"), ("job-failed", "open")]


def test_failures_for_hours_are_counted_in_the_timeline(happen):
    happen(*((60 * hour, "failure") for hour in range(4)))

    (incident,) = incident_store.list_open("ada")
    assert (incident.bad, [event.kind for event in incident.events]) == (4, ["opened", "again", "again", "again"])


def test_cancelled_and_skipped_runs_and_starts_open_nothing(happen, stream):
    happen((1, "cancelled"), (2, "skipped"))
    run_store.record(started(9))
    project_runs({"Records": stream.read()}, None)

    assert told() == []


def test_records_that_come_again_open_nothing_more(stream):
    run_store.record(run(1, status="failure", exit_code=3))
    records = stream.read()
    for _ in range(3):
        project_runs({"Records": records}, None)

    assert len(told()) == 1


def test_a_try_that_told_nobody_is_made_up_for(stream, monkeypatch):
    run_store.record(run(1, status="failure", exit_code=3))
    records = stream.read()

    def dying(*_: object) -> None:
        raise Conflict("others were faster")

    with monkeypatch.context() as patched:
        patched.setattr(alerting, "take", dying)
        assert project_runs({"Records": records}, None)["batchItemFailures"]
    assert told() == []
    project_runs({"Records": records}, None)

    assert [rule for rule, *_ in told()] == ["job-failed"]


def test_silence_opens_an_incident_and_the_next_run_ends_it(happen):
    confirmed()
    sweeps(1, 16)
    assert told() == [("run-missed", "open", "nothing ran at 2026-11-20 12:10 UTC", 1)]

    happen((20.1, "success"))

    assert [(rule, state) for rule, state, _, _ in told()] == [("run-missed", "resolved")]


def test_a_miss_says_why_where_the_endpoint_has_told():
    confirmed()
    known = instance_store.find("ada", "ep-1", JOB_ID)
    edited = replace(known.reported, drift=True, reason="its line was removed by hand")
    instance_store.save_reported(replace(known, reported=edited))

    sweeps(1, 16)

    assert [why for *_, why, _ in told()] == ["nothing ran at 2026-11-20 12:10 UTC: its line was removed by hand"]


def test_every_further_miss_is_the_same_incident():
    confirmed()

    sweeps(1, 46)

    assert [(rule, state) for rule, state, *_ in told()] == [("run-missed", "open")]


def test_a_result_that_comes_late_ends_the_miss(happen):
    confirmed()
    sweeps(1, 16)

    happen((10.1, "success"))

    assert [state for _, state, *_ in told()] == ["resolved"]


def test_an_offline_machine_opens_no_miss():
    confirmed()

    sweeps(1, 40, heard=False)

    assert told() == []


def test_an_endpoint_that_falls_silent_is_told_within_three_minutes_and_its_return_ends_it():
    beat(at(0.5), is_watched=True)
    sweeps(1, 2, heard=False)
    assert told() == []

    sweeps(3, 5, heard=False)
    assert told() == [("endpoint-offline", "open", "nothing heard since 2026-11-20 12:00:30 UTC", 1)]

    beat(at(9), is_watched=True)
    assert [state for _, state, *_ in told()] == ["resolved"]


def test_an_endpoint_that_speaks_is_looked_at_now_and_then():
    counts: dict[str, int] = {}
    for minute in range(1, 31):
        beat(at(minute - 0.5), is_watched=True)
        for word, count in sweeps(minute, minute, heard=False).items():
            counts[word] = counts.get(word, 0) + count

    assert told() == []
    assert 8 <= counts["alive"] <= 15


def test_endpoints_are_not_offline_because_nobody_swept():
    beat(at(0.5), is_watched=True)
    sweeps(1, 2, heard=False)

    sweeps(42, 43, heard=False)
    assert told() == []
    beat(at(43.5), is_watched=True)
    sweeps(44, 45, heard=False)

    assert told() == []


def test_an_endpoint_falls_silent_again_as_a_new_episode():
    for minute in (0.5, 10):
        beat(at(minute), is_watched=True)
        sweeps(int(minute) + 1, int(minute) + 6, heard=False)

    assert [(rule, state) for rule, state, *_ in told()] == [("endpoint-offline", "resolved"), ("endpoint-offline", "open")]


@pytest.mark.parametrize("end, why", [("paused", "the job was paused"), ("gone", "the job is not on this endpoint any more")])
def test_an_incident_ends_when_its_job_is_paused_or_deleted(end: str, why: str):
    confirmed()
    sweeps(1, 16)
    assert [state for _, state, *_ in told()] == ["open"]

    if end == "paused":
        confirmed(at(17), None)
    else:
        take_report(caller(), "ep-1", [], "e" * 64, at(17))

    (incident,) = incident_store.page("ada", None, 9)
    assert (incident.state, incident.events[-1].words) == ("resolved", why)
    assert incident_store.list_open("ada") == []


def test_an_incident_that_others_write_stops_no_sweep_and_opens_a_minute_later(monkeypatch):
    confirmed()
    sweeps(1, 15)

    def contended(*_: object) -> list[str]:
        raise Conflict("others were faster")

    with monkeypatch.context() as patched:
        patched.setattr(alerting, "take", contended)
        assert sweeps(16, 16) == {"contended": 1}
    sweeps(17, 17)

    assert [(rule, state) for rule, state, *_ in told()] == [("run-missed", "open")]


def test_an_incident_that_a_signal_writes_meanwhile_ends_with_its_job_all_the_same(monkeypatch):
    alerting.take([signal()], NOON, secrets.token_bytes)
    save, refused = incident_store.save, [True]

    def once_late(before: incidents.Incident, after: incidents.Incident) -> incidents.Incident:
        if refused.pop() if refused else False:
            raise Conflict("a signal was faster")
        return save(before, after)

    monkeypatch.setattr(incident_store, "save", once_late)
    alerting.close("ada", "ep-1", JOB_ID, at(1), "the job was paused")

    assert incident_store.list_open("ada") == []


@pytest.mark.parametrize("to_open, expected", [(1, 1), (3, 1), (4, 0)])
def test_a_rule_may_ask_for_several_in_a_row(to_open: int, expected: int, monkeypatch):
    monkeypatch.setattr(alerting, "rules_of", lambda _: (Rule("patient", "missed", to_open=to_open),))
    confirmed()

    sweeps(1, 36)

    assert len(told()) == expected


def signal(minutes: float = 0, *, is_bad: bool = True) -> Signal:
    return Signal("failure", SUBJECT, at(minutes), *((1, 0) if is_bad else (0, 1)))


def test_two_signals_at_once_open_one_incident():
    rule = DEFAULT_RULES[0]
    first, second = (incidents.opened(ids.ulid_from(NOON, bytes([n] * 10)), rule, signal()) for n in (1, 2))

    assert [incident_store.add(first), incident_store.add(second)] == [True, False]
    assert [one.incident_id for one in incident_store.list_open("ada")] == [first.incident_id]


def test_who_was_read_before_another_wrote_has_to_read_again():
    alerting.take([signal()], NOON, secrets.token_bytes)
    (known,) = incident_store.list_open("ada")
    incident_store.save(known, incidents.acknowledged(known, NOON, "ada"))

    with pytest.raises(Conflict):
        incident_store.save(known, incidents.resolved(known, NOON, None))


def test_a_good_sign_from_before_it_opened_ends_nothing():
    alerting.take([signal(5)], at(5), secrets.token_bytes)

    assert alerting.take([signal(1, is_bad=False)], at(6), secrets.token_bytes) == []
    assert alerting.take([signal(5.1, is_bad=False)], at(6), secrets.token_bytes) == ["resolved"]


def test_an_incident_is_stored_with_everything_it_holds():
    rule = DEFAULT_RULES[0]
    incident = incidents.opened(ids.ulid_from(NOON, bytes(10)), rule, signal())
    incident_store.add(incident)
    (known,) = incident_store.list_open("ada")
    after = incidents.snoozed(known, NOON, NOON + timedelta(hours=1), "ada")
    after = incidents.after_telling(after, [incidents.Notice("opened", ("mail",))], NOON)

    stored = incident_store.save(known, after)

    assert incident_store.find("ada", incident.incident_id) == stored


def test_incidents_are_listed_in_pages_the_newest_first():
    rule = DEFAULT_RULES[0]
    for number in range(5):
        subject = Subject("ada", f"ep-{number}", None, JOB_ID, "backup", "default")
        moment = at(number)
        incident = incidents.opened(ids.ulid_from(moment, bytes(10)), rule, Signal("failure", subject, moment, 1))
        incident_store.add(incident)

    first = incident_store.page("ada", None, 2)
    second = incident_store.page("ada", first[-1].incident_id, 2)

    assert [one.subject.endpoint_id for one in (*first, *second)] == ["ep-4", "ep-3", "ep-2", "ep-1"]
    assert incident_store.page("eve", None, 9) == []
