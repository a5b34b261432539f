"""An agent whose archive a package manager replaces."""

import threading
from pathlib import Path

import pytest

from agent import renewing
from agent.config import Config, Remote
from agent.installed import PACKAGED

CONFIG = Config("https://api.example.org", "ep-1", "here", Remote("https://forge.example.org/a.git", "main", "t-ada"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "crontopus-agent.pyz"
    path.write_bytes(b"one")
    (tmp_path / PACKAGED).write_text("apt updates it\n")
    return path


def test_another_archive_in_its_place_asks_for_a_restart(archive: Path):
    run = renewing.start(CONFIG, threading.Event(), lambda: archive)
    run.look()
    assert not run.stop.is_set()

    new = archive.with_name("new")
    new.write_bytes(b"two")
    new.replace(archive)
    run.look()

    assert (run.is_restart_wanted, run.stop.is_set()) == (True, True)


def test_one_that_is_gone_for_now_does_not(archive: Path):
    run = renewing.start(CONFIG, threading.Event(), lambda: archive)

    archive.unlink()
    run.look()

    assert not run.is_restart_wanted


def test_where_no_package_manager_put_us_nothing_is_looked_at(archive: Path):
    archive.with_name(PACKAGED).unlink()

    assert renewing.start(CONFIG, threading.Event(), lambda: archive) is None
    assert renewing.start(CONFIG, threading.Event(), lambda: None) is None
