"""The Debian package: the archive under /usr/lib/crontopus, its command, service and manual page.

Made by dpkg-deb out of a tree that holds just that; the same archive gives the same package. What the package does when it is
installed, removed and purged stands in infra/release/debian/.
"""

import gzip
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from agent.__main__ import cli
from agent.installed import ARCHIVE, PACKAGED
from agent.services.base import Setup
from agent.services.systemd import UNIT, packaged_unit
from infra.release.archive import needed

_SOURCES = Path(__file__).parent / "debian"
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_EPOCH = 315_532_800  # 1980, as in the archive


class NoDeb(Exception):
    """The package cannot be built here; the message says why."""


def version_of(version: str) -> str:
    """Return a version as dpkg orders it: 1.0.0~rc1 comes before 1.0.0."""
    for stage in ("rc", "a", "b"):
        if stage in version:
            return version.replace(stage, f"~{stage}", 1)
    return version


def build(archive: bytes, version: str) -> bytes:
    """Return the package. Raise NoDeb where there is no dpkg-deb."""
    if not shutil.which("dpkg-deb"):
        raise NoDeb("`dpkg-deb` is missing (it is in Debian's package dpkg)")
    with tempfile.TemporaryDirectory() as name:
        tree, target = Path(name) / "tree", Path(name) / "agent.deb"
        _stage(tree, archive, version)
        environment = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": str(_EPOCH)}
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(target)]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
        return target.read_bytes()


def _stage(tree: Path, archive: bytes, version: str) -> None:
    said = {"VERSION": version_of(version), "COMMANDS": _commands(), "LIBRARIES": _libraries()}
    files = {
        f"usr/lib/crontopus/{ARCHIVE}": archive,
        f"usr/lib/crontopus/{PACKAGED}": _source("packaged", said),
        "usr/bin/crontopus-agent": _source("launcher", said),
        f"lib/systemd/system/{UNIT}": _unit().encode(),
        "etc/default/crontopus-agent": _source("default", said),
        "usr/share/man/man1/crontopus-agent.1.gz": gzip.compress(_source("crontopus-agent.1", said), mtime=0),
        "usr/share/doc/crontopus-agent/copyright": _source("copyright", said),
        "usr/share/doc/crontopus-agent/changelog.gz": gzip.compress(_changelog(said["VERSION"]).encode(), mtime=0),
    }
    said["SIZE_KB"] = str(sum(len(content) for content in files.values()) // 1024 + 1)
    files |= {f"DEBIAN/{name}": _source(name, said) for name in ("control", "conffiles", *_SCRIPTS)}
    for place, content in files.items():
        path = tree / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        is_program = path.parent.name == "bin" or path.name in _SCRIPTS
        path.chmod(0o755 if is_program else 0o644)
    for path in (tree, *tree.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (_EPOCH, _EPOCH))


def _source(name: str, said: Mapping[str, str]) -> bytes:
    text = (_SOURCES / name).read_text(encoding="utf-8")
    for word, value in said.items():
        text = text.replace(f"@{word}@", value)
    return text.encode()


def _unit() -> str:
    root = Path("/root")
    return packaged_unit(Setup(("/usr/bin/crontopus-agent",), root / ".crontopus", 0, "root", root))


def _commands() -> str:
    found = [(name, cli.get_command(None, name)) for name in cli.list_commands(None)]  # type: ignore[arg-type]
    lines = [f".TP\n.B {name}\n{command.get_short_help_str(200)}" for name, command in found if command and not command.hidden]
    return "\n".join(lines).replace("`", "'").replace("-", "\\-")


def _libraries() -> str:
    lines = []
    for name in sorted(needed()):
        about = metadata.metadata(name).json
        terms = str(about.get("license_expression") or about.get("license") or "see its archive").splitlines()[0]
        lines.append(f"  {name} {about['version']}: {terms[:60]}")
    return "\n".join(lines)


def _changelog(version: str) -> str:
    return (
        f"crontopus-agent ({version}) stable; urgency=medium\n\n  * See CHANGELOG.md of the release.\n\n"
        " -- Crontopus <support@crontopus.com>  Tue, 01 Jan 1980 00:00:00 +0000\n"
    )
