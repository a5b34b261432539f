from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import Change, Day, Instance, Reported, fold
from chalicelib.domain.tallies import Tally
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store
from tests.fixtures.builders import JOB_ID, NOON, run, run_id, started
from tests.tables import declared_tables

pytestmark = pytest.mark.usefixtures("tables")
TODAY = "2026-11-20"
REPORTED = Reported("scheduled", "crontopus", drift=True, reason="the line was edited", seen_at=NOON)


def ran(*runs, before: Instance | None = None) -> Instance:
    return fold(before, [Change(run) for run in runs], {}).instance


def found(**changes) -> Instance | None:
    return instance_store.find(changes.get("tenant_id", "ada"), changes.get("endpoint_id", "ep-1"), JOB_ID)


def test_what_was_derived_is_read_back():
    instance = ran(run(1), run(2, status="timeout", exit_code=None), started(3))

    instance_store.save_derived(None, instance)

    assert found() == replace(instance, rev=1)


def test_the_loser_of_a_race_hears_of_it_and_changes_nothing():
    instance_store.save_derived(None, ran(run(1)))
    before = found()
    instance_store.save_derived(before, ran(run(2), before=before))

    with pytest.raises(Conflict):
        instance_store.save_derived(before, ran(run(3), before=before))

    assert found().today.runs == 2


def test_a_report_and_a_run_leave_each_other_alone():
    instance_store.save_reported(replace(ran(run(1)), reported=REPORTED))
    before = found()
    instance_store.save_derived(before, ran(run(1), before=before))
    instance_store.save_reported(replace(found(), reported=replace(REPORTED, reason=None)))

    assert found().reported == replace(REPORTED, reason=None)
    assert (found().today.runs, found().rev) == (1, 1)


def test_an_older_report_does_not_win():
    instance_store.save_reported(replace(ran(run(1)), reported=REPORTED))

    with pytest.raises(Conflict):
        older = replace(REPORTED, seen_at=NOON - timedelta(minutes=1))
        instance_store.save_reported(replace(ran(run(1)), reported=older))


def test_an_instance_that_changed_is_not_deleted():
    instance_store.save_derived(None, ran(run(1)))
    before = found()
    instance_store.save_derived(before, ran(run(2), before=before))

    with pytest.raises(Conflict):
        instance_store.delete(before)
    instance_store.delete(found())

    assert found() is None


def test_who_was_deleted_is_not_brought_back_by_a_late_write():
    instance_store.save_derived(None, ran(run(1)))
    before = found()
    instance_store.delete(before)

    with pytest.raises(Conflict):
        instance_store.save_derived(before, ran(run(2), before=before))

    assert found() is None


def test_a_job_knows_its_endpoints_and_only_those_of_its_tenant():
    for tenant_id, endpoint_id in (("ada", "ep-2"), ("ada", "ep-1"), ("eve", "ep-3"), ("ada2", "ep-4")):
        instance_store.save_derived(None, ran(run(1, tenant_id=tenant_id, endpoint_id=endpoint_id)))

    assert [instance.endpoint_id for instance in instance_store.list_of_job("ada", JOB_ID)] == ["ep-1", "ep-2"]
    assert instance_store.list_of_job("ada", run_id()) == []


def test_the_index_holds_keys_of_the_table_only_so_that_no_run_ever_writes_it():
    (table,) = [table for table in declared_tables() if table["TableName"].endswith("instances")]
    (index,) = table["GlobalSecondaryIndexes"]

    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert {key["AttributeName"] for key in index["KeySchema"]} == {key["AttributeName"] for key in table["KeySchema"]}


def day(**changes) -> Day:
    facts = {
        "tenant_id": "ada",
        "date": TODAY,
        "job_id": JOB_ID,
        "endpoint_id": "ep-1",
        "job_name": "backup",
        "namespace": "ops",
    }
    return Day(**facts | changes)


def test_a_day_is_read_back_by_its_instance_and_by_its_date():
    counted = day(tally=Tally((0, 3, 1, 0, 0, 0), 4, 100, 50), recent=ran(run(1)).recent)

    day_store.save(counted)

    assert day_store.find_many("ada", "ep-1", JOB_ID, [TODAY, "2026-11-19"]) == {TODAY: replace(counted, rev=1)}
    (listed,) = day_store.list_of_date("ada", TODAY)
    assert (listed.job_id, listed.endpoint_id, listed.tally) == (JOB_ID, "ep-1", counted.tally)
    assert list(day_store.list_of_date("eve", TODAY)) == []


def test_a_day_is_only_replaced_by_who_has_read_it():
    day_store.save(day())

    with pytest.raises(Conflict):
        day_store.save(day(tally=Tally((9, 9, 9, 9, 9, 9))))

    day_store.save(day(rev=1))


def test_a_day_goes_400_days_after_its_end():
    day_store.save(day())

    ttl = day_store.DayItem.get(f"ada#{TODAY}", f"{JOB_ID}#ep-1").ttl

    assert ttl == int((NOON.replace(hour=0) + timedelta(days=401)).timestamp())
