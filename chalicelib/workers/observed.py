"""What every worker has in common: one log line, counted results, and errors that Lambda may see."""

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import CrontopusError
from chalicelib.logs import log


@dataclass(frozen=True, slots=True)
class Done:
    """What one invocation did. counts: word -> how often. failed: the batch's items that are to be given once more."""

    counts: Mapping[str, int]
    failed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a batch's items that succeed or fail together. act: returns a word for what was done."""

    items: Sequence[str]
    act: Callable[[], str]


class WorkFailed(Exception):
    """A worker could not do its work. Lambda writes it to its own log, so it holds no more than a name and a code."""


def observed(work: Callable[[Any], Done]) -> Callable[[Any], dict[str, Any]]:
    """Log one line for each invocation, and answer with the items that failed.

    An error that concerns the invocation as a whole is logged and raised as WorkFailed: Lambda then tries again.
    """

    @functools.wraps(work)
    def run(event: Any) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            done = work(event)
        except Exception as e:
            code = _note(e, {"worker": work.__name__})
            raise WorkFailed(f"{work.__name__}: {code}") from None
        facts = {"duration_ms": round((time.perf_counter() - started) * 1000, 2), "failed": len(done.failed)}
        log.info("worked", extra={"worker": work.__name__, "counts": dict(done.counts), **facts})
        return {"batchItemFailures": [{"itemIdentifier": item} for item in done.failed]}

    return run


def one_by_one(parts: Iterable[Part]) -> Done:
    """Act on each part; one that fails does not keep the others from being done, and its items are to be given again."""
    counts: dict[str, int] = {}
    failed: list[str] = []
    for part in parts:
        try:
            word = part.act()
        except Exception as e:
            word = _note(e, {"items": list(part.items)})
            failed += part.items
        counts[word] = counts.get(word, 0) + 1
    return Done(counts, failed)


def _note(error: Exception, facts: Mapping[str, object]) -> str:
    """Log an error and return the word for it: the code of one of ours, else `internal`."""
    if isinstance(error, CrontopusError):
        log.warning("work failed", extra={"error": error.code, "why": error.message, **facts})
        return error.code
    log.exception("unexpected error", extra=dict(facts))
    return "internal"
