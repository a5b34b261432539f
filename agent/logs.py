"""agent.log: one JSON line per event, rotated, with everything that looks like a credential blacked out."""

import json
import logging
import re
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from chalicelib.domain.times import to_text

MAX_BYTES = 1024 * 1024
KEPT_FILES = 3
_SECRET = re.compile(r"\bct[a-z]_[0-9A-Za-z]{8,}|(?<=://)[^/@\s\"]+@|((?:Basic|Bearer) )[A-Za-z0-9+/=_.~-]{8,}")
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object per record: when, how grave, what, and whatever `extra` holds."""

    def format(self, record: logging.LogRecord) -> str:
        moment = to_text(datetime.fromtimestamp(record.created, UTC))
        event: dict[str, object] = {"at": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        event |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return redacted(json.dumps(event, default=str))


def redacted(text: str) -> str:
    """Return the text without tokens, basic auth and user names in addresses."""
    return _SECRET.sub(lambda found: f"{found[1] or ''}[redacted]", text)


def start(path: Path, level: str, *, is_foreground: bool) -> None:
    """Log to the file and, in the foreground, to standard error as well."""
    handlers: list[logging.Handler] = [RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, delay=True)]
    if is_foreground:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(JsonLines())
    ours = logging.getLogger("agent")
    ours.handlers = handlers
    ours.setLevel(level.upper())
    ours.propagate = False
