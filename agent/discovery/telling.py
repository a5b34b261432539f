"""Looking around and telling the control plane of it, whenever there is something new."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agent.decide import known_of
from agent.discovery import memory as memories
from agent.discovery.memory import Memory, Told
from agent.discovery.scan import Circumstances, Sighting, look
from agent.discovery.tables import Table
from agent.home import Home
from agent.schedulers.base import Actual, Known
from agent.state import load_inventory
from chalicelib.domain import quotas
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, Malformed, Stalled, TooLarge, Unavailable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 300.0
# What the control plane may have lost, or somebody taken out of the repository, is told of again.
TELL_EVERY_S = 86_400.0
GONE = "Discovered job not found - removed externally. Not recreating."
_ENOUGH_WORDS = 20

# Takes the body of POST /api/endpoints/{endpoint_id}/discovered-jobs and returns the answer.
Tell = Callable[[Mapping[str, object]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Looked:
    """One look. lines: what was seen, as far as it is known. is_told: the control plane was asked. problems: in words."""

    lines: tuple[Told, ...]
    is_told: bool
    problems: tuple[str, ...]


class Own(Protocol):
    """What of a scheduler is looked at."""

    def raw(self) -> bytes: ...

    def find(self, raw: bytes, known: Known) -> Actual: ...


class Discovery:
    """Looks at the tables of this machine. others: the tables beside our own. now: seconds since 1970."""

    def __init__(
        self,
        home: Home,
        endpoint_id: str,
        scheduler: Own,
        here: Callable[[], Circumstances],
        others: Callable[[], Sequence[Table]],
        now: Callable[[], float],
    ) -> None:
        self.home = home
        self.endpoint_id = endpoint_id
        self.scheduler = scheduler
        self.here = here
        self.others = others
        self.now = now

    def see(self) -> tuple[Memory, list[Sighting], list[Told]]:
        """Return what is remembered, what stands in the tables, and the same under the ids it is known by. Changes nothing."""
        memory = memories.load(self.home.discovered, self.endpoint_id)
        known = known_of(load_inventory(self.home.inventory), self.endpoint_id)
        foreign = self.scheduler.find(self.scheduler.raw(), known).foreign
        sightings = look(foreign, self.others(), memory.ids, self.here())
        return memory, sightings, memories.remembered(memory, sightings)

    def look_once(self, tell: Tell) -> Looked:
        """Look, tell what is new, and remember what it is.

        Raise Unavailable if waiting helps, Stalled if the control plane does not take it.
        """
        memory, sightings, told = self.see()
        digest = _digest(sightings, told)
        is_due = digest != memory.digest or self.now() - memory.told_at > TELL_EVERY_S
        if is_due:
            answered = self._tell(tell, sightings, told)
            gone = _gone(memory, answered)
            for line in gone:
                log.info(GONE, extra={"job_id": line.job_id, "job": f"{line.namespace}/{line.name}"})
            memory = Memory(self.endpoint_id, _digest(sightings, answered), self.now(), tuple(answered))
            memories.save(self.home.discovered, memory)
        elif tuple(told) != memory.lines:
            memory = replace(memory, lines=tuple(told))
            memories.save(self.home.discovered, memory)
        return Looked(memory.lines, is_due, tuple(_problems(memory.lines)))

    def _tell(self, tell: Tell, sightings: Sequence[Sighting], told: Sequence[Told]) -> list[Told]:
        pairs = list(zip(sightings, told, strict=True))
        limit = quotas.MAX_DISCOVERED
        try:
            if len(pairs) <= limit:
                return _send(tell, pairs, is_complete=True)
            parts = [_send(tell, pairs[at : at + limit], is_complete=False) for at in range(0, len(pairs), limit)]
            return _once_each(line for part in parts for line in part)
        except (Conflict, Invalid, Malformed, Forbidden) as e:
            raise Stalled(f"what was found in the crontab is not taken: {e.message}", code="discovery_refused") from e


def _send(tell: Tell, pairs: Sequence[tuple[Sighting, Told]], *, is_complete: bool) -> list[Told]:
    """Tell these lines and return them with the answers. What is too large for one report goes in halves."""
    try:
        answer = tell({"jobs": [_body(sighting, line) for sighting, line in pairs], "is_complete": is_complete})
    except TooLarge:
        if len(pairs) < 2:
            return [replace(line, state="refused", problem="its line is too long to be reported") for _, line in pairs]
        half = len(pairs) // 2
        return [*_send(tell, pairs[:half], is_complete=False), *_send(tell, pairs[half:], is_complete=False)]
    jobs = answer.get("jobs")
    if not isinstance(jobs, list) or len(jobs) != len(pairs) or not all(isinstance(job, dict) for job in jobs):
        raise Unavailable("the API's answer to what was found cannot be read", code="api_unavailable")
    return [memories.answered(line, job) for (_, line), job in zip(pairs, jobs, strict=True)]


def _once_each(lines: Iterable[Told]) -> list[Told]:
    """Return the lines of several reports, each of which knows nothing of equal lines in the others."""
    seen: set[str | None] = set()
    found = []
    for line in lines:
        is_twin = line.job_id is not None and line.job_id in seen
        twin = replace(line, job_id=None, state="refused", problem="an equal line has been reported")
        found.append(twin if is_twin else line)
        seen.add(line.job_id)
    return found


def _body(sighting: Sighting, line: Told) -> dict[str, object]:
    facts: dict[str, object] = {
        "line_hash": sighting.line_hash,
        "schedule": sighting.schedule[:500],
        "command": sighting.command,
        "name": sighting.name[:255] or None,
        "user": sighting.user and sighting.user[:100],
        "id": line.job_id,
        "table": sighting.table and sighting.table[:255],
        "env": dict(list(sighting.env.items())[:64]),
        "shell": sighting.shell and sighting.shell[:255],
        "timezone": sighting.timezone and sighting.timezone[:64],
        "obstacle": sighting.obstacle and sighting.obstacle[:500],
        "note": sighting.note and sighting.note[:1000],
        "set_aside": sighting.is_set_aside,
    }
    return {key: value for key, value in facts.items() if value not in (None, {}, False)}


def _digest(sightings: Sequence[Sighting], told: Sequence[Told]) -> str:
    bodies = [_body(sighting, line) for sighting, line in zip(sightings, told, strict=True)]
    return hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()


def _gone(memory: Memory, now: Sequence[Told]) -> list[Told]:
    """Return the discovered jobs whose lines have gone; an adopted one's line has not gone, we have set it aside."""
    there = {line.job_id for line in now}
    return [line for line in memory.lines if line.job_id and line.job_id not in there and line.state not in ("adopted", "")]


def _problems(lines: Sequence[Told]) -> list[str]:
    """Return what a person should know of the lines, in words."""
    refused = [line for line in lines if line.state == "refused"]
    told = [f"{line.table or 'crontab'}, line {line.number}: no job can be made of it: {line.problem}" for line in refused]
    told = [*told[:_ENOUGH_WORDS], *([f"and {len(told) - _ENOUGH_WORDS} lines more"] if len(told) > _ENOUGH_WORDS else [])]
    if len(lines) > quotas.MAX_DISCOVERED:
        told.append(f"{len(lines)} lines of others; with more than {quotas.MAX_DISCOVERED}, those that go are not noticed")
    return told
