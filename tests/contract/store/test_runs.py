import pytest

from chalicelib.store import runs as run_store
from tests.fixtures.builders import JOB_ID, NOON, run, run_id, started

pytestmark = pytest.mark.usefixtures("tables")


def test_a_run_is_stored_as_it_was_reported():
    reported = run(output="π\0\ttail\n")

    run_store.record(reported)

    assert run_store.find("ada", JOB_ID, run_id()) == reported


def test_a_lost_answer_does_not_count_a_run_twice():
    outcomes = [run_store.record(run()), run_store.record(run())]

    assert outcomes == ["created", "duplicate"]


def test_another_result_for_a_run_leaves_the_first():
    run_store.record(run())

    assert run_store.record(run(status="failure", exit_code=3)) == "conflict"
    assert run_store.find("ada", JOB_ID, run_id()) == run()


def test_a_result_completes_its_start():
    run_store.record(started())

    assert run_store.record(run()) == "created"
    assert run_store.find("ada", JOB_ID, run_id()) == run()


def test_a_start_that_comes_late_does_not_take_the_result_away():
    run_store.record(run())

    assert run_store.record(started()) == "duplicate"
    assert run_store.find("ada", JOB_ID, run_id()) == run()


def test_another_endpoint_cannot_complete_a_run():
    run_store.record(started())

    assert run_store.record(run(endpoint_id="ep-2")) == "conflict"


def test_a_batch_stores_what_is_new_and_says_what_is_not():
    run_store.record_batch([run(1), started(2)])

    outcomes = run_store.record_batch([run(1), run(2), run(3), run(1, exit_code=9), started(4), started(4)])

    assert outcomes == ["duplicate", "created", "created", "conflict", "created", "duplicate"]
    assert [run_store.find("ada", JOB_ID, run_id(number)) for number in (1, 2, 3, 4)] == [run(1), run(2), run(3), started(4)]


def test_a_batch_of_25_costs_one_read_and_one_write(calls):
    run_store.record_batch([run(number) for number in range(25)])

    assert (calls.names, calls.reads, calls.writes) == (["BatchGetItem", "BatchWriteItem"], 1, 1)


def test_a_batch_of_starts_costs_one_read_and_one_write(calls):
    run_store.record_batch([started(number) for number in range(25)])

    assert calls.names == ["BatchGetItem", "TransactWriteItems"]


def test_a_batch_sent_again_writes_nothing(calls):
    batch = [run(number) for number in range(25)]
    run_store.record_batch(batch)
    calls.names.clear()

    assert run_store.record_batch(batch) == ["duplicate"] * 25
    assert calls.writes == 0


def test_a_single_report_costs_one_conditional_put(calls):
    run_store.record(run())

    assert calls.names == ["PutItem"]


def test_a_start_lost_to_a_race_does_not_take_the_others_with_it(monkeypatch):
    """The result of run 1 arrives between the batch's read and its write."""
    run_store.record(run(1))
    monkeypatch.setattr(run_store, "_find_many", lambda runs: {})

    run_store.record_batch([started(1), started(2)])

    assert run_store.find("ada", JOB_ID, run_id(1)) == run(1)
    assert run_store.find("ada", JOB_ID, run_id(2)) == started(2)


def listed(**how):
    arguments = {"before": None, "equal": {}, "contains": {}, "limit": 10} | how
    return [found.run_id for found in run_store.page_of_day("ada", "2026-11-20", **arguments)]


def test_a_day_is_listed_newest_first():
    run_store.record_batch([run(number, run_id=run_id(number, NOON.replace(minute=number))) for number in (1, 2, 3)])

    assert listed() == [run_id(number, NOON.replace(minute=number)) for number in (3, 2, 1)]


def test_a_page_goes_on_where_the_last_one_ended():
    ids = [run_id(number, NOON.replace(minute=number)) for number in range(5)]
    run_store.record_batch([run(run_id=one) for one in ids])

    assert listed(limit=2) == [ids[4], ids[3]]
    assert listed(before=ids[3]) == [ids[2], ids[1], ids[0]]


def test_a_list_is_filtered_by_what_is_asked():
    run_store.record_batch([run(1), run(2, status="failure", exit_code=1), run(3, job_name="cleanup")])

    assert listed(equal={"status": "failure"}) == [run_id(2)]
    assert listed(contains={"job_name": "clean"}) == [run_id(3)]


def test_a_list_ends_where_its_window_begins():
    for number in range(5):
        run_store.record(run(number))

    assert listed(since=run_id(2)) == [run_id(4), run_id(3), run_id(2)]
    assert listed(since=run_id(2), before=run_id(4)) == [run_id(3), run_id(2)]
    assert listed(since=run_id(2), before=run_id(2)) == listed(since=run_id(3), before=run_id(1)) == []


def test_another_tenants_runs_are_out_of_reach():
    run_store.record(run(tenant_id="eve"))

    assert listed() == []
    assert run_store.find("ada", JOB_ID, run_id()) is None
    assert run_store.find_in_feed("ada", "2026-11-20", run_id()) is None


def test_a_run_expires_with_its_tenants_retention():
    run_store.record(run())

    item = run_store.RunItem.get(f"ada#{JOB_ID}", run_id())

    assert item.ttl - NOON.timestamp() == 90 * 86400
