"""How well runs went, in one word."""

from typing import Literal

Health = Literal["healthy", "degraded", "warning", "unknown"]

HEALTHY_PERCENT, DEGRADED_PERCENT = 95, 70


def health(successes: int, failures: int) -> Health:
    """Return healthy from 95 of 100 on, degraded from 70 on, else warning; unknown where nothing succeeded or failed."""
    ended = successes + failures
    if not ended:
        return "unknown"
    # Whole numbers: 19 of 20 is 95 percent, whatever floats make of it.
    if successes * 100 >= HEALTHY_PERCENT * ended:
        return "healthy"
    return "degraded" if successes * 100 >= DEGRADED_PERCENT * ended else "warning"
