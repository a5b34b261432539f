"""Do the things behind us answer, and how fast."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.errors import CrontopusError


@dataclass(frozen=True, slots=True)
class Dependency:
    """problem: why it does not answer, None if it does."""

    name: str
    duration_ms: float
    problem: str | None


def check(probes: Mapping[str, Callable[[], object]], clock: Callable[[], float] = time.perf_counter) -> list[Dependency]:
    """Ask each dependency once and return what came of it, in order."""
    found = []
    for name, probe in probes.items():
        started = clock()
        problem = None
        try:
            probe()
        except CrontopusError as e:
            problem = e.message
        found.append(Dependency(name, round((clock() - started) * 1000, 1), problem))
    return found
