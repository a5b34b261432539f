"""Workers: none waits for another, settings change without two at the same thing, and what hangs is noticed."""

import threading

import pytest

from agent.crew import Crew
from agent.loop import Part


class Steps:
    """A part that tells when it begins, and goes on when it is let."""

    def __init__(self, name: str = "sync", log: list[str] | None = None) -> None:
        self.name = name
        self.begun, self.let = threading.Event(), threading.Event()
        self.log = log if log is not None else []

    def act(self) -> float:
        self.log.append(self.name)
        self.begun.set()
        assert self.let.wait(10)
        return 3600.0

    def part(self, patience_s: float = 100) -> Part:
        return Part("sync", 3600, self.act, lambda error: None, patience_s)


def test_a_part_that_hangs_does_not_keep_the_others_waiting() -> None:
    hanging, done = Steps(), threading.Event()
    crew = Crew()
    crew.work([hanging.part(), Part("other", 3600, done.set, lambda error: None)])

    assert done.wait(10)
    hanging.let.set()
    crew.end()
    crew.wait()


def test_new_settings_wait_for_the_same_part_to_finish_and_for_no_other() -> None:
    log: list[str] = []
    old, new, free = Steps("old", log), Steps("new", log), threading.Event()
    crew = Crew()
    crew.work([old.part()])
    assert old.begun.wait(10)

    crew.work([new.part(), Part("other", 3600, free.set, lambda error: None)])

    assert free.wait(10)
    assert log == ["old"]
    old.let.set()
    new.let.set()
    assert new.begun.wait(10)
    assert log == ["old", "new"]
    crew.end()
    crew.wait()


def test_a_wait_between_rounds_is_cut_short_by_new_settings() -> None:
    rested, again = Steps(), threading.Event()
    rested.let.set()
    crew = Crew()
    crew.work([rested.part()])
    assert rested.begun.wait(10)

    crew.work([Part("sync", 3600, again.set, lambda error: None)])

    assert again.wait(10)
    crew.end()
    crew.wait()


@pytest.mark.parametrize(("age_s", "is_stuck"), [(100.0, False), (100.1, True)])
def test_a_part_is_stuck_when_it_is_at_one_thing_for_longer_than_it_may(age_s: float, is_stuck: bool) -> None:
    now = [0.0]
    hanging = Steps()
    crew = Crew(clock=lambda: now[0])
    crew.work([hanging.part(patience_s=100)])
    assert hanging.begun.wait(10)

    now[0] = age_s

    assert bool(crew.stuck()) is is_stuck
    hanging.let.set()
    crew.end()
    crew.wait()


def test_a_part_that_waits_is_not_stuck_however_long_it_waits() -> None:
    now = [0.0]
    rested = Steps()
    rested.let.set()
    crew = Crew(clock=lambda: now[0])
    crew.work([rested.part()])
    assert rested.begun.wait(10)
    crew.end()
    crew.wait()

    now[0] = 1e6

    assert crew.stuck() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_part_whose_thread_has_ended_is_stuck() -> None:
    def end() -> None:
        raise SystemExit

    crew = Crew()
    crew.work([Part("sync", 1, end, lambda error: None)])
    crew.wait()

    assert crew.stuck() == ["sync has ended"]
