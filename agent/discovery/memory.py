"""D/discovered.json: which lines are which jobs, as the control plane answered last."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agent.discovery.lines import Lines
from agent.discovery.scan import Sighting
from agent.home import read_json, write_file

VERSION = 1
_IN_TABLE = ("added", "changed", "unchanged")


@dataclass(frozen=True, slots=True)
class Told:
    """One line and what it is. table: None for our own. mark: id behind the line, None without one. job_id: the one it is.

    state: see POST /api/endpoints/{endpoint_id}/discovered-jobs, empty before the first answer. problem: why it is no job.
    unmarked: why it bears no mark.
    """

    table: str | None
    number: int
    line_hash: str
    schedule: str
    command: str
    mark: str | None = None
    job_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    state: str = ""
    problem: str | None = None
    unmarked: str | None = None
    is_set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """digest: of what was told last, empty if nothing was. told_at: when, in seconds since 1970."""

    endpoint_id: str
    digest: str = ""
    told_at: float = 0.0
    lines: tuple[Told, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(line.job_id for line in self.lines if line.job_id)


def load(path: Path, endpoint_id: str) -> Memory:
    """Return what is remembered; nothing if that is another endpoint's, a newer agent's or not to be read."""
    found = read_json(path)
    try:
        if not isinstance(found, dict) or found["version"] != VERSION or found["endpoint_id"] != endpoint_id:
            return Memory(endpoint_id)
        lines = tuple(Told(**line) for line in found["lines"])
        return Memory(endpoint_id, str(found["digest"]), float(found["told_at"]), lines)
    except (KeyError, TypeError, ValueError):
        return Memory(endpoint_id)


def save(path: Path, memory: Memory) -> None:
    """Write it, whole or not at all."""
    document = {"version": VERSION, **asdict(memory)}
    write_file(path, json.dumps(document, separators=(",", ":")).encode())


def remembered(memory: Memory, sightings: Iterable[Sighting]) -> list[Told]:
    """Return what is seen now with the ids it is known by: its mark's, else those that lines of its bytes had, in order."""
    known: dict[tuple[str | None, str], list[Told]] = {}
    for line in memory.lines:
        known.setdefault((line.table, line.line_hash), []).append(line)
    by_mark = {line.job_id: line for line in memory.lines}
    sightings = list(sightings)
    taken = {one.job_id for one in sightings}
    told = []
    for one in sightings:
        now = Told(
            one.table, one.number, one.line_hash, one.schedule, one.command, one.job_id, one.job_id,
            unmarked=one.unmarked, is_set_aside=one.is_set_aside,
        )  # fmt: skip
        same = [line for line in known.get((one.table, one.line_hash), ()) if line.job_id not in taken]
        before = by_mark.get(one.job_id) if one.job_id else next(iter(same), None)
        if before:
            taken.add(before.job_id)
            now = replace(now, job_id=one.job_id or before.job_id, name=before.name, namespace=before.namespace)
            now = replace(now, state=before.state, problem=before.problem)
        told.append(now)
    return told


def lines_of(memory: Memory) -> Lines:
    """Return what a round has to know of it."""
    own = [line for line in memory.lines if line.table is None and not line.is_set_aside]
    bare = [line for line in own if line.mark is None]
    return Lines(
        ids=_by_hash(bare),
        marks=_by_hash(line for line in bare if line.unmarked is None and line.state in _IN_TABLE),
        renamed={line.mark: line.job_id for line in own if line.mark and line.job_id and line.mark != line.job_id},
        elsewhere={line.job_id: f"{line.table}, line {line.number}" for line in memory.lines if line.table and line.job_id},
        is_known=memory.told_at > 0,
    )


def _by_hash(lines: Iterable[Told]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if line.job_id:
            found[line.line_hash] = (*found.get(line.line_hash, ()), line.job_id)
    return found


class Remembered:
    """The lines of D/discovered.json, read again only when somebody has replaced the file."""

    def __init__(self, path: Path, endpoint_id: str) -> None:
        self.path = path
        self.endpoint_id = endpoint_id
        self._stamp: tuple[int, int] | None = None
        self._lines = Lines()

    def lines(self) -> Lines:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._lines = None, Lines()
            return self._lines
        stamp = found.st_ino, found.st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._lines = stamp, lines_of(load(self.path, self.endpoint_id))
        return self._lines


def answered(told: Told, answer: Mapping[str, Any]) -> Told:
    """Return the line with what the control plane made of it."""
    text = {key: str(answer[key]) for key in ("id", "name", "namespace", "problem") if answer.get(key)}
    return replace(
        told,
        job_id=text.get("id"),
        name=text.get("name"),
        namespace=text.get("namespace"),
        state=str(answer.get("state")),
        problem=text.get("problem"),
    )
