"""The parts of the daemon at work, each in a thread of its own, so that none waits for another."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from agent.loop import Part, repeat

log = logging.getLogger(__name__)

STOP_WITHIN_S = 15.0
Clock = Callable[[], float]


class Worker:
    """One part in its thread. It begins when the worker before it, which did the same with other settings, has ended."""

    def __init__(self, part: Part, before: "Worker | None" = None, clock: Clock = time.monotonic) -> None:
        self.part = part
        self.before = before
        self.clock = clock
        self.stop = threading.Event()
        self._since: float | None = None
        self.thread = threading.Thread(target=self._work, name=part.name, daemon=True)

    def __enter__(self) -> None:
        self._since = self.clock()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def why_stuck(self) -> str | None:
        """Return what is wrong with it, None if it works or waits as it should."""
        since = self._since
        if since is not None and self.clock() - since > self.part.patience_s:
            return f"{self.part.name} has been at one thing for more than {self.part.patience_s:g} s"
        if not self.thread.is_alive() and not self.stop.is_set():
            return f"{self.part.name} has ended"
        return None

    def place(self) -> str:
        """Return where its thread is just now, as a traceback."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _work(self) -> None:
        if self.before:
            self.before.thread.join()
            self.before = None
        repeat(self.part, self.stop, at_work=self)


class Crew:
    """All workers: those that go on, and those that were told to stop and still finish what they are at."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._workers: list[Worker] = []
        self._told: set[str] = set()

    def work(self, parts: Sequence[Part]) -> None:
        """Do these from now on. Parts of before end when they have finished what they are at, then their namesakes begin."""
        self.end()
        leaving = {worker.part.name: worker for worker in self._workers if worker.thread.is_alive()}
        coming = [Worker(part, leaving.get(part.name), self.clock) for part in parts]
        self._workers = [*leaving.values(), *coming]
        for worker in coming:
            worker.thread.start()

    def end(self) -> None:
        """Let nobody begin anything new."""
        for worker in self._workers:
            worker.stop.set()

    def wait(self, within_s: float = STOP_WITHIN_S) -> None:
        """Give all a while to finish what they are at."""
        deadline = time.monotonic() + within_s
        for worker in self._workers:
            worker.thread.join(max(0.0, deadline - time.monotonic()))

    def stuck(self) -> list[str]:
        """Return what does not go on; what is new is logged, with where it hangs."""
        self._workers = [worker for worker in self._workers if worker.thread.is_alive() or not worker.stop.is_set()]
        found = [(why, worker) for worker in self._workers if (why := worker.why_stuck())]
        for why, worker in found:
            if why not in self._told:
                log.error("a part is stuck", extra={"why": why, "place": worker.place()})
        self._told = {why for why, _ in found}
        return [why for why, _ in found]
