"""A figure of the bench, and how it is judged."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

# CPU of the yardstick, in ms, on the machine whose milliseconds the budgets mean (2 vCPU, AMD EPYC, Python 3.11).
YARDSTICK_MS = 0.65
_DOCUMENT = {str(number): ["some text", number, number / 7, None, {"deeper": "x" * 20}] for number in range(60)}


@dataclass(frozen=True, slots=True)
class Figure:
    """budget: the most it may be; None where a figure only informs."""

    name: str
    value: float
    unit: str
    budget: float | None

    @property
    def is_short(self) -> bool:
        return self.budget is not None and self.value > self.budget

    def line(self) -> str:
        budget = "-" if self.budget is None else f"{self.budget:g}"
        return f"{self.name} {self.value:.4g} {self.unit} {budget} {'short' if self.is_short else 'ok'}"


def yardstick_ms() -> float:
    """Return the CPU milliseconds of a fixed piece of work (JSON and SHA-256): how fast this machine is just now."""
    before = time.process_time()
    for _ in range(5):
        hashlib.sha256(json.dumps(json.loads(json.dumps(_DOCUMENT))).encode()).hexdigest()
    return (time.process_time() - before) * 1000


def calibrated(measure: Callable[[], float], rounds: int) -> float:
    """Return the median of a CPU time as it would be on the reference machine; the yardstick is taken beside each round."""
    measure()
    ratios = []
    for _ in range(rounds):
        before = yardstick_ms()
        value = measure()
        ratios.append(value / ((before + yardstick_ms()) / 2))
    return median(ratios) * YARDSTICK_MS


@contextmanager
def unheard() -> Iterator[None]:
    """Let log lines cost what they cost, and keep them from between the figures."""
    sys.stdout.flush()
    null, stdout = os.open(os.devnull, os.O_WRONLY), os.dup(1)
    os.dup2(null, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(null)
