"""Asking the API again and again for what is new."""

from collections.abc import Callable, Iterator

from cli.answers import Body
from cli.errors import Unavailable
from cli.invocation import Invocation


def polled(invocation: Invocation, ask: Callable[[], Body], interval_s: float) -> Iterator[Body]:
    """Yield an answer every so many seconds, for ever. An API that is away or limits us is waited for, and said once."""
    is_away = False
    while True:
        wait_s = interval_s
        try:
            answer = ask()
        except Unavailable as e:
            wait_s = max(interval_s, e.retry_after_s or 0)
            if not is_away:
                invocation.printer.note(f"{e.message}; trying again")
            is_away = True
        else:
            is_away = False
            yield answer
        invocation.sleep(wait_s)


class Seen:
    """Which runs were told already, in which state."""

    def __init__(self) -> None:
        self._states: dict[str, object] = {}

    def news(self, runs: list[Body]) -> list[Body]:
        """Return the runs that are new or in another state, oldest first, and remember them."""
        fresh = [run for run in reversed(runs) if self._states.get(str(run["run_id"])) != run.get("status")]
        self._states |= {str(run["run_id"]): run.get("status") for run in fresh}
        return fresh
