"""What a person needs to help with an agent from afar, in one archive, without credentials and other people's commands."""

import gzip
import io
import json
import os
import platform
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent import audit, logbook, overview
from agent.commands.version import facts as version_facts
from agent.doctor.facts import Facts
from agent.doctor.judge import judge
from agent.errors import of_os_error
from agent.home import Home, read_secret
from agent.logs import redacted
from agent.shapes import shapes
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.times import to_text

MAX_LOG_LINES = 5000
MAX_ENTRIES = 1000
MAX_FILES = 1000
_PREFIX = "crontopus-support"

CONTENTS = {
    "version.json": "versions of agent, Python and system",
    "system.txt": "the system's release, and names (no values) of variables that steer the agent",
    "status.json": "what `status` shows",
    "doctor.json": "what `doctor` found",
    "config.yaml": "the configuration; it holds no credential, and what looks like one is blacked out",
    "inventory.json": "which jobs the agent has put here: ids, files, lines",
    "agent.log": f"the last {MAX_LOG_LINES} events",
    "audit.log": f"the last {MAX_ENTRIES} entries, and whether the chain holds",
    "crontab.txt": "the crontab; of lines that are not ours the schedule and how long the command is",
    "spool.json": "how many results wait, since when, and the sizes of their files; no output",
}


def gather(
    home: Home, environ: Mapping[str, str], facts: Facts, now: datetime, *, table: bytes | None, is_whole: bool
) -> dict[str, bytes]:
    """Return every file of the bundle. table: the crontab, None if it cannot be read. is_whole: with foreign commands."""
    clean = cleaner(home)
    parts: dict[str, Callable[[], str]] = {
        "version.json": lambda: _json(version_facts()),
        "system.txt": lambda: _system(environ),
        "status.json": lambda: _json(overview.gather(home, environ, now)[0]),
        "doctor.json": lambda: _json([check.as_json() for check in judge(facts)]),
        "config.yaml": lambda: home.config.read_text(errors="replace"),
        "inventory.json": lambda: home.inventory.read_text(errors="replace"),
        "agent.log": lambda: "".join(f"{line}\n" for line in [*logbook.lines(home.log)][-MAX_LOG_LINES:]),
        "audit.log": lambda: _audit(home),
        "crontab.txt": lambda: _crontab(table, is_whole=is_whole),
        "spool.json": lambda: _json(_spool(home, facts)),
    }
    return {name: clean(_or_why(part)).encode(errors="backslashreplace") for name, part in parts.items()}


def cleaner(home: Home) -> Callable[[str], str]:
    """Return what blacks out this machine's own credentials, wherever they stand, and whatever looks like one."""
    secrets = []
    for path in (home.agent_token, home.git_token):
        with suppress(CrontopusError):
            secrets.append(read_secret(path))

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "[redacted]") if len(secret) >= 6 else text
        return "\n".join(redacted(line) for line in text.split("\n"))

    return clean


def write(path: Path, files: Mapping[str, bytes], now: datetime) -> None:
    """Write the archive; a file that is there already stays. Only its owner may read it."""
    packed = io.BytesIO()
    folder = f"{_PREFIX}-{now:%Y%m%dT%H%M%SZ}"
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
            tar.addfile(entry, io.BytesIO(content))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(packed.getvalue(), mtime=0))
    except OSError as e:
        raise of_os_error(e, f"{path} cannot be written") from e


def default_name(now: datetime) -> str:
    return f"{_PREFIX}-{now:%Y%m%dT%H%M%SZ}.tar.gz"


def _or_why(part: Callable[[], str]) -> str:
    """Return a part, or why there is none: a bundle is wanted most where things are broken."""
    try:
        return part()
    except (OSError, ValueError, CrontopusError) as e:
        return f"not here: {type(e).__name__}: {e}\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"


def _system(environ: Mapping[str, str]) -> str:
    release = ""
    with suppress(OSError):
        release = Path("/etc/os-release").read_text(errors="replace")
    names = sorted(name for name in environ if name.startswith("CRONTOPUS_") or name.lower().endswith("_proxy") or name == "TZ")
    return f"{' '.join(platform.uname())}\n{release}\nvariables that are set: {', '.join(names) or 'none'}\n"


def _audit(home: Home) -> str:
    verdict = audit.verify(home)
    entries = [link.entry for link in audit.links(home) if link.entry][-MAX_ENTRIES:]
    holds = f"the chain is broken: {verdict.broken}" if verdict.broken else f"the chain holds, {verdict.checked} entries"
    return f"# {holds}\n" + "".join(json.dumps(entry.as_json()) + "\n" for entry in entries)


def _crontab(table: bytes | None, *, is_whole: bool) -> str:
    if table is None:
        return "not here: the table cannot be read; see doctor.json\n"
    return table.decode(errors="backslashreplace") if is_whole else shapes(table)


def _spool(home: Home, facts: Facts) -> dict[str, Any]:
    """Return what lies in the spool: by ending, how many files and bytes; then the files themselves, without content."""
    files = []
    for path in sorted((home.directory / "spool").rglob("*")):
        with suppress(OSError):
            found = path.stat()
            if path.is_file():
                moment = to_text(datetime.fromtimestamp(found.st_mtime, UTC))
                files.append((str(path.relative_to(home.directory)), found.st_size, moment))
    endings: dict[str, dict[str, int]] = {}
    for name, size, _ in files:
        ending = name.partition(".")[2] or "other"
        tally = endings.setdefault(ending, {"files": 0, "bytes": 0})
        tally["files"] += 1
        tally["bytes"] += size
    spool = facts.spool
    counts = {"depth": spool.depth, "oldest_at": spool.oldest_at, "quarantined": spool.quarantined, "lost": spool.lost}
    return counts | {"endings": endings, "files": files[:MAX_FILES]}
