"""Counting anew from the ledger, beside the stream."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.tenants import Tenant
from chalicelib.services.rebuilding import rebuild
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.store import tenants as tenant_store
from chalicelib.workers.runs import project_runs
from infra import rebuild as command
from tests.fixtures.builders import JOB_ID, run, run_id, started
from tests.tables import Stream, aws

pytestmark = pytest.mark.usefixtures("tables")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def stream(tables) -> Stream:
    tenant_store.reserve(Tenant("ada", "ada", "ada@example.org", "hash", "active", 0, "t-ada", None, NOW))
    return Stream("runs")


def put(hours_ago: float, number: int = 1, **facts) -> None:
    moment = NOW - timedelta(hours=hours_ago)
    moments = dict.fromkeys(("started_at", "finished_at", "reported_at", "received_at"), moment)
    run_store.record(run(number, **{"run_id": run_id(number, moment)} | moments | facts))


def fill() -> None:
    for hours in range(0, 24 * 5, 3):
        put(hours, status="failure" if hours % 2 else "success")
    put(1, 7, endpoint_id="ep-2")
    run_store.record(started(8, run_id=run_id(8, NOW), endpoint_id="ep-2", received_at=NOW))


def shown() -> object:
    instances = [instance_store.find("ada", endpoint_id, JOB_ID) for endpoint_id in ("ep-1", "ep-2")]
    facts = [(one.today, one.last, one.streak, one.open, one.hours, one.day) for one in instances if one]
    dates = [(NOW - timedelta(days=days)).date().isoformat() for days in range(6)]
    days = {(date, day.endpoint_id): day.tally for date in dates for day in day_store.list_of_date("ada", date)}
    return facts, days


def wipe() -> None:
    for table, keys in (("instances", ("endpoint_key", "job_id")), ("days", ("day_key", "instance_key"))):
        for item in aws("dynamodb").scan(TableName=f"crontopus-{table}")["Items"]:
            aws("dynamodb").delete_item(TableName=f"crontopus-{table}", Key={key: item[key] for key in keys})


def test_what_was_lost_comes_back_as_it_was(stream):
    fill()
    records = stream.read()
    project_runs({"Records": records}, None)
    before = shown()
    wipe()

    done = rebuild("ada", NOW)

    assert shown() == before
    assert (done.instances, done.days, done.mended) == (2, 5, 7)


def test_what_is_right_is_left_alone(stream):
    fill()
    project_runs({"Records": stream.read()}, None)
    rev = instance_store.find("ada", "ep-1", JOB_ID).rev

    assert rebuild("ada", NOW).mended == 0
    assert instance_store.find("ada", "ep-1", JOB_ID).rev == rev


def test_a_dry_run_only_says_what_is_wrong(stream):
    fill()

    assert rebuild("ada", NOW, dry_run=True).mended == 7
    assert instance_store.find("ada", "ep-1", JOB_ID) is None


def test_what_the_stream_brings_afterwards_is_not_counted_again(stream):
    fill()
    rebuild("ada", NOW)
    before = shown()

    project_runs({"Records": stream.read()}, None)

    assert shown() == before


def test_dates_before_those_asked_for_keep_their_counters(stream):
    fill()
    project_runs({"Records": stream.read()}, None)
    wipe()

    rebuild("ada", NOW, 2)

    assert [list(day_store.list_of_date("ada", "2026-11-18")), len(list(day_store.list_of_date("ada", "2026-11-19")))] == [
        [],
        1,
    ]


def test_the_command_says_what_it_did(stream, capsys):
    fill()

    assert command.main(["ada", "--dry-run"]) == 0
    assert capsys.readouterr().out == "2 instances and 5 closed days counted, 7 are wrong\n"
    assert command.main(["nobody"]) == 1
    with pytest.raises(NotFound):
        rebuild("nobody", NOW)
