import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bundle import CONTENTS
from tests.fixtures.fake_api import ENDPOINT_TOKEN, ENROLL_TOKEN
from tests.fixtures.git_http import TOKEN
from tests.fixtures.places import Place, machine


def unpacked(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        files = [(entry.name, tar.extractfile(entry)) for entry in tar]
        return {Path(name).name: file.read().decode() for name, file in files if file}


def leave_secrets_everywhere(place: Place) -> None:
    """Put what must not leave the machine where a careless hand, or a careless program, would."""
    secrets = f"{ENDPOINT_TOKEN} {TOKEN} password=hunter22 https://u:hunter22@h/ Bearer hunter22hunter22"
    with (place.home / "agent.log").open("a") as log:
        log.write(json.dumps({"at": "2026-11-20T12:00:00.000Z", "level": "info", "event": secrets}) + f"\n{secrets}\n")
    table = place.cron.table.read_bytes()
    place.cron.table.write_bytes(
        f"0 1 * * * backup --key {TOKEN} -phunter22\nPGPASSWORD=hunter22\n# hunter22\n".encode() + table
    )
    with (place.home / "config.yaml").open("a") as config:
        config.write(f"# token: {ENDPOINT_TOKEN}\n")
    (place.home / "spool").mkdir(exist_ok=True)
    (place.home / "spool" / "0192f0c1-0000-7000-8000-000000000001.out").write_text("hunter22")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with machine(tmp_path) as here:
        here.enroll()
        here.agent("sync")
        leave_secrets_everywhere(here)
        yield here


def test_a_bundle_holds_what_it_says_and_no_secret(place: Place) -> None:
    path = place.folder / "bundle.tar.gz"
    done = place.agent("support-bundle", str(path), env={"https_proxy": "http://u:hunter22@proxy", "no_proxy": "127.0.0.1"})

    assert done.returncode == 0, done.stderr
    assert all(name in done.stderr for name in CONTENTS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = unpacked(path)
    assert files.keys() == CONTENTS.keys()
    for secret in (ENDPOINT_TOKEN, TOKEN, ENROLL_TOKEN, "hunter22"):
        assert {name for name, text in files.items() if secret in text} == set()
    assert "not here" not in "".join(text for name, text in files.items() if name != "agent.log")
    assert "bin/run-job CRONTOPUS:" in files["crontab.txt"]
    assert json.loads(files["spool.json"])["endings"]["out"] == {"files": 1, "bytes": 8}
    assert place.agent("support-bundle", str(path)).returncode == 1


def test_commands_are_in_it_only_if_they_are_asked_for(place: Place) -> None:
    path = place.folder / "whole.tar.gz"
    place.agent("support-bundle", "--with-crontab", str(path))

    table = unpacked(path)["crontab.txt"]
    assert "0 1 * * * backup --key [redacted]" in table
    assert "date +" in table
    assert TOKEN not in table


def test_a_broken_machine_gives_a_bundle_too(tmp_path: Path) -> None:
    with machine(tmp_path) as new:
        done = new.agent("support-bundle", str(tmp_path / "b.tar.gz"))

    assert done.returncode == 0, done.stderr
    assert "not here" in unpacked(tmp_path / "b.tar.gz")["config.yaml"]
