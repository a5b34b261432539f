import pytest

from agent.reconcile import Change, plan, refuse_wipeout
from agent.schedulers.base import Entry, Item
from chalicelib.domain.errors import Stalled


def wanted(job_id: str, line: str | None = "") -> Entry:
    return Entry(job_id, None if line is None else (line or f"line of {job_id}").encode())


def there(job_id: str | None, line: str = "") -> Item:
    return Item((line or f"line of {job_id}").encode(), job_id)


def many(count: int, start: int = 0) -> list[str]:
    return [f"job-{number:03}" for number in range(start, start + count)]


def test_a_desired_job_without_a_line_is_added_at_the_end() -> None:
    steps = plan([wanted("b"), wanted("a")], [there("a")])

    assert [entry.job_id for entry in steps.adds] == ["b"]
    assert steps.lines == (b"line of a", b"line of b")


def test_a_line_that_differs_is_changed_in_its_place() -> None:
    steps = plan([wanted("a", "new"), wanted("b")], [there("a", "old"), there("b")])

    assert steps.changes == (Change("a", b"old", b"new"),)
    assert steps.lines == (b"new", b"line of b")


def test_what_is_as_desired_gives_an_empty_plan() -> None:
    assert plan([wanted("a")], [there("a")]).is_empty


def test_a_line_nobody_desires_is_removed_and_kept_if_removals_are_held() -> None:
    steps = plan([wanted("a")], [there("a"), there("b")], owned={"a", "b"})

    assert (steps.lines, steps.kept_lines) == ((b"line of a",), (b"line of a", b"line of b"))


def test_a_paused_job_loses_its_line_without_being_removed() -> None:
    steps = plan([wanted("a", None)], [there("a")])

    assert (steps.pauses, steps.removals, steps.lines) == ((there("a"),), (), ())


def test_a_paused_job_that_has_no_line_changes_nothing() -> None:
    assert plan([wanted("a", None)], []).is_empty


def test_a_line_without_a_mark_stays_where_it_is() -> None:
    steps = plan([wanted("a")], [there(None, "# mine"), there("a")])

    assert (steps.foreign, steps.lines) == ((b"# mine",), (b"# mine", b"line of a"))


def test_a_marked_line_we_never_wrote_and_nobody_desires_is_left_alone() -> None:
    steps = plan([], [there("x")], owned={"a"})

    assert (steps.foreign, steps.removals) == ((b"line of x",), ())


def test_without_any_memory_every_marked_line_is_ours() -> None:
    assert plan([], [there("x")], owned=None).removals == (there("x"),)


def test_a_second_line_of_one_job_is_taken_out() -> None:
    steps = plan([wanted("a")], [there("a"), there("a", "copy")])

    assert (steps.repeats, steps.lines) == ((there("a", "copy"),), (b"line of a",))


def test_an_empty_repository_does_not_wipe_the_host() -> None:
    owned = [there("a"), there("b"), there("c")]

    with pytest.raises(Stalled, match="3 of 3"):
        refuse_wipeout(plan([], owned), len(owned))


def test_a_single_removal_goes_through() -> None:
    refuse_wipeout(plan([wanted("a")], [there("a"), there("b")]), 2)


def test_the_last_scheduled_job_may_go_if_a_paused_one_is_still_defined() -> None:
    refuse_wipeout(plan([wanted("a", None)], [there("b")]), 1)


@pytest.mark.parametrize(("total", "removed"), [(100, 3), (100, 50), (6, 5), (10, 5)])
def test_removals_up_to_half_or_five_go_through(total, removed) -> None:
    jobs = many(total)

    refuse_wipeout(plan(map(wanted, jobs[removed:]), map(there, jobs)), total)


@pytest.mark.parametrize(("total", "removed"), [(100, 51), (100, 60), (7, 6), (11, 6)])
def test_removals_beyond_half_and_five_are_held(total, removed) -> None:
    jobs = many(total)

    with pytest.raises(Stalled, match=f"{removed} of {total}") as caught:
        refuse_wipeout(plan(map(wanted, jobs[removed:]), map(there, jobs)), total)

    assert caught.value.code == "removals_held"


def test_after_a_rewritten_history_even_one_removal_is_held() -> None:
    steps = plan([wanted("a")], [there("a"), there("b")])

    with pytest.raises(Stalled) as caught:
        refuse_wipeout(steps, 2, is_rewritten=True)

    assert caught.value.code == "history_rewritten"


def test_a_rewritten_history_that_removes_nothing_is_fine() -> None:
    refuse_wipeout(plan([wanted("a"), wanted("b")], [there("a")]), 1, is_rewritten=True)


def test_pausing_every_job_is_not_a_wipeout() -> None:
    jobs = many(20)

    refuse_wipeout(plan([wanted(job, None) for job in jobs], map(there, jobs)), 20)
