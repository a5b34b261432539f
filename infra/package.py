"""The deployable package: `chalice package`, compiled, in a zip that is the same for the same source.

`python -m infra.package` writes build/sam.yaml and build/deployment.zip. The local stack and AWS deploy these very files.
Chalice ships no .pyc: importing everything takes 0.65 s without and 0.27 s with. And it ships what botocore knows of some
400 services: without those that no policy of ours names the zip is a third of the size, and a cold start reads half the files.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
_SOURCES = ("app.py", "chalicelib", ".chalice/*.json", "infra/resources.yaml", "infra/package.py", "requirements.txt")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """What is deployed: the template, and beside it the code that it names."""

    template: Path
    code: Path

    @property
    def size_mb(self) -> float:
        return self.code.stat().st_size / 1_000_000


class PackagingFailed(Exception):
    """The package could not be built; the message holds what Chalice said."""


def package(checkout: Path = CHECKOUT) -> Package:
    """Build the package into build/ unless the one there was made from the same source. One at a time: a second waits."""
    lock = checkout / ".local" / "package.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        return _package(checkout, checkout / "build")


def _package(checkout: Path, build: Path) -> Package:
    built = Package(build / "sam.yaml", build / "deployment.zip")
    stamp = build / "source.sha256"
    wanted = _fingerprint(checkout)
    if stamp.exists() and stamp.read_text() == wanted and built.template.exists() and built.code.exists():
        return built
    stamp.unlink(missing_ok=True)
    _run_chalice(checkout, build)
    _rewrite(built.code, allowed_services(checkout))
    stamp.write_text(wanted)
    return built


def chalice_stage(checkout: Path = CHECKOUT) -> str:
    """Return the one stage of .chalice/config.json: deployments differ by the template's parameters."""
    config = json.loads((checkout / ".chalice" / "config.json").read_text())
    (stage,) = config["stages"]
    return str(stage)


def allowed_services(checkout: Path = CHECKOUT) -> frozenset[str]:
    """Return the services that some function may call, by the prefix of the actions in its policy (dynamodb, kms, ...)."""
    actions: set[str] = set()
    for policy in (checkout / ".chalice").glob("policy-*.json"):
        for statement in json.loads(policy.read_text())["Statement"]:
            named = statement["Action"]
            actions.update([named] if isinstance(named, str) else named)
    return frozenset(action.split(":")[0] for action in actions)


def _fingerprint(checkout: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in _source_files(checkout):
        digest.update(f"{path.relative_to(checkout)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _source_files(checkout: Path) -> Iterator[Path]:
    for pattern in _SOURCES:
        for found in sorted(checkout.glob(pattern)):
            files = sorted(found.rglob("*")) if found.is_dir() else [found]
            yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)


def _run_chalice(checkout: Path, build: Path) -> None:
    shutil.rmtree(build, ignore_errors=True)
    code = "import sys; from chalice.cli import main; sys.exit(main())"
    merge = ["--merge-template", str(checkout / "infra" / "resources.yaml")]
    # botocore makes no client without a region, not even to write a template.
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    command = ["-c", code, "package", "--stage", chalice_stage(checkout), *merge, str(build)]
    _run_python(command, checkout, {"AWS_DEFAULT_REGION": region})


def _rewrite(code: Path, services: frozenset[str]) -> None:
    """Drop what no function can use, compile the rest, and zip it sorted and with fixed dates: its hash names its content."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(code) as archive:
            archive.extractall(folder)
        for described in (folder / "botocore" / "data").iterdir():
            # SES and a few more have a second API under the same prefix.
            if described.is_dir() and described.name.removesuffix("v2") not in services:
                shutil.rmtree(described)
        _compile(folder)
        unfinished = code.with_suffix(".tmp")
        with zipfile.ZipFile(unfinished, "w") as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
                entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
        unfinished.replace(code)


def _compile(folder: Path) -> None:
    # The zip resets every date, so a .pyc that is checked against its source's would never be used.
    options = ["--invalidation-mode", "unchecked-hash", "-q", "-j", "0", "-s", str(folder), "-p", "/var/task"]
    _run_python(["-m", "compileall", *options, str(folder)], folder, {"PYTHONHASHSEED": "0"})


def _run_python(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise PackagingFailed(f"{' '.join(arguments[:3])} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    made = package()
    print(f"{made.code.relative_to(CHECKOUT)} {made.size_mb:.1f} MB, {made.template.relative_to(CHECKOUT)}")  # noqa: T201
