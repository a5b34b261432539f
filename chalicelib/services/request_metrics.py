"""How many requests were answered how, and how long that took; counted in memory and told to the table now and then."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache

from chalicelib import config
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.metrics import Family, Sample, gauge
from chalicelib.logs import log
from chalicelib.services.health import Dependency
from chalicelib.store import metrics as metrics_store


class RequestCounts:
    """Counts for one process. every_s: how often the table is told, 0 for never.

    What was not told when a function ends is lost: at most what it served in that time.
    """

    def __init__(
        self, tell: Callable[[Mapping[str, int]], None], every_s: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._every_s = every_s
        self._clock = clock
        self._told_at = clock()
        self._pending: Counter[str] = Counter()

    def count(self, limit: str, status: int, duration_ms: float) -> None:
        """Count one answer. limit: name of the limit that its route falls under. Never raises."""
        if not self._every_s:
            return
        self._pending[f"{limit} {status}"] += 1
        self._pending[f"{limit} us"] += round(duration_ms * 1000)
        if self._clock() - self._told_at >= self._every_s:
            self._share()

    def _share(self) -> None:
        self._told_at = self._clock()
        try:
            self._tell(self._pending)
        except CrontopusError as e:
            log.warning("requests are not counted", extra={"why": e.message})
            return
        self._pending.clear()


@cache
def requests() -> RequestCounts:
    """Return the one counter of this process."""
    return RequestCounts(metrics_store.add, config.metrics_every_s())


def told() -> dict[str, int]:
    """Return what all functions have told so far."""
    return metrics_store.read()


def of_operator(counts: Mapping[str, int], dependencies: list[Dependency]) -> list[Family]:
    """Return what the operator's Prometheus reads."""
    answers = {tuple(name.rsplit(" ", 1)): count for name, count in counts.items()}
    requests = [
        Sample(count, {"limit": limit, "status": status})
        for (limit, status), count in sorted(answers.items())
        if status != "us"
    ]
    served = Counter[str]()
    for (limit, status), count in answers.items():
        served[limit] += count if status != "us" else 0
    spent = {limit: count / 1_000_000 for (limit, status), count in answers.items() if status == "us"}
    times = [Sample(spent[limit], {"limit": limit}, "_sum") for limit in sorted(spent)]
    times += [Sample(served[limit], {"limit": limit}, "_count") for limit in sorted(spent)]
    up = [Sample(0 if one.problem else 1, {"name": one.name}) for one in dependencies]
    took = [Sample(one.duration_ms / 1000, {"name": one.name}) for one in dependencies]
    return [
        Family("crontopus_http_requests_total", "counter", "Answers by the limit their route falls under.", tuple(requests)),
        Family("crontopus_http_request_duration_seconds", "summary", "How long they took.", tuple(times)),
        gauge("crontopus_dependency_up", "Whether what is behind the API answered just now.", up),
        gauge("crontopus_dependency_duration_seconds", "How long that took.", took),
    ]
