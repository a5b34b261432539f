"""From the ledger over its stream to what is derived from it, through the worker as it is deployed."""

import math
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.instances import Reported
from chalicelib.domain.slots import Expectation
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.workers.runs import project_runs
from tests.fixtures.builders import JOB_ID, NOON, run, run_id, started
from tests.functional.test_write_units import size_bytes, units
from tests.tables import Stream, aws

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def stream(tables) -> Stream:
    return Stream("runs")


def project(records: list[dict[str, Any]]) -> list[str]:
    """Give the records to the worker and return which it wants again."""
    answer = project_runs({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def instance(endpoint_id: str = "ep-1"):
    return instance_store.find("ada", endpoint_id, JOB_ID)


def test_what_the_ledger_takes_reaches_the_instance(stream):
    run_store.record(started(1))
    run_store.record(run(1, status="failure", exit_code=3))

    project(stream.read())

    now = instance()
    assert (now.last.status, now.last.exit_code, now.today.failures, now.today.of("running")) == ("failure", 3, 1, 0)


def test_a_run_of_an_unknown_instance_makes_a_thin_one(stream):
    run_store.record(run(1, endpoint_id="ping"))

    project(stream.read())

    assert (instance("ping").job_name, instance("ping").reported) == ("backup", None)


def test_a_batch_that_comes_again_changes_nothing(stream):
    run_store.record_batch([run(number) for number in range(25)])
    records = stream.read()
    project(records)
    before = instance()

    project(records)
    project(records[10:])

    assert instance() == before


def test_a_result_that_is_written_twice_counts_once(stream):
    run_store.record(run(1))
    again = run(1, received_at=NOON + timedelta(hours=1), reported_at=NOON + timedelta(hours=1))
    run_store._item(again).save()

    project(stream.read())

    assert instance().today.runs == 1


def test_what_expires_stays_counted(stream):
    run_store.record(run(1))
    project(stream.read())
    run_store.RunItem(f"ada#{JOB_ID}", run_id(1)).delete()

    assert project(stream.read()) == []
    assert instance().today.runs == 1


def test_a_day_that_turns_is_written_once(stream):
    tomorrow = NOON + timedelta(days=1)
    run_store.record(run(1))
    run_store.record(run(2, run_id=run_id(2, tomorrow), started_at=tomorrow, finished_at=tomorrow, received_at=tomorrow))
    records = stream.read()

    project(records)
    project(records)

    (closed,) = day_store.list_of_date("ada", "2026-11-20")
    assert closed.tally.runs == 1
    assert (instance().day, instance().today.runs) == ("2026-11-21", 1)
    assert day_store.find_many("ada", "ep-1", JOB_ID, ["2026-11-20"])["2026-11-20"].rev == 1


def test_one_instance_that_fails_does_not_hold_up_the_others(stream):
    run_store.record_batch([run(1, endpoint_id="ep-1"), run(2, endpoint_id="ep-2")])
    records = stream.read()
    broken = {"endpoint_key": {"S": "ada#ep-1"}, "job_id": {"S": JOB_ID}, "today": {"S": "no tally"}}
    aws("dynamodb").put_item(TableName="crontopus-instances", Item=broken)

    assert project(records) == [records[0]["dynamodb"]["SequenceNumber"]]
    assert instance("ep-2").today.runs == 1


NOISE = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789 \n", k=500))
LONG = {"job_name": "j" * 63, "namespace": "n" * 63, "tenant_id": "t" * 39, "endpoint_id": "ep-" + "e" * 24}


def at(minute: int, **changes):
    moment = NOON + timedelta(minutes=minute)
    facts = {"run_id": run_id(minute, moment), "started_at": moment, "finished_at": moment, "received_at": moment}
    return run(minute, **facts | changes)


def write_units(table: str) -> int:
    (item,) = aws("dynamodb").scan(TableName=f"crontopus-{table}")["Items"]
    return math.ceil(size_bytes(item) / 1024)


def test_a_run_costs_at_most_four_write_units_with_all_that_follows(stream, calls):
    last = at(25 * 60 - 1, output=NOISE, output_bytes=500, **LONG)
    # A day of failures and successes in every hour, a report with drift, and starts that never ended.
    records = []
    for minute in range(0, 25 * 60 - 1, 20):
        status = ("success", "failure", "timeout")[minute // 20 % 3]
        run_store.record(at(minute, status=status, duration_ms=10**9, exit_code=255, **LONG))
        records += stream.read()
    for minute in range(4):
        begun = replace(at(25 * 60 - 9 + minute, **LONG), status="running", finished_at=None, duration_ms=None, exit_code=None)
        run_store.record(begun)
    # What had failed is well again: its incident is over.
    run_store.record(at(25 * 60 - 2, **LONG))
    project(records + stream.read())
    known = instance_store.find(LONG["tenant_id"], LONG["endpoint_id"], JOB_ID)
    expected = Expectation("0,15,30,45 6-20 * * mon-fri", "America/Argentina/Buenos_Aires", timedelta(days=1), NOON)
    reported = Reported("scheduled", "crontopus", drift=True, reason="x" * 90, seen_at=NOON, expected=expected)
    instance_store.save_reported(replace(known, reported=reported))
    calls.names.clear()

    run_store.record(last)
    project(stream.read())

    assert calls.names == ["PutItem", "GetItem", "UpdateItem"]
    assert units(run_store._item(last)) + write_units("instances") <= 4


def test_the_usual_run_costs_three_write_units_with_all_that_follows(stream):
    run_store.record(run(1))
    project(stream.read())

    assert units(run_store._item(run(1))) + write_units("instances") == 3
