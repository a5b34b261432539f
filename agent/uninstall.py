"""Taking our block out of the table."""

import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from agent.apply import JobFiles
from agent.decide import known_of
from agent.discovery import memory
from agent.home import ROUND_WAIT_S, Home, locked
from agent.reconcile import plan
from agent.schedulers.base import Scheduler
from agent.state import Inventory, load_inventory, save_inventory
from chalicelib.domain import crontab_marks


def uninstall(home: Home, scheduler: Scheduler, endpoint_id: str) -> Path | None:
    """Take our block out of the table and return where the table was saved, None if there was nothing of ours in it."""
    with locked(home.round_lock, wait_s=ROUND_WAIT_S), scheduler.held():
        inventory = load_inventory(home.inventory)
        raw = scheduler.raw()
        files = JobFiles(home)
        known = memory.load(home.discovered, endpoint_id).ids
        table = cleared(raw, inventory, files.present(), endpoint_id, scheduler, known)
        saved = scheduler.replace(raw, table) if table != raw else None
        save_inventory(home.inventory, Inventory(endpoint_id))
        files.remove(files.present())
        return saved


def abandoned(raw: bytes, directory: Path) -> list[str]:
    """Return the endpoints whose block in the table starts jobs out of D, when D itself no longer says who we are."""
    program = re.escape(os.fsencode(directory / "bin" / "run-job"))
    block = re.compile(rb"^# BEGIN CRONTOPUS (\S+)$(.*?)^# END CRONTOPUS \1$", re.MULTILINE | re.DOTALL)
    ours = re.compile(rb"\s" + program + rb" (--guard )?CRONTOPUS:")
    return [found[1].decode(errors="replace") for found in block.finditer(raw) if ours.search(found[2])]


def is_marked(raw: bytes) -> bool:
    """Tell whether lines bear marks, or are kept in comments, in a table in which no agent has a block."""
    return b"# BEGIN CRONTOPUS" not in raw and crontab_marks.plain(raw) != raw


def cleared(
    raw: bytes,
    inventory: Inventory | None,
    job_files: Collection[str],
    endpoint_id: str,
    scheduler: Scheduler,
    known: Collection[str] = (),
) -> bytes:
    """Return the table without anything of ours: the block, the marks, and the comments in place of adopted lines.

    known: ids of jobs that we have found. Where another agent has a block, only what is certainly ours is undone.
    """
    actual = scheduler.find(raw, known_of(inventory, endpoint_id))
    steps = plan((), actual.items, {*inventory.jobs, *job_files} if inventory else None)
    # Lines in our block that are not ours are somebody's: they stay, after the foreign ones.
    rest = actual.foreign + b"".join(line + b"\n" for line in steps.foreign)
    ours = {*known, *(inventory.jobs if inventory else ()), *(item.job_id for item in actual.items if item.job_id)}
    rest = crontab_marks.plain(rest, ours if b"# BEGIN CRONTOPUS" in rest else None)
    return scheduler.compose(replace(actual, foreign=rest), ())
