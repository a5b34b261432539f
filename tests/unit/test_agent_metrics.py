"""What is counted, how it is written for Prometheus, and when a probe is told that all is well."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.config import Metrics
from agent.exposition import text
from agent.health import health
from agent.loop import Part
from agent.outcome import Report
from agent.spool import Backlog
from agent.tally import Tally
from chalicelib.domain.errors import Invalid, Stalled, Unavailable

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTHING = Backlog(0, None, 0, 0)


def tally() -> Tally:
    return Tally(Path("/nonexistent/job-metrics.json"), iter([0.0, 1.5] * 9).__next__)


def run(run_id: str, at: datetime = NOON, status: str = "success", code: int | None = 0) -> dict[str, Any]:
    moment = at.isoformat().replace("+00:00", "Z")
    names = {"job_id": "j1", "job_name": "backup", "namespace": "default"}
    return names | {"run_id": run_id, "status": status, "exit_code": code, "started_at": moment, "finished_at": moment}


def samples(counted: Tally, sync: dict[str, Any] | None = None, waiting: Backlog = NOTHING) -> dict[str, float]:
    """Return name{labels} -> value, as Prometheus' own parser reads it."""
    told = text({"version": "1", "name": 'a"b\\c'}, counted.counts(), sync or {}, {}, waiting)
    found = {}
    for family in text_string_to_metric_families(told):
        assert family.type != "unknown", family.name
        for one in family.samples:
            labels = ",".join(f"{key}={one.labels[key]}" for key in sorted(one.labels) if key not in ("job_id", "namespace"))
            found[f"{one.name.removeprefix('crontopus_agent_')}{{{labels}}}"] = one.value
    return found


def test_a_part_is_timed_and_its_failures_are_counted() -> None:
    counted = tally()
    heard: list[Exception] = []
    part = counted.watched(Part("sync", 1, lambda: None, heard.append))
    part.act()
    part.failed(Stalled("no table", code="scheduler_unreadable"))
    part.failed(Unavailable("no forge", code="git_unavailable"))

    found = samples(counted)
    assert (found["sync_duration_seconds_sum{}"], found["sync_duration_seconds_count{}"]) == (1.5, 1)
    assert (found["sync_failures_total{}"], found["scheduler_errors_total{}"]) == (2, 1)
    assert len(heard) == 2


def test_changes_and_states_of_rounds_are_told() -> None:
    counted = tally()
    for _ in range(2):
        counted.settled(Report(at=NOON, head="a", applied="a", managed=3, added=2, removed=1))

    found = samples(
        counted, {"managed": 3, "paused": 1, "held": ["x"], "problem_count": 4, "succeeded_at": "2026-11-20T12:00:00Z"}
    )
    assert found["reconciliation_changes_total{change=added}"] == 4
    assert found["reconciliation_changes_total{change=changed}"] == 0
    assert (found["jobs{state=managed}"], found["jobs{state=held}"], found["jobs{state=invalid}"]) == (3, 1, 4)
    assert found["last_sync_timestamp_seconds{}"] == NOON.timestamp()


def test_a_run_is_counted_once_however_often_it_is_seen() -> None:
    counted = tally()
    for _ in range(3):
        counted.saw(run("r1"))
    counted.saw(run("r2", NOON + timedelta(hours=1), "failure", 3))

    found = samples(counted)
    assert found["job_executions_total{job=backup,status=success}"] == 1
    assert found["job_executions_total{job=backup,status=failure}"] == 1
    assert found["job_last_exit_code{job=backup}"] == 3
    assert found["job_last_run_timestamp_seconds{job=backup}"] == NOON.timestamp() + 3600
    assert found["job_last_success_timestamp_seconds{job=backup}"] == NOON.timestamp()


def test_a_run_that_is_told_late_is_not_the_last_one() -> None:
    counted = tally()
    counted.saw(run("r2", NOON, "failure", 3))
    counted.saw(run("r1", NOON - timedelta(hours=1)))

    assert samples(counted)["job_last_exit_code{job=backup}"] == 3
    assert samples(counted)["job_last_success_timestamp_seconds{job=backup}"] == NOON.timestamp() - 3600


