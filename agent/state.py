"""The inventory: what this agent has put on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from agent.home import read_json, write_file
from chalicelib.domain.errors import Stalled

VERSION = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """One job as it was last put here. path, blob: the manifest it came from. line: its crontab line, None while paused.

    rest: what else its file was made from, see `placing.Wanted`. drift: what somebody made of the line and we leave like that,
    one `drift.Drift.key` a line; empty where the line stands as we wrote it.
    """

    path: str
    blob: str
    line: str | None
    rest: str = ""
    drift: str = ""

    @property
    def line_bytes(self) -> bytes:
        """The line as it stands in the table, empty while there is none."""
        return (self.line or "").encode(errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class Inventory:
    """endpoint_id: in whose name the block was written. commit: the last one applied in full.

    jobs: by id. bare_foreign: see schedulers.base.Known.
    """

    endpoint_id: str
    commit: str | None = None
    jobs: Mapping[str, Placed] = field(default_factory=dict)
    bare_foreign: str | None = None
    _lines: list[Mapping[str, bytes]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def lines(self) -> Mapping[str, bytes]:
        """The lines that should stand in the table, by job id. Made once: a round asks for them six times."""
        if not self._lines:
            self._lines.append({job_id: placed.line_bytes for job_id, placed in self.jobs.items() if placed.line is not None})
        return self._lines[0]


def load_inventory(path: Path) -> Inventory | None:
    """Return the inventory, None if there is none or it cannot be read: then the block in the table is all that is known.

    Raise Stalled if a newer agent wrote it.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        return None
    if document.get("version", 0) > VERSION:
        raise Stalled(f"{path} was written by a newer agent; nothing is changed", code="state_newer")
    try:
        jobs = {job_id: Placed(**placed) for job_id, placed in document["jobs"].items()}
        return Inventory(document["endpoint_id"], document["commit"], jobs, document.get("bare_foreign"))
    except (KeyError, TypeError, AttributeError):
        return None


def save_inventory(path: Path, inventory: Inventory) -> None:
    """Write the inventory, whole or not at all."""
    document = {
        "version": VERSION,
        "endpoint_id": inventory.endpoint_id,
        "commit": inventory.commit,
        "bare_foreign": inventory.bare_foreign,
    }
    jobs = ",".join(_entry(job_id, placed) for job_id, placed in inventory.jobs.items())
    head = json.dumps(document, separators=(",", ":")).removesuffix("}")
    write_file(path, f'{head},"jobs":{{{jobs}}}}}'.encode())


# One job changes and a thousand are written again. The limit is two tables of cron's largest size.
@lru_cache(maxsize=20_000)
def _entry(job_id: str, placed: Placed) -> str:
    """Return one job of the document as JSON."""
    facts = {"path": placed.path, "blob": placed.blob, "line": placed.line}
    for name in ("rest", "drift"):
        if value := getattr(placed, name):
            facts[name] = value
    return f"{json.dumps(job_id)}:{json.dumps(facts, separators=(',', ':'))}"


def with_bare_foreign(inventory: Inventory, digest: str | None) -> Inventory:
    """Return the inventory that remembers these foreign bytes had no final newline."""
    return replace(inventory, bare_foreign=digest)
