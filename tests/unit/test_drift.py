import pytest

from agent.drift import Drift, around, find, staying
from agent.reconcile import plan
from agent.schedulers.base import Entry, Item

CALL = b"/home/u/.crontopus/bin/run-job CRONTOPUS:5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
OURS = b"*/5 * * * * " + CALL
NEW = b"0 1 * * * " + CALL


def entry(line: bytes = OURS) -> Entry:
    return Entry("a", line)


def found(*lines: bytes, wanted: bytes = OURS, outside: bytes | None = None) -> list[Drift]:
    steps = plan([entry(wanted)], [Item(line, "a") for line in lines])
    return find(steps, {"a": OURS}, {"a": outside} if outside else {})


def edit(after: bytes | None, before: bytes = OURS) -> Drift:
    return Drift("a", "edited" if after else "removed", before, after)


def test_an_edited_line_is_drift() -> None:
    assert found(NEW) == [Drift("a", "edited", OURS, NEW)]


def test_a_removed_line_is_drift() -> None:
    assert found() == [Drift("a", "removed", OURS, None)]


def test_a_second_line_is_drift() -> None:
    assert found(OURS, NEW) == [Drift("a", "duplicated", OURS, NEW)]


def test_a_line_moved_out_of_the_block_is_drift() -> None:
    assert found(outside=NEW) == [Drift("a", "moved", OURS, NEW)]
    assert found(NEW, outside=NEW) == [Drift("a", "moved", OURS, NEW)]


def test_what_a_commit_changes_is_no_drift() -> None:
    assert found(OURS, wanted=NEW) == []


def test_our_own_write_cut_short_is_no_drift() -> None:
    assert found(NEW, wanted=NEW) == []


def test_a_line_never_written_cannot_drift() -> None:
    assert find(plan([entry()], []), {}, {}) == []


def test_an_edit_stays_as_long_as_the_repository_wants_what_was_written() -> None:
    assert staying([edit(NEW)], [entry()]) == [edit(NEW)]
    assert staying([edit(NEW)], [entry(b"1 1 1 1 1 " + CALL)]) == []


@pytest.mark.parametrize(("after", "line"), [(NEW, NEW), (None, None)])
def test_what_stays_is_what_is_wanted_meanwhile(after: bytes | None, line: bytes | None) -> None:
    assert list(around([entry()], [edit(after)])) == [Entry("a", line)]


@pytest.mark.parametrize(
    ("after", "schedule"),
    [
        (NEW, "0 1 * * *"),
        (b"0 1 * * *\t" + CALL, "0 1 * * *"),
        (b"0 1 * * MON " + CALL, "0 1 * * MON"),
        (b"61 1 * * * " + CALL, None),
        (b"0 1 * * " + CALL, None),
        (b"@daily " + CALL, None),
        (b"0 1 * * * /bin/sh -c 'rm -rf /' " + CALL, None),
        (b"0 1 * * * /other/run-job CRONTOPUS:5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f", None),
        (b"#" + OURS, None),
        (b"\xff 1 * * * " + CALL, None),
        (b"", None),
    ],
)
def test_an_edit_says_a_schedule_only_if_it_is_one_and_nothing_else(after: bytes, schedule: str | None) -> None:
    assert Drift("a", "edited", OURS, after).schedule == schedule


def test_the_schedule_of_a_guarded_line_says_nothing_about_the_manifests() -> None:
    guarded = OURS.replace(b"run-job ", b"run-job --guard ")

    assert Drift("a", "edited", guarded, guarded.replace(b"*/5", b"*/7")).schedule is None


@pytest.mark.parametrize(
    ("one", "is_pause"), [(edit(None), True), (edit(b"# " + OURS), True), (edit(NEW), False), (edit(b"  #x"), True)]
)
def test_a_line_that_was_removed_or_commented_out_is_a_pause(one: Drift, is_pause: bool) -> None:
    assert one.is_pause is is_pause


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (edit(NEW), "edited by hand: 0 1 * * *, was */5 * * * *"),
        (edit(b"0 1 * * * rm"), "edited by hand: another command, was */5 * * * *"),
        (edit(b"#" + OURS), "its line was commented out by hand"),
        (edit(None), "its line was removed by hand"),
        (Drift("a", "moved", OURS, NEW), "its line was moved out of our block by hand"),
        (Drift("a", "duplicated", OURS, NEW), "its line stands twice"),
    ],
)
def test_each_kind_has_its_words(one: Drift, words: str) -> None:
    assert one.words == words
    assert len(words) <= 90
