"""What an entry of the audit log says of a change: counts, ids and digests, never a command."""

import hashlib
from contextlib import suppress

from agent.home import Home
from agent.outcome import Report
from agent.schedulers.block import item

MAX_IDS = 100


def of_table(old: bytes, new: bytes) -> dict[str, object]:
    """Return what is about to become of a table. Of lines that are not ours nothing is said."""
    before, after = set(old.split(b"\n")), set(new.split(b"\n"))
    gone, come = _jobs(before - after), _jobs(after - before)
    facts: dict[str, object] = {
        "before": hashlib.sha256(old).hexdigest(),
        "after": hashlib.sha256(new).hexdigest(),
        "lines": new.count(b"\n"),
    }
    for name, ids in {"added": come - gone, "changed": come & gone, "removed": gone - come}.items():
        known = sorted(one for one in ids if one)
        facts[name] = {"count": len(known), "ids": known[:MAX_IDS]}
    return facts


def of_round(report: Report) -> dict[str, object]:
    """Return what a round did. commit: the one it looked at, applied: the one that is carried out in full."""
    return {
        "commit": report.head,
        "applied": report.applied,
        "managed": report.managed,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "held": len(report.held_ids),
        "healed": len(report.drift),
    }


def of_config(home: Home) -> dict[str, object]:
    """Return by which a changed configuration is noticed; it holds no secret."""
    with suppress(OSError):
        return {"config": hashlib.sha256(home.config.read_bytes()).hexdigest()}
    return {}


def _jobs(lines: set[bytes]) -> set[str | None]:
    return {item(line).job_id for line in lines}
