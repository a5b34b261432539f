"""Reading agent.log and its older files back, for people and programs."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click

from agent.logs import KEPT_FILES, redacted
from agent.terminal import shown
from chalicelib.domain.times import from_text

LEVELS = ("debug", "info", "warning", "error", "critical")
_COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
_POLL_S = 0.3
_HEAD = ("at", "level", "event", "traceback")


def files(path: Path) -> list[Path]:
    """Return the log's files that are there, the oldest first."""
    found = [path.with_name(f"{path.name}.{number}") for number in range(KEPT_FILES, 0, -1)]
    return [file for file in (*found, path) if file.is_file()]


def lines(path: Path) -> Iterator[str]:
    """Yield every line, the oldest first. A file that is rotated away meanwhile is not missed: it is open already."""
    for file in files(path):
        with file.open(encoding="utf-8", errors="replace") as opened:
            yield from (line.rstrip("\n") for line in opened if line.strip())


def follow(path: Path, pause: Callable[[], None] = lambda: time.sleep(_POLL_S)) -> Iterator[str]:
    """Yield lines as they are added, from now on, through every rotation. pause: is called while there is nothing new."""
    file = path.open(encoding="utf-8", errors="replace") if path.exists() else None
    if file:
        file.seek(0, 2)
    rest = ""
    while True:
        chunk = file.read() if file else ""
        *whole, rest = (rest + chunk).split("\n")
        yield from (line for line in whole if line.strip())
        if chunk:
            continue
        if path.exists() and (file is None or not _is_same(path, file)):
            if file:
                file.close()
            file, rest = path.open(encoding="utf-8", errors="replace"), ""
            continue
        pause()


def _is_same(path: Path, file: TextIO) -> bool:
    try:
        there, ours = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino) and there.st_size >= file.tell()


def is_wanted(line: str, after: datetime | None, level: str) -> bool:
    """Tell whether a line is new and grave enough. One that is no event of ours is shown: somebody should see it."""
    event = _event(line)
    if event is None:
        return True
    try:
        is_new = after is None or from_text(str(event["at"])) >= after
    except (KeyError, ValueError):
        is_new = True
    return is_new and _rank(str(event.get("level"))) >= LEVELS.index(level)


def as_json(line: str) -> str:
    """Return the line as one JSON object in ASCII, so that no terminal obeys it."""
    event = _event(line)
    return redacted(json.dumps(event if event is not None else {"event": line}))


def as_text(line: str, *, is_coloured: bool) -> str:
    """Return the line for a person: when, how grave, what, and the rest as `key=value`."""
    event = _event(line)
    if event is None:
        return shown(redacted(line))
    level = str(event.get("level", "?"))
    rest = " ".join(f"{key}={_value(value)}" for key, value in event.items() if key not in _HEAD)
    head = f"{event.get('at', '?')}  {level.upper():<8}"
    colour = _COLOURS.get(level) if is_coloured else None
    text = f"{_flat(str(event.get('event', '')))}{'  ' + rest if rest else ''}"
    told = f"{shown(_flat(head))}  {shown(redacted(text))}"
    trace = event.get("traceback")
    below = "".join(f"\n    {shown(redacted(one))}" for one in str(trace).splitlines()) if trace else ""
    return (click.style(told, fg=colour) if colour else told) + below


def _event(line: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _value(value: object) -> str:
    text = _flat(value if isinstance(value, str) else json.dumps(value))
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text else text


def _flat(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t")
