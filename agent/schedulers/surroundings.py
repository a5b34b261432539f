"""What stands above our block in a crontab and reaches into it: cron applies a variable to every line below.

Our lines are plain words, so that any shell starts them. What the variables change all the same is said in words, and a zone
that this cron reads lines in becomes the one our schedules are converted to.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.guard import OWN, Lines
from agent.schedulers.flavours import Flavour
from chalicelib.domain import crontab_lines, zones

_ZONE, _DELAY = "CRON_TZ", "RANDOM_DELAY"
_ENDING_SHELLS = ("false", "nologin", "true")
# A start that comes later than this means another minute to run-job, see agent/wrapper/run_guard.py.
_GUARDED_DELAY = 10


@dataclass(frozen=True, slots=True)
class Surroundings:
    """lines: in which zone our lines are read. warnings: what else reaches into our block, in words."""

    lines: Lines = OWN
    warnings: tuple[str, ...] = ()


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK) and Path(path).is_file()


def read(foreign: bytes, flavour: Flavour, is_program: Callable[[str], bool] = _is_program) -> Surroundings:
    """Return what foreign lines do to ours."""
    if b"=" not in foreign:
        return Surroundings()
    found = {name.decode(errors="replace"): text for name, text in crontab_lines.variables_at_end(foreign).items()}
    variables = {name: text.decode(errors="replace") for name, text in found.items()}
    named = {variables[name] for name in flavour.zone_variables if variables.get(name)}
    # Of two that differ nobody knows which one counts.
    lines = Lines(_known(next(iter(named))) if len(named) == 1 else None, is_set=True) if named else OWN
    return Surroundings(lines, tuple(_warnings(variables, flavour, lines, is_program)))


def _known(zone: str) -> str | None:
    name = zone.strip().lstrip(":")
    return name if zones.name_problem(name) is None and zones.is_known(name) else None


def _warnings(variables: Mapping[str, str], flavour: Flavour, lines: Lines, is_program: Callable[[str], bool]) -> Iterator[str]:
    shell = variables.get("SHELL")
    if shell is not None and (not is_program(shell) or Path(shell).name in _ENDING_SHELLS):
        yield f"SHELL={shell} stands above our block and starts no program: none of our jobs will run"
    if variables.get(_ZONE) and not lines.is_set:
        yield f"{_ZONE}={variables[_ZONE]} stands above our block; this cron ({flavour.name}) does not heed it, nor do our jobs"
    elif lines.is_set:
        name = next(name for name in flavour.zone_variables if variables.get(name))
        asked = "names no zone that is known here: run-job is asked every minute whether a job is due"
        turned = "our lines are converted to it, and our jobs run when they should"
        yield f"{name}={variables[name]} stands above our block: {turned if lines.zone else asked}"
    delay = variables.get(_DELAY, "").strip()
    if flavour.delay_variable == _DELAY and delay.isdigit() and int(delay):
        more = (
            ", which jobs of other time zones may not survive: they are not started at all"
            if int(delay) > _GUARDED_DELAY
            else ""
        )
        yield f"{_DELAY}={delay} stands above our block: jobs start up to {delay} minutes late{more}"
    for name, what in (("PATH", "their programs are looked up there"), ("HOME", "they start in that folder")):
        if name in variables:
            yield f"{name}={variables[name]} stands above our block: our jobs see it, and {what}"
    if mail := variables.get("MAILTO"):
        yield f"MAILTO={mail} stands above our block: cron mails what our jobs write to {mail}"
