"""The agent as one file that any Python from 3.11 on runs: crontopus-agent.pyz, with every library, all pure Python.

The libraries are those of this environment, which requirements-dev.txt pins: a machine that installs it asks no package index,
and one checksum covers all that will run there. The same environment gives the same bytes. Beside each source lies what this
version of Python makes of it; another version of Python compiles the sources at each start.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath

from agent.build import FILE, Build

CHECKOUT = Path(__file__).resolve().parents[2]
# What of ours an agent runs on. The command line's libraries stay at home.
OURS = ("agent", "chalicelib/domain")
_NOT_FOR_AGENTS = frozenset({"jmespath", "keyring", "platformdirs", "rich", "tomli-w"})
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit(f"error: the Crontopus agent needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")

from agent.__main__ import main

main()
"""


def build(made: Build, replaced: Mapping[str, bytes] | None = None) -> bytes:
    """Return the archive. replaced: other contents for some of its files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, content in {**contents(made), **(replaced or {})}.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _compile(folder)
        return b"#!/usr/bin/env python3\n" + _zip(folder)


def contents(made: Build) -> dict[str, bytes]:
    """Return the files of the archive, without what is compiled."""
    found = {"__main__.py": _MAIN.encode(), f"agent/{FILE}": made.text().encode(), "chalicelib/__init__.py": b""}
    for folder in OURS:
        for path in (CHECKOUT / folder).rglob("*.py"):
            found[path.relative_to(CHECKOUT).as_posix()] = path.read_bytes()
    for name in sorted(needed()):
        found |= {place: path.read_bytes() for place, path in _files_of(name)}
    found["certifi/core.py"] = (Path(__file__).parent / "certificates.py").read_bytes()
    return found


def needed() -> set[str]:
    """Return the distributions that the agent needs, and what those need."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    waiting = [_name(wanted) for wanted in project["dependencies"]]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name in _NOT_FOR_AGENTS:
            continue
        found.add(name)
        # What an extra or another platform asks for is none of ours.
        waiting += [_name(wanted) for wanted in metadata.requires(name) or [] if ";" not in wanted]
    return found


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None  # noqa: S101 - pip has read the same
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _files_of(name: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a distribution, without what is compiled for one platform: each library has a pure form too."""
    for file in metadata.files(name) or []:
        place = PurePosixPath(file.as_posix())
        is_elsewhere = place.parts[0] == ".." or "__pycache__" in place.parts
        is_data = place.name in ("METADATA", "LICENSE", "NOTICE", "cacert.pem") or place.parts[:2] == ("tzdata", "zoneinfo")
        if not is_elsewhere and (place.suffix == ".py" or is_data or "licenses" in place.parts):
            yield place.as_posix(), Path(str(file.locate()))


def _compile(folder: Path) -> None:
    # A zip keeps no useful dates, so a .pyc that is checked against its source's would never be used.
    options = ["--invalidation-mode", "unchecked-hash", "-b", "-q", "-s", str(folder)]
    command = [sys.executable, "-sS", "-m", "compileall", *options, str(folder)]
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=300, stdout=subprocess.DEVNULL)


def _zip(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
