"""Taking our block out of the table."""

import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from agent.apply import JobFiles
from agent.decide import known_of
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
        table = cleared(raw, inventory, files.present(), endpoint_id, scheduler)
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


def cleared(
    raw: bytes, inventory: Inventory | None, job_files: Collection[str], endpoint_id: str, scheduler: Scheduler
) -> bytes:
    """Return the table without anything of ours: the block, the marks, and the comments in place of adopted lines."""
    actual = scheduler.find(raw, known_of(inventory, endpoint_id))
    steps = plan((), actual.items, {*inventory.jobs, *job_files} if inventory else None)
    # Lines in our block that are not ours are somebody's: they stay, after the foreign ones.
    rest = crontab_marks.plain(actual.foreign + b"".join(line + b"\n" for line in steps.foreign))
    return scheduler.compose(replace(actual, foreign=rest), ())
