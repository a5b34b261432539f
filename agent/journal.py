"""What the agent logged to journald, where agent.log is switched off."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from agent import proc
from chalicelib.domain.errors import CrontopusError, Stalled
from chalicelib.domain.times import to_text

UNIT = "crontopus-agent.service"
_LEVELS = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
_OURS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def command(uid: int, *, count: int | None = None, is_following: bool = False) -> list[str]:
    """Return how journald is asked. count: of lines, None for all. A person's agent is a unit of that person."""
    unit = ["--unit", UNIT] if uid == 0 else ["--user-unit", UNIT]
    limit = [] if count is None else ["--lines", str(count)]
    return ["journalctl", *unit, "--output", "json", "--no-pager", "--quiet", *limit, *(["--follow"] if is_following else [])]


def lines(environ: Mapping[str, str], uid: int) -> Iterator[str]:
    """Yield every event as agent.log would have it, the oldest first. Raise Stalled if journald cannot be asked."""
    more = {name: environ[name] for name in _OURS if name in environ}
    try:
        done = proc.run(command(uid), environ=environ, more=more, timeout_s=30)
    except CrontopusError as e:
        raise Stalled("there is no agent.log, and journald cannot be asked", code="home_unusable") from e
    yield from (line for raw in done.output.splitlines() if (line := event(raw)))


def event(raw: bytes) -> str | None:
    """Return one entry of journald in the form of agent.log, None if it is none."""
    try:
        entry = json.loads(raw)
        at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
        message, priority = entry["MESSAGE"], int(entry.get("PRIORITY", 6))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    # journald gives bytes that are no text as a list of numbers.
    text = bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    facts = told if isinstance(told, dict) else {"event": text}
    return json.dumps({"at": to_text(at), "level": _LEVELS[min(max(priority, 0), 7)], **facts})
