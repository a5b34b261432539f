"""Releases as they are made: the archive on its own, and what lies beside it."""

import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.build import Build
from agent.machine import VERSION
from chalicelib.domain.errors import Stalled
from chalicelib.domain.releases import read_manifest
from infra.release import archive
from infra.release.publish import Terms, renew
from infra.release.signing import Unsigned, new_key, public_of, public_text, read_private
from tests.fixtures.release_shelf import CURRENT, KEYS, NEXT, Shelf, agent

_PROVE = """
import sys
sys.path.insert(0, sys.argv[1])
import certifi.core
certifi.core.SYSTEM = ()
import ssl, zoneinfo
import requests
import agent.build, agent.daemon, agent.wrapper.script
zoneinfo.reset_tzpath(to=[])
print(zoneinfo.ZoneInfo("Australia/Lord_Howe").utcoffset(__import__("datetime").datetime(2026, 1, 1)))
print(len(ssl.create_default_context(cafile=requests.certs.where()).get_ca_certs()) > 100)
print("def main" in agent.wrapper.script.program())
print(len(agent.build.load().keys), agent.build.load().version)
ours = [m for m in list(sys.modules.values()) if getattr(m, "__file__", None) and not m.__file__.startswith(sys.base_prefix)]
print({sys.argv[1] in m.__file__ for m in ours}, {m.__file__[-4:] for m in ours if m.__name__.startswith("agent.")})
"""


@pytest.fixture
def pyz(tmp_path: Path) -> Path:
    path = tmp_path / "crontopus-agent.pyz"
    path.write_bytes(agent())
    return path


def test_the_archive_runs_with_nothing_but_python(pyz: Path):
    command = [sys.executable, "-I", "-S", str(pyz), "version"]

    assert subprocess.run(command, env={}, capture_output=True, text=True, timeout=60).stdout == f"{VERSION}\n"


def test_what_libraries_keep_in_files_is_read_out_of_the_archive(pyz: Path):
    command = [sys.executable, "-I", "-S", "-c", _PROVE, str(pyz)]
    environment = {"TMPDIR": str(pyz.parent)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["11:00:00", "True", "True", f"2 {VERSION}", "{True} {'.pyc'}"]
    assert [path.name for path in pyz.parent.iterdir()] == [pyz.name]


def test_a_python_that_is_too_old_is_told_so(pyz: Path):
    with zipfile.ZipFile(pyz) as packed:
        text = packed.read("__main__.py").decode()

    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.version_info = (3, 9)\n" + text], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr


def test_the_same_environment_makes_the_same_archive():
    assert archive.build(Build(None, KEYS)) == agent()


def test_a_version_is_renewed_and_promoted_without_being_built_again(tmp_path: Path):
    shelf = Shelf(tmp_path, "")
    shelf.put("1.2.0", b"an agent", channel="beta", key=CURRENT, days=1)
    before = (tmp_path / "1.2.0" / "crontopus-agent-1.2.0.pyz").stat().st_mtime_ns
    later = datetime.now(UTC) + timedelta(days=2)

    renew(tmp_path, "1.2.0", Terms("stable", later, timedelta(days=90)), NEXT, {"": public_of(CURRENT)})

    offered = read_manifest((tmp_path / "stable.json").read_bytes(), [public_of(NEXT)], later)
    assert (offered.version, offered.channel, offered.files[0].size) == ("1.2.0", "stable", 8)
    assert (tmp_path / "1.2.0" / "crontopus-agent-1.2.0.pyz").stat().st_mtime_ns == before


def test_a_version_that_somebody_else_signed_is_not_renewed(tmp_path: Path):
    Shelf(tmp_path, "").put("1.2.0", b"an agent", key=CURRENT)

    with pytest.raises(Stalled, match="none of the keys"):
        renew(tmp_path, "1.2.0", Terms("stable", datetime.now(UTC), timedelta(days=90)), NEXT, {})


def test_a_key_is_written_once_and_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "key"
    key = new_key(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert public_of(read_private(path.read_bytes())) == public_of(key)
    with pytest.raises(FileExistsError):
        new_key(path)


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_signs_nothing(pem: bytes):
    with pytest.raises(Unsigned, match="cannot be read"):
        read_private(pem)


def test_a_release_is_made_by_one_command_and_passes_its_own_check(tmp_path: Path):
    key = new_key(tmp_path / "key")
    trusted = ["--key", public_text(public_of(key)), "--key", public_text(KEYS[1])]
    command = [sys.executable, "-m", "infra.release"]
    options = {"cwd": archive.CHECKOUT, "capture_output": True, "text": True, "timeout": 120}

    built = subprocess.run(
        [*command, "build", "--folder", tmp_path, "--signing-key", tmp_path / "key", *trusted], check=False, **options
    )
    checked = subprocess.run([*command, "verify", "--folder", tmp_path, *trusted], check=False, **options)

    assert built.returncode == 0, built.stderr
    assert f"AgentReleaseVersion {VERSION}" in built.stdout
    assert checked.stdout.startswith(f"stable is {VERSION}"), checked.stderr
