import threading

import pytest

from agent.loop import Part, next_delay, repeat
from chalicelib.domain.errors import Forbidden, Stalled, Unauthenticated, Unavailable


class Script:
    """A part that does what it is told: raises errors, returns waits, then stops the loop."""

    def __init__(self, *steps: Exception | float | None) -> None:
        self.steps = list(steps)
        self.waits: list[float | None] = []
        self.failures: list[Exception] = []
        self.stop = Stop(self.waits, len(steps))

    def act(self) -> float | None:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def play(self, interval_s: float = 30) -> None:
        repeat(Part("part", interval_s, self.act, self.failures.append), self.stop, chance=lambda: 0.5)


class Stop(threading.Event):
    """Notes how long it was to be waited for instead of waiting, and is set after so many waits."""

    def __init__(self, waits: list[float | None], count: int) -> None:
        super().__init__()
        self.waits = waits
        self.count = count

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if len(self.waits) == self.count:
            self.set()
        return self.is_set()


def test_a_part_comes_again_after_its_interval_or_when_it_says() -> None:
    script = Script(None, 0.0, 5.0)
    script.play()

    assert script.waits == [30, 0, 5]


def test_an_error_does_not_end_the_loop_and_is_told() -> None:
    errors = [Unavailable("down"), RuntimeError("a bug"), Stalled("stuck")]
    script = Script(*errors, None)
    script.play()

    assert script.failures == errors


def test_the_wait_grows_with_each_failure_and_shrinks_after_a_success() -> None:
    down = Unavailable("down")
    script = Script(down, down, down, None, down)
    script.play()

    assert script.waits == [30, 60, 120, 30, 30]


@pytest.mark.parametrize(
    ("error", "longest_s"),
    [
        (Unavailable("down"), 300),
        (RuntimeError("a bug"), 300),
        (Stalled("table", code="scheduler_unreadable"), 300),
        (Stalled("credential", code="git_auth"), 3600),
        (Stalled("revoked", code="endpoint_revoked"), 3600),
        (Stalled("deleted", code="endpoint_gone"), 3600),
        (Unauthenticated("who"), 3600),
        (Forbidden("no"), 3600),
    ],
)
def test_the_wait_grows_to_an_hour_only_where_asking_sooner_is_no_use(error: Exception, longest_s: float) -> None:
    assert next_delay(30, 100, error) == longest_s


def test_a_wish_to_be_left_alone_is_the_least_wait() -> None:
    assert next_delay(30, 1, Unavailable("busy", retry_after_s=900)) == 900


def test_waits_are_spread_by_a_tenth() -> None:
    waits: list[float | None] = []
    for chance in (0.0, 1.0):
        repeat(
            Part("part", 30, lambda: None, lambda error: None), Stop(waits, len(waits) + 1), chance=lambda chance=chance: chance
        )

    assert waits == [pytest.approx(27), pytest.approx(33)]
