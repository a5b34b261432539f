"""How the jobs on a machine are told: when the control plane asks for it, and at no other time."""

from pathlib import Path

from agent.client import Api
from agent.config import Config, Remote
from agent.daemon import Heartbeat
from agent.home import Home
from agent.instances import Told, digest
from agent.outcome import Report
from agent.report import Delivery
from agent.status import StatusBoard
from tests.fixtures.builders import JOB_ID, NOON
from tests.fixtures.fake_api import ENDPOINT_TOKEN, ControlPlane, answering

SCHEDULED = (Told(JOB_ID, "backup", "default", "scheduled"),)
PAUSED = (Told(JOB_ID, "backup", "default", "paused"),)


def heartbeat(plane: ControlPlane, home: Home) -> Heartbeat:
    api = Api(plane.url, ENDPOINT_TOKEN)
    delivery = Delivery(home.directory / "spool", plane.endpoint_id, api.check_in)
    config = Config(plane.url, plane.endpoint_id, "first", Remote("https://git/x", "main", "u"))
    return Heartbeat(config, api, delivery, StatusBoard(home.status), {}, lambda: NOON)


def synced(told: tuple[Told, ...]) -> Report:
    return Report(NOON, "a" * 40, "a" * 40, len(told), told=told)


def test_nothing_is_told_before_the_first_round(tmp_path: Path) -> None:
    with answering() as plane:
        heartbeat(plane, Home(tmp_path)).beat()

    assert plane.bodies("/heartbeat")[0]["instances_digest"] is None
    assert plane.bodies("/job-instances") == []


def test_how_the_jobs_stand_is_told_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    with answering() as plane:
        beating = heartbeat(plane, Home(tmp_path))
        for told in (SCHEDULED, SCHEDULED, PAUSED, PAUSED):
            beating.board.synced(synced(told))
            beating.beat()

    assert [body["digest"] for body in plane.bodies("/job-instances")] == [digest(SCHEDULED), digest(PAUSED)]
    assert plane.bodies("/job-instances")[0]["instances"] == [
        {
            "job_id": JOB_ID,
            "job_name": "backup",
            "namespace": "default",
            "status": "scheduled",
            "source": "crontopus",
            "drift": False,
            "reason": None,
            "schedule": None,
            "timezone": None,
            "grace_s": 300,
            "original_command": None,
        }
    ]


def test_a_report_that_is_refused_does_not_fail_the_heartbeat_and_is_told_again(tmp_path: Path) -> None:
    with answering() as plane:
        plane.refusals["/job-instances"] = (422, {"error": {"code": "invalid", "message": "1 problem", "problems": {}}}, {})
        beating = heartbeat(plane, Home(tmp_path))
        beating.board.synced(synced(SCHEDULED))
        beating.beat()
        del plane.refusals["/job-instances"]

        beating.beat()

    assert beating.board.part("heartbeat")["error"] is None
    assert len(plane.bodies("/job-instances")) == 2


def test_what_could_be_written_nowhere_reaches_the_control_plane(tmp_path: Path) -> None:
    (tmp_path / "lost-results").write_bytes(b"...")
    with answering() as plane:
        beating = heartbeat(plane, Home(tmp_path))
        beating.beat()

    (body,) = plane.bodies("/heartbeat")
    assert body["results_lost"] == 3
    assert any("3 results or outputs could not be written" in problem for problem in body["problems"])
