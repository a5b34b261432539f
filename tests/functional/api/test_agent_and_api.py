"""An agent against the API itself: what people order reaches the table, hands at the table reach the repository."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import driftlog, orders
from agent.config import Config, Remote
from agent.daemon import Heartbeat
from agent.drift import Policy
from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.home import Home, make_private
from agent.outcome import Report
from agent.report import Delivery
from agent.schedulers.crontab import Crontab
from agent.schedulers.memory import MemoryTable
from agent.status import StatusBoard
from agent.sync import Sync
from agent.wrapper.command import crontab_command
from tests.fixtures.builders import NOON
from tests.fixtures.rounds import manifest, path
from tests.functional.api.client import Answer, Api
from tests.functional.api.forge import TestForge

FOREIGN = b"MAILTO=me\n"


class Wire:
    """The agent's door to the API, without a network."""

    def __init__(self, api: Api, agent: Mapping[str, Any]) -> None:
        self.api = api.as_(agent["token"])

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        answer: Answer = self.api.post(path, body)
        assert answer.status == 200, answer.text
        return dict(answer.body)

    def heartbeat(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._post(f"/api/endpoints/{endpoint_id}/heartbeat", body)

    def tell_instances(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._post(f"/api/endpoints/{endpoint_id}/job-instances", body)

    def tell_drift(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._post(f"/api/endpoints/{endpoint_id}/drift", body)

    def check_in(self, runs: Any) -> list[dict[str, Any]]:
        raise AssertionError("nothing ran")


class Running:
    """An agent, one beat and one round at a time."""

    def __init__(self, api: Api, agent: Mapping[str, Any], folder: Path) -> None:
        self.home = Home(folder / ".crontopus")
        make_private(self.home.directory)
        self.table = MemoryTable(FOREIGN)
        self.endpoint_id = agent["endpoint"]["id"]
        self.wire = Wire(api, agent)
        self.board = StatusBoard(self.home.status)
        git = agent["git"]
        config = Config("http://127.0.0.1:1", self.endpoint_id, "web-1", Remote(git["url"], "main", git["username"]))
        delivery = Delivery(self.home.directory / "spool", self.endpoint_id, self.wire.check_in)
        obey = partial(orders.hear, self.home, self.endpoint_id)
        self.heart = Heartbeat(config, self.wire, delivery, self.board, {}, lambda: NOON, obey=obey)  # type: ignore[arg-type]
        self.sync = Sync(
            self.home,
            endpoint_id=self.endpoint_id,
            tenant_id="ada",
            source=GitSource(self.home.repo, git["url"], "main", Door(git["url"], git["username"], git["token"])),
            scheduler=Crontab(
                self.table,
                endpoint_id=self.endpoint_id,
                command_of=lambda job_id: crontab_command(self.home.directory, job_id),
                backups=self.home.backups,
                lock=self.home.directory,
            ),
            edition="1",
            now=lambda: NOON,
            orders=lambda: orders.load(self.home, self.endpoint_id, NOON),
        )

    def step(self, policy: Policy = "heal") -> Report:
        """Make a round, tell of drift, send a heartbeat."""
        self.sync.policy = policy
        report = self.sync.round()
        self.board.synced(report)
        driftlog.send_once(self.home.drift, partial(self.wire.tell_drift, self.endpoint_id))
        self.heart.beat()
        return report

    @property
    def lines(self) -> int:
        return (self.table.content or b"").count(b"CRONTOPUS:")


@pytest.fixture
def running(api: Api, forge: TestForge, agent: dict[str, Any], tmp_path: Path) -> Running:
    forge.push_all("ada", {path(number): manifest(number) for number in range(8)})
    made = Running(api, agent, tmp_path)
    made.step()
    assert made.lines == 8
    return made


def remove(ada: Api, *numbers: int) -> None:
    for number in numbers:
        assert ada.delete(f"/api/jobs/default/job-{number}").status == 200


def shown(ada: Api, running: Running) -> dict[str, Any]:
    return dict(ada.get(f"/api/endpoints/{running.endpoint_id}").body["endpoint"])


def test_an_approval_goes_from_the_person_to_the_table(ada: Api, running: Running) -> None:
    remove(ada, *range(6))
    running.step()
    held = shown(ada, running)["held"]
    assert (held["code"], held["count"], running.lines) == ("removals_held", 6, 8)

    place = f"/api/endpoints/{running.endpoint_id}/approve-removals"
    assert ada.post(place, {"head": held["head"], "digest": held["digest"]}).status == 200
    running.heart.beat()
    running.step()

    assert (running.lines, shown(ada, running)["held"]) == (2, None)
    assert orders.load(running.home, running.endpoint_id, NOON).approved is None


def test_what_is_pushed_after_an_approval_is_not_approved(ada: Api, running: Running) -> None:
    remove(ada, *range(6))
    running.step()
    held = shown(ada, running)["held"]
    ada.post(f"/api/endpoints/{running.endpoint_id}/approve-removals", {"head": held["head"], "digest": held["digest"]})
    running.heart.beat()
    remove(ada, 6)
    running.step()

    assert running.lines == 8
    assert (shown(ada, running)["held"]["count"], shown(ada, running)["held"]["is_approved"]) == (7, False)


def test_a_suspension_goes_from_the_person_to_the_table_and_back(ada: Api, running: Running) -> None:
    place = f"/api/endpoints/{running.endpoint_id}"
    ada.post(f"{place}/suspend", {})
    running.heart.beat()
    remove(ada, 0)
    running.step()
    assert running.lines == 8
    assert any("suspended" in problem for problem in shown(ada, running)["problems"])

    ada.post(f"{place}/resume")
    running.heart.beat()
    running.step()
    assert running.lines == 7


@pytest.mark.parametrize(
    ("edit", "field", "value"),
    [
        (lambda table: table.replace(b"*/5", b"*/7", 1), "schedule", "*/7 * * * *"),
        (lambda table: table.replace(b"*/5", b"# */5", 1), "paused", True),
        (lambda table: b"".join(row for row in table.splitlines(True) if not row.startswith(b"*/5")), "paused", True),
    ],
    ids=["edited", "commented out", "removed"],
)
def test_an_edit_goes_from_the_table_to_the_repository_and_is_no_drift_then(
    ada: Api, running: Running, edit: Callable[[bytes], bytes], field: str, value: object
) -> None:
    edited = edit(running.table.content or b"")
    running.table.content = edited
    running.step("adopt")

    adopted = [job for job in ada.get("/api/jobs").body["jobs"] if job[field] == value]
    assert len(adopted) == (8 if b"*/5" not in edited else 1)
    last = running.step("adopt")
    assert [told.drift for told in last.told] == [False] * 8
    assert last.left == ()
    actions = {entry["action"] for entry in ada.get("/api/audit?action=drift").body["entries"]}
    assert len(actions) == 1


def test_a_healed_edit_is_in_the_audit_log_and_in_what_is_said_of_the_job(ada: Api, running: Running) -> None:
    before = running.table.content or b""
    running.table.content = before.replace(b"*/5", b"*/7", 1)
    running.step()

    assert running.table.content == before
    (entry,) = ada.get("/api/audit?action=drift").body["entries"]
    assert (entry["action"], entry["target"]["done"], entry["by"]["kind"]) == ("drift.edited", "healed", "endpoint")
    jobs = ada.get(f"/api/endpoints/{running.endpoint_id}/jobs").body["jobs"]
    assert [job["reason"] for job in jobs if job["reason"]] == [
        "edited by hand: */7 * * * *, was */5 * * * *; mended 2026-11-20T12:00:00.000Z"
    ]
