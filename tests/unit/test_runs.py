import pytest

from chalicelib.domain.runs import fold, judge
from tests.fixtures.builders import NOON, run, run_id, started


def test_a_first_report_is_created():
    assert judge(None, run()) == "created"


def test_the_same_report_again_is_a_duplicate():
    assert judge(run(), run(reported_at=NOON.replace(minute=9))) == "duplicate"


def test_another_result_for_the_same_run_is_a_conflict():
    assert judge(run(), run(exit_code=3, status="failure")) == "conflict"


def test_a_result_completes_a_start():
    assert judge(started(), run()) == "created"


def test_a_start_after_the_result_adds_nothing():
    assert judge(run(), started()) == "duplicate"


@pytest.mark.parametrize("known", [run(), started()])
def test_another_endpoint_cannot_speak_for_a_run(known):
    assert judge(known, run(endpoint_id="ep-2")) == "conflict"


def test_a_batch_sees_its_own_reports():
    outcomes, writes = fold({}, [started(1), run(1), run(1), run(2)])

    assert outcomes == ["created", "created", "duplicate", "created"]
    assert writes == {run_id(1): run(1), run_id(2): run(2)}


def test_start_and_result_belong_to_the_same_day_even_past_midnight():
    late = NOON.replace(hour=23, minute=59, second=59)

    assert (
        started(run_id=run_id(1, late)).day == run(run_id=run_id(1, late), finished_at=late.replace(day=21)).day == "2026-11-20"
    )