def test_a_run_without_exit_code_has_none_and_one_that_goes_on_does_not_count() -> None:
    counted = tally()
    counted.saw(run("r1", status="running"))
    counted.saw({"run_id": "broken"})
    assert not [name for name in samples(counted) if name.startswith("job_")]

    counted.saw(run("r1", status="killed", code=None))
    assert "job_last_exit_code{job=backup}" not in samples(counted)


def test_records_of_the_spool_count_like_those_of_the_api() -> None:
    counted = tally()
    raw = run("r1") | {"started_at": 1763640000000, "finished_at": 1763640001500}
    counted.saw(raw)

    assert samples(counted)["job_last_run_timestamp_seconds{job=backup}"] == 1763640001.5


def test_jobs_that_left_this_machine_are_forgotten() -> None:
    counted = tally()
    counted.saw(run("r1"))
    counted.keep_only([])

    assert not [name for name in samples(counted) if name.startswith("job_")]


def test_odd_names_stay_one_label() -> None:
    told = text({"name": 'a"b\\c\nd'}, tally().counts(), {}, {}, Backlog(2, NOON, 1, 3))
    families = {one.name: one for one in text_string_to_metric_families(told)}

    assert families["crontopus_agent_info"].samples[0].labels == {"name": 'a"b\\c\nd'}
    assert families["crontopus_agent_spool_depth"].samples[0].value == 2
    assert families["crontopus_agent_spool_oldest_timestamp_seconds"].samples[0].value == NOON.timestamp()


JUST_NOW = {"succeeded_at": "2026-11-20T11:59:30.000Z", "error": None}
BROKEN_TABLE = {"code": "scheduler_unreadable", "message": "no", "since": ""}


@pytest.mark.parametrize(
    ("sync", "heartbeat", "cron", "expected"),
    [
        (JUST_NOW, JUST_NOW, (), ("ok", "ok", "ok")),
        ({}, {}, (), ("starting", "starting", "starting")),
        ({**JUST_NOW, "error": {"code": "git_auth", "message": "no"}}, JUST_NOW, (), ("failing", "ok", "ok")),
        ({**JUST_NOW, "error": BROKEN_TABLE}, JUST_NOW, (), ("ok", "failing", "ok")),
        (JUST_NOW, {**JUST_NOW, "error": {"code": "api_unavailable", "message": "no"}}, (), ("ok", "ok", "failing")),
        (JUST_NOW, JUST_NOW, ("cron does not run",), ("ok", "failing", "ok")),
        ({**JUST_NOW, "succeeded_at": "2026-11-20T11:57:59.000Z"}, JUST_NOW, (), ("late", "ok", "ok")),
    ],
)
def test_a_probe_hears_of_each_of_the_three(sync, heartbeat, cron, expected) -> None:
    since = NOON - timedelta(hours=1) if sync else NOON
    is_well, told = health(sync, heartbeat, since, NOON, sync_s=30, heartbeat_s=30, cron=cron)

    assert (told["git_sync_status"], told["scheduler_status"], told["backend_connectivity"]) == expected
    assert is_well is (expected == ("ok", "ok", "ok"))


def test_what_an_earlier_agent_reached_is_no_news() -> None:
    _, told = health(JUST_NOW, JUST_NOW, NOON, NOON + timedelta(seconds=1), sync_s=30, heartbeat_s=30)

    assert told["git_sync_status"] == "starting"


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "[::1]:9464", "localhost:9464"])
def test_this_machine_alone_may_ask(listen: str) -> None:
    assert Metrics(listen=listen).address is not None


def test_others_may_ask_only_if_somebody_said_so() -> None:
    with pytest.raises(Invalid) as caught:
        Metrics(listen="0.0.0.0:9464")

    assert "allow_remote" in caught.value.problems["metrics.listen"]
    assert Metrics(listen="0.0.0.0:9464", allow_remote=True).address == ("0.0.0.0", 9464)
