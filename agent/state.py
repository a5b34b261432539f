"""The inventory: what this agent has put on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Inventory:
    """endpoint_id: in whose name the block was written. commit: the last one applied in full.

    jobs: by id. bare_foreign: see schedulers.base.Known.
    """

    endpoint_id: str
    commit: str | None = None
    jobs: Mapping[str, Placed] = field(default_factory=dict)
    bare_foreign: str | None = None

    @property
    def lines(self) -> dict[str, bytes]:
        """The lines that should stand in the table, by job id."""
        return {
            job_id: placed.line.encode(errors="surrogateescape")
            for job_id, placed in self.jobs.items()
            if placed.line is not None
        }


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
    jobs = {job_id: {"path": p.path, "blob": p.blob, "line": p.line} for job_id, p in inventory.jobs.items()}
    for job_id, placed in inventory.jobs.items():
        if placed.rest:
            jobs[job_id]["rest"] = placed.rest
        if placed.drift:
            jobs[job_id]["drift"] = placed.drift
    document = {
        "version": VERSION,
        "endpoint_id": inventory.endpoint_id,
        "commit": inventory.commit,
        "bare_foreign": inventory.bare_foreign,
        "jobs": jobs,
    }
    write_file(path, json.dumps(document, separators=(",", ":")).encode())


def with_bare_foreign(inventory: Inventory, digest: str | None) -> Inventory:
    """Return the inventory that remembers these foreign bytes had no final newline."""
    return replace(inventory, bare_foreign=digest)
