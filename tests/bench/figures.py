"""A figure of the bench, and how it is judged."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


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


def median_of(measure: Callable[[], float], rounds: int) -> float:
    """Return the median of several measurements, after one that warms up."""
    measure()
    return median(measure() for _ in range(rounds))
