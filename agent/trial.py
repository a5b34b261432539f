"""A new version on trial: it stays if it works, and the one before comes back by itself if it does not.

PREFIX/trial is there from right before the switch until the new version has shown that it works: its first line names the
folder of the version before. PREFIX/trial.starts has one byte for each start since then. The launcher, a shell script that no
update touches, writes it, and gives the fourth start to the version before: a new version need not even be able to start to
be given up. What is left for the one before to do is here.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from agent.home import read_json, write_file
from agent.installed import Installation
from chalicelib.domain.times import from_text, to_text

MAX_STARTS = 3
REMEMBERED = timedelta(days=7)
Outcome = Literal["healthy", "rolled_back", "interrupted"]
_READABLE = 0o644


@dataclass(frozen=True, slots=True)
class Trial:
    """folder, former: below versions/, of the new version and the one before. version, from_version: what they are called."""

    folder: str
    former: str
    version: str
    from_version: str


def begin(place: Installation, trial: Trial) -> None:
    """Put a version on trial: it is what the next start runs."""
    _starts(place).unlink(missing_ok=True)
    write_file(_path(place), f"{trial.former}\n{json.dumps(asdict(trial))}\n".encode(), mode=_READABLE)
    place.switch(trial.folder)


def at_start(place: Installation, now: datetime) -> Trial | None:
    """Return the trial that this start is part of, None if it is part of none.

    If we are the version before, one that did not work was given up, or a switch was cut short: the way back is finished.
    """
    trial = find(place)
    if trial is None or trial.folder == place.folder:
        return trial
    if trial.former != place.folder:
        _end(place)
    elif starts(place) > MAX_STARTS:
        place.switch(trial.former)
        settle(place, trial, "rolled_back", now, f"{trial.version} was started {MAX_STARTS} times and did not work")
    elif place.current() == trial.former:
        settle(place, trial, "interrupted", now, "the update was cut short before the switch")
    return None


def find(place: Installation) -> Trial | None:
    """Return the trial that is under way."""
    try:
        _, described, *_ = _path(place).read_text(encoding="utf-8").splitlines()
        return Trial(**json.loads(described))
    except (OSError, ValueError, TypeError):
        return None


def starts(place: Installation) -> int:
    """Return how often the launcher has started something since the switch."""
    try:
        return _starts(place).stat().st_size
    except OSError:
        return 0


def settle(place: Installation, trial: Trial, outcome: Outcome, now: datetime, why: str = "") -> None:
    """End the trial and write down how it went."""
    told = {**asdict(trial), "outcome": outcome, "at": to_text(now), "why": why}
    write_file(place.prefix / "update.json", json.dumps(told).encode(), mode=_READABLE)
    _end(place)
    if outcome == "healthy":
        forget_others(place, {trial.folder, trial.former})


def last(place: Installation) -> dict[str, Any]:
    """Return how the last update went, empty if there was none."""
    found = read_json(place.prefix / "update.json")
    return found if isinstance(found, dict) else {}


def problems(place: Installation, now: datetime) -> list[str]:
    """Return what is to be said of the last update: for a week, that it was taken back."""
    told = last(place)
    try:
        is_old = told.get("outcome") != "rolled_back" or now - from_text(told["at"]) > REMEMBERED
        return [] if is_old else [f"update_rolled_back: {told['why']}; {told['from_version']} runs again since {told['at']}"]
    except (KeyError, TypeError, ValueError):
        return []


def forget_others(place: Installation, kept: set[str]) -> None:
    """Remove versions that neither run nor are what we would go back to, and what downloads left behind."""
    for path in place.versions.iterdir():
        if path.name not in kept | {place.folder}:
            shutil.rmtree(path, ignore_errors=True)


def _end(place: Installation) -> None:
    # The trial first: a count without one means nothing, a trial without a count would begin anew.
    for path in (_path(place), _starts(place)):
        with suppress(FileNotFoundError):
            path.unlink()


def _path(place: Installation) -> Path:
    return place.prefix / "trial"


def _starts(place: Installation) -> Path:
    return place.prefix / "trial.starts"
