"""The tests' own cron daemon and the machine's are told apart."""

import os
from pathlib import Path

import pytest

from infra.local import cron
from tests.e2e import private_cron
from tests.e2e.private_cron import PrivateCron


def test_a_daemon_with_other_files_does_not_serve_this_machine(tmp_path: Path):
    if why := private_cron.missing():
        pytest.skip(why)
    if os.geteuid() != 0:
        pytest.skip("only root may see which files a daemon sees")
    before = set(cron.daemon_pids())
    daemon = PrivateCron(tmp_path / "cron")

    try:
        assert set(cron.daemon_pids()) == before
    finally:
        daemon.stop()


def test_its_tables_are_not_the_machines(tmp_path: Path):
    if why := private_cron.missing():
        pytest.skip(why)
    daemon = PrivateCron(tmp_path / "cron")
    tables = Path("/var/spool/cron/crontabs")
    before = sorted(path.stat().st_mtime_ns for path in tables.iterdir()) if os.access(tables, os.R_OK) else []

    try:
        daemon.install("0 0 1 1 * /bin/true\n")

        assert daemon.crontab() == "0 0 1 1 * /bin/true\n"
        assert (sorted(path.stat().st_mtime_ns for path in tables.iterdir()) if before else []) == before
    finally:
        daemon.stop()
