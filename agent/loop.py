"""One part of the daemon: a thing that is done again and again, whatever becomes of it."""

import logging
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from chalicelib.domain.errors import CrontopusError, Forbidden, Stalled, Unauthenticated, Unavailable

log = logging.getLogger(__name__)

JITTER = 0.1
MAX_WAIT_S = 300.0
MAX_REFUSED_WAIT_S = 3600.0
# Asking again soon will not change the answer, and a host that hammers at a closed door is a nuisance.
_REFUSALS = frozenset(
    {
        "git_auth",
        "endpoint_revoked",
        "endpoint_gone",
        "source_missing",
        "api_refused",
        "duplicate_instance",
        "unauthenticated",
        "forbidden",
    }
)
# Far above what any round or request takes: what lasts longer has got stuck.
PATIENCE_S = 1800.0


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the daemon does again and again.

    act: does it once; returns after how many seconds to do it again, None for the usual interval.
    failed: hears of an error, and that nothing could be done about it here. patience_s: how long it may be at it.
    """

    name: str
    interval_s: float
    act: Callable[[], float | None]
    failed: Callable[[Exception], None]
    patience_s: float = PATIENCE_S


def next_delay(interval_s: float, failures: int, error: Exception) -> float:
    """Return the seconds until the next try after an error. failures: in a row, from 1.

    Where waiting helps, the forge's or API's own wish counts as the least.
    """
    is_refused = isinstance(error, Unauthenticated | Forbidden) or (isinstance(error, Stalled) and error.code in _REFUSALS)
    longest = MAX_REFUSED_WAIT_S if is_refused else MAX_WAIT_S
    grown = min(interval_s * 2.0 ** min(failures - 1, 12), longest)
    if isinstance(error, Unavailable):
        return float(max(grown, min(error.retry_after_s, MAX_REFUSED_WAIT_S)))
    return float(grown)


def repeat(
    part: Part,
    stop: threading.Event,
    chance: Callable[[], float] = random.random,
    at_work: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - it holds nothing
) -> None:
    """Do a part until told to stop. chance: 0 to 1; spreads what many machines would else do in the same second.

    at_work: entered whenever the part is at it, left while it waits.
    """
    failures = 0
    while not stop.is_set():
        try:
            with at_work:
                wait_s = part.act()
            failures = 0
            wait_s = _spread(part.interval_s, chance()) if wait_s is None else wait_s
        except Exception as e:
            failures += 1
            wait_s = _spread(next_delay(part.interval_s, failures, e), chance())
            _report(part, e, wait_s)
        stop.wait(wait_s)


def _spread(wait_s: float, chance: float) -> float:
    return wait_s * (1 - JITTER + 2 * JITTER * chance)


def _report(part: Part, error: Exception, wait_s: float) -> None:
    level = logging.WARNING if isinstance(error, CrontopusError) else logging.ERROR
    code = getattr(error, "code", type(error).__name__)
    log.log(level, f"{part.name} failed", extra={"why": str(error), "code": code, "again_in_s": round(wait_s, 1)})
    log.debug("how it failed", exc_info=error)
    part.failed(error)
