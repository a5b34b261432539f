"""What the agent logs: one JSON line per event, with everything that looks like a credential blacked out.

To agent.log, which is rotated, and to standard error; to journald in its own form.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from chalicelib.domain.times import to_text

MAX_BYTES = 1024 * 1024
KEPT_FILES = 3
LEVELS = ("debug", "info", "warning", "error")
# See sd-daemon(3): how grave a line is, for what reads the standard error of a service.
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_SECRET = re.compile(
    # Our tokens; who logs in by an address; what a header holds; addresses that are a secret themselves.
    r"\bct[a-z]_[0-9A-Za-z]{8,}"
    r"|(?<=://)[^/@\s\"]+@"
    r"|((?:Basic|Bearer|token) )[A-Za-z0-9+/=_.~-]{8,}"
    r"|(https://hooks\.slack\.com/|https://discord(?:app)?\.com/api/webhooks/|/ping/)[\w/.-]{8,}",
    re.IGNORECASE,
)
# What is called a secret is one, in JSON, YAML, a query and a shell alike. What JSON has besides text stays: it stays JSON.
_NAMED = re.compile(
    r"(password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|authorization|cookie)"
    r"(\\?[\"']?\s*[:=]\s*)(?![\[{])(\\?[\"']?)((?:(?!\\?[\"'])[^\s,&}])+)",
    re.IGNORECASE,
)
_NO_TEXT = re.compile(r"null|true|false|-?\d+(?:\.\d+)?")
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object per record: when, how grave, what, by which endpoint, and whatever `extra` holds."""

    def __init__(self, endpoint_id: str | None = None) -> None:
        super().__init__()
        self.always = {"endpoint_id": endpoint_id} if endpoint_id else {}

    def format(self, record: logging.LogRecord) -> str:
        moment = to_text(datetime.fromtimestamp(record.created, UTC))
        return self._line({"at": moment, "level": record.levelname.lower()}, record)

    def _line(self, first: Mapping[str, object], record: logging.LogRecord) -> str:
        event: dict[str, object] = {**first, "event": record.getMessage(), **self.always}
        event |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return redacted(json.dumps(event, default=str))


class JournalLines(JsonLines):
    """The same for journald, which knows the moment by itself and takes how grave it is from the first signs."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{self._line({}, record)}"


def redacted(text: str) -> str:
    """Return the text without tokens, basic auth, user names in addresses, webhooks and what is called a secret."""
    text = _SECRET.sub(lambda found: f"{found[1] or found[2] or ''}[redacted]", text)
    return _NAMED.sub(_unnamed, text)


def _unnamed(found: re.Match[str]) -> str:
    is_json = '"' in found[2] and not found[3]
    return found[0] if is_json and _NO_TEXT.fullmatch(found[4]) else f"{found[1]}{found[2]}{found[3]}[redacted]"


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether what is written to the stream goes to journald; see JOURNAL_STREAM in systemd.exec(5)."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def start(
    path: Path | None,
    level: str,
    endpoint_id: str | None = None,
    *,
    shown_on: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Log to the file from now on, if there is to be one, and to a stream. What was started before ends."""
    handlers: list[logging.Handler] = []
    if path:
        handlers.append(RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, delay=True))
    for handler in handlers:
        handler.setFormatter(JsonLines(endpoint_id))
    if shown_on:
        shown = logging.StreamHandler(shown_on)
        shown.setFormatter(JournalLines(endpoint_id) if is_journal(shown_on, environ or {}) else JsonLines(endpoint_id))
        handlers.append(shown)
    ours = logging.getLogger("agent")
    former, ours.handlers = ours.handlers, handlers
    ours.setLevel(level.upper())
    ours.propagate = False
    for handler in former:
        handler.close()
