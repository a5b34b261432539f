"""Rounds on a machine that is not every machine: selectors, labels, zones, users, jobs that depend on others."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import machine as machines
from agent import standing as standings
from agent.client import Api
from agent.config import Config, Remote, load_config, save_config
from agent.daemon import Heartbeat
from agent.here import Here
from agent.home import Home, make_private
from agent.report import Delivery
from agent.schedulers.memory import MemoryTable
from agent.standing import Standing
from agent.status import StatusBoard
from agent.sync import Sync
from chalicelib.domain.errors import Stalled
from tests.fixtures.fake_api import ENDPOINT_TOKEN, ControlPlane, answering
from tests.fixtures.git_http import BareRepository, serving
from tests.fixtures.rounds import FOREIGN, NOON, Machine, job_id, manifest, path

UTC_HERE = Here(timezone="UTC", login="ada", labels={"role": "db"}, facts={"platform": "linux"})
FOR_WEB = "  agent: {selector: {role: web}}\n"
FOR_DB = "  agent: {selector: {role: [db, cache]}}\n"


class Moving:
    """A machine whose circumstances a test changes between rounds."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.here = UTC_HERE
        self.sync: Sync = machine.sync()
        self.sync.here = lambda: self.here

    def commit(self, **specs: str) -> None:
        """Commit job-N for each nN, with these lines in its spec."""
        numbers = {int(key[1:]): more for key, more in specs.items()}
        self.machine.remote.commit({path(number): manifest(number, more=more) for number, more in numbers.items()})

    def more(self, number: int) -> dict[str, Any]:
        job = json.loads((self.machine.home.jobs / f"{job_id(number)}.yaml").read_bytes())
        found: dict[str, Any] = job.get("more", {})
        return found

    @property
    def table(self) -> bytes:
        return self.machine.table.content or b""


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Moving]:
    home = Home(tmp_path / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(tmp_path / "forge")
    with serving(tmp_path / "forge") as forge:
        yield Moving(Machine(home, MemoryTable(FOREIGN), remote, forge))


def test_a_machine_has_only_the_jobs_that_are_meant_for_it(moving: Moving) -> None:
    moving.commit(n1=FOR_DB, n2=FOR_WEB, n3="")

    report = moving.sync.round()

    assert moving.table == FOREIGN + moving.machine.block(1, 3)
    assert moving.machine.job_files() == {job_id(1), job_id(3)}
    assert (report.managed, report.elsewhere, report.problems) == (2, 1, ())


def test_new_labels_move_jobs_without_a_commit(moving: Moving) -> None:
    moving.commit(n1=FOR_DB, n2=FOR_WEB)
    moving.sync.round()

    moving.here = replace(UTC_HERE, labels={"role": "web"})
    report = moving.sync.round()

    assert moving.table == FOREIGN + moving.machine.block(2)
    assert (report.added, report.removed, report.held) == (1, 1, None)


def test_a_round_in_which_no_label_changed_writes_nothing(moving: Moving) -> None:
    moving.commit(n1=FOR_DB, n2=FOR_WEB)
    moving.sync.round()

    moving.here = replace(UTC_HERE, labels=dict(UTC_HERE.labels or {}))
    moving.sync.round()

    assert moving.machine.table.writes == 1


def test_while_labels_are_unknown_what_is_installed_stays_and_nothing_comes(moving: Moving) -> None:
    moving.commit(n1=FOR_DB)
    moving.sync.round()

    moving.here = replace(UTC_HERE, labels=None)
    moving.commit(n2=FOR_DB, n3="")
    moving.sync.round()

    assert moving.table == FOREIGN + moving.machine.block(1, 3)


def test_a_job_that_is_meant_for_another_machine_now_leaves_without_being_held(moving: Moving) -> None:
    moving.commit(**{f"n{number}": "" for number in range(1, 9)})
    moving.sync.round()

    moving.commit(**{f"n{number}": FOR_WEB for number in range(1, 9)})
    report = moving.sync.round()

    assert (moving.table, report.held) == (FOREIGN, None)


def test_a_job_of_another_zone_has_a_wider_line_that_asks_the_guard(moving: Moving) -> None:
    moving.machine.remote.commit({path(1): manifest(1, "30 9 * * 1-5", more="  timezone: Asia/Kolkata\n")})

    moving.sync.round()

    line = moving.machine.line(1, "0 * * * *").replace(b" CRONTOPUS:", b" --guard CRONTOPUS:")
    assert line in moving.table
    assert moving.more(1)["guard"]["hours"] == [9]


def test_a_machine_that_moves_to_the_jobs_zone_needs_no_guard_any_more(moving: Moving) -> None:
    moving.machine.remote.commit({path(1): manifest(1, "30 9 * * 1-5", more="  timezone: Asia/Kolkata\n")})
    moving.sync.round()

    moving.here = replace(UTC_HERE, timezone="Asia/Kolkata")
    report = moving.sync.round()

    assert moving.machine.line(1, "30 9 * * 1-5") in moving.table
    assert (moving.more(1), report.changed, report.drift) == ({}, 1, ())


def test_a_parents_file_says_that_others_wait_for_it_as_long_as_they_do(moving: Moving) -> None:
    moving.commit(n1="", n2="  dependsOn: [job-1]\n")
    moving.sync.round()
    before = moving.more(1), moving.more(2)

    moving.commit(n2="")
    moving.sync.round()

    assert before == ({"is_noted": True}, {"after": [["default/job-1", job_id(1)]]})
    assert (moving.more(1), moving.more(2)) == ({}, {})


def test_a_restart_remembers_what_the_files_were_made_from(moving: Moving) -> None:
    moving.commit(n1="", n2="  dependsOn: [job-1]\n")
    moving.sync.round()
    before = (moving.machine.home.jobs / f"{job_id(1)}.yaml").stat()

    again = moving.machine.sync()
    again.here = lambda: UTC_HERE
    again.round()

    assert (moving.machine.home.jobs / f"{job_id(1)}.yaml").stat().st_ino == before.st_ino


def test_a_job_that_may_not_run_as_its_user_is_taken_out_and_told(moving: Moving) -> None:
    moving.commit(n1="", n2="")
    moving.sync.round()

    moving.commit(n1="  user: backup\n")
    report = moving.sync.round()

    assert moving.table == FOREIGN + moving.machine.block(2)
    assert "cannot start jobs as backup" in report.problems[0]


def test_a_job_that_reports_by_ping_is_on_no_machine(moving: Moving) -> None:
    moving.commit(n1="  checkin: {by: ping}\n")

    report = moving.sync.round()

    assert (moving.table, report.managed) == (FOREIGN, 0)


def test_what_a_removed_job_left_for_others_goes_with_it(moving: Moving) -> None:
    moving.commit(n1="", n2="")
    moving.sync.round()
    left = [moving.machine.home.directory / folder / job_id(1) for folder in ("locks", "results")]
    for file in left:
        file.parent.mkdir()
        file.touch()

    moving.machine.remote.commit({path(1): None})
    moving.sync.round()

    assert [file.exists() for file in left] == [False, False]


CONFIG = Config("https://api", "ep-1", "first", Remote("https://git/x", "main", "u"), allowed_users=("backup", "www-data"))


def test_what_is_known_of_the_machine_comes_from_the_control_plane_once_it_has_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = machines.here(home, CONFIG, {}, 0)
    standings.remember(home.standing, Standing("ep-1", "renamed", {"role": "db"}))

    after = machines.here(home, CONFIG, {}, 0)

    assert (before.facts["name"], before.labels) == ("first", None)
    assert (after.facts["name"], after.labels) == ("renamed", {"role": "db"})
    assert (after.is_root, after.login, after.allowed_users) == (True, "root", frozenset({"backup", "www-data"}))


def test_what_was_told_of_another_endpoint_is_not_ours(tmp_path: Path) -> None:
    standings.remember(Home(tmp_path).standing, Standing("ep-2", "other", {}))

    assert machines.here(Home(tmp_path), CONFIG, {}, 0).labels is None


@pytest.mark.parametrize(
    ("zone", "is_there"), [("Europe/Paris", True), ("Mars/Olympus", False), ("leapseconds", False), ("Europe", False)]
)
def test_a_zone_is_a_file_of_the_system_with_rules_in_it(zone: str, is_there: bool) -> None:
    assert machines.has_zone(zone) is is_there


def test_a_manifest_that_names_a_zone_nobody_has_stops_no_round(moving: Moving) -> None:
    moving.here = replace(UTC_HERE, has_zone=machines.has_zone)
    moving.commit(n1="  timezone: leapseconds\n", n2="  timezone: Mars/Olympus\n  paused: true\n", n3="")

    report = moving.sync.round()

    assert moving.table == FOREIGN + moving.machine.block(3)
    assert len(report.problems) == 1


def test_allowed_users_are_kept_in_the_configuration(tmp_path: Path) -> None:
    save_config(Home(tmp_path), CONFIG)

    assert load_config(Home(tmp_path)).allowed_users == ("backup", "www-data")


@pytest.mark.parametrize("value", ["backup", "[1]", "{a: b}", "['']"])
def test_allowed_users_that_are_no_list_of_names_are_refused(tmp_path: Path, value: str) -> None:
    home = Home(tmp_path)
    save_config(home, replace(CONFIG, allowed_users=()))
    home.config.write_text(f"{home.config.read_text()}allowed_users: {value}\n")

    with pytest.raises(Stalled, match="allowed_users"):
        load_config(home)


def heartbeat(plane: ControlPlane, home: Home, heard: list[Standing]) -> Heartbeat:
    api = Api(plane.url, ENDPOINT_TOKEN)
    delivery = Delivery(home.directory / "spool", plane.endpoint_id, api.check_in)
    config = replace(CONFIG, endpoint_id=plane.endpoint_id, api_url=plane.url)
    return Heartbeat(config, api, delivery, StatusBoard(home.status), {}, lambda: NOON, heard.append)


@pytest.mark.parametrize("standing", [{"name": "db-1", "labels": {"role": "db"}}, {}])
def test_a_heartbeats_answer_tells_name_and_labels_or_an_older_one_does_not(tmp_path: Path, standing: dict[str, Any]) -> None:
    heard: list[Standing] = []
    with answering() as plane:
        answer = {"endpoint": {"id": plane.endpoint_id, "state": "active"} | standing, "server_time": "2026-11-20T12:00:00Z"}
        plane.refusals["/heartbeat"] = (200, answer, {})

        heartbeat(plane, Home(tmp_path), heard).beat()

    assert heard == ([Standing(plane.endpoint_id, "db-1", {"role": "db"})] if standing else [])
