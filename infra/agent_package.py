"""The agent as installers download it: one .tar.gz with the agent and every library it needs, all pure Python.

`python -m infra.agent_package` writes dist/crontopus-agent-VERSION.tar.gz and prints its SHA-256; the same environment gives
the same bytes. The libraries are those of this environment, which requirements-dev.txt pins: a machine that installs it asks no
package index, and one checksum covers all that will run there.
"""

import gzip
import hashlib
import io
import re
import tarfile
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

import click

from agent.machine import VERSION

CHECKOUT = Path(__file__).resolve().parents[1]
# What of ours an agent runs on. The command line's libraries stay at home.
OURS = ("agent", "chalicelib/domain")
_NOT_FOR_AGENTS = frozenset({"jmespath", "keyring", "platformdirs", "rich", "tomli-w"})
_LAUNCHER = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from agent.__main__ import main

main()
"""


def build(target: Path) -> str:
    """Write the package and return its SHA-256, hex."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(_contents().items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    packed = gzip.compress(plain.getvalue(), mtime=0)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def _contents() -> dict[str, bytes]:
    found = {"crontopus-agent.py": _LAUNCHER.encode(), "VERSION": f"{VERSION}\n".encode(), "lib/chalicelib/__init__.py": b""}
    for folder in OURS:
        for path in (CHECKOUT / folder).rglob("*.py"):
            found[f"lib/{path.relative_to(CHECKOUT).as_posix()}"] = path.read_bytes()
    for name in sorted(_needed()):
        found |= {f"lib/{place}": path.read_bytes() for place, path in _files_of(name)}
    return found


def _needed() -> set[str]:
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
        is_data = place.name in ("METADATA", "LICENSE", "NOTICE", "cacert.pem", "py.typed")
        if not is_elsewhere and (place.suffix == ".py" or is_data or "licenses" in place.parts):
            yield place.as_posix(), Path(str(file.locate()))


@click.command()
def main() -> None:
    """Build the package that installers download."""
    target = CHECKOUT / "dist" / f"crontopus-agent-{VERSION}.tar.gz"
    checksum = build(target)
    click.echo(f"{target.relative_to(CHECKOUT)} {target.stat().st_size / 1_000_000:.1f} MB\nSHA-256 {checksum}")


if __name__ == "__main__":
    main()
