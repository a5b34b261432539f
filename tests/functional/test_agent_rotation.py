"""The agent replaces its own token, and lives through whatever comes between."""

import os
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import enroll as enrolment
from agent import keyrings, rotation
from agent.client import Api
from agent.config import Config, Remote, save_config
from agent.home import Home, make_private, read_secret, write_file
from agent.loop import next_delay
from chalicelib.domain.endpoints import Facts
from chalicelib.domain.errors import CrontopusError, Stalled
from tests.fixtures.fake_api import ENDPOINT_ID, ENDPOINT_TOKEN, ENROLL_TOKEN, NEXT_TOKEN, ControlPlane, answering

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FACTS = Facts("web", "web", "linux", "0.1.0", "a" * 64, None, None)


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with answering() as plane:
        plane.git = {"url": "http://127.0.0.1:1/o/job-manifests-ada.git", "branch": "main", "username": "u", "token": "g"}
        yield plane


@pytest.fixture
def home(tmp_path: Path, plane: ControlPlane) -> Home:
    home = Home(tmp_path / ".crontopus")
    make_private(home.directory)
    write_file(home.agent_token, f"{ENDPOINT_TOKEN}\n".encode())
    save_config(home, Config(plane.url, ENDPOINT_ID, "web", Remote("http://127.0.0.1:1/r.git", "main", "u")))
    return home


def age(home: Home, days: float) -> None:
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(home.agent_token, (moment, moment))


@pytest.mark.parametrize(("days", "is_due"), [(0, False), (29.99, False), (30, True), (400, True), (-0.5, False), (-2, True)])
def test_a_token_is_due_after_thirty_days_or_when_its_date_cannot_be(home: Home, days: float, is_due: bool) -> None:
    age(home, days)

    assert rotation.is_due(home, NOW) == is_due


def test_a_rotation_writes_the_new_token_for_its_user_alone(home: Home, plane: ControlPlane) -> None:
    assert rotation.rotate(home, plane.url, ENDPOINT_ID)

    assert read_secret(home.agent_token) == NEXT_TOKEN
    assert stat.S_IMODE(home.agent_token.stat().st_mode) == 0o600
    assert not rotation.is_due(home, datetime.now(UTC))


def test_a_crash_before_the_write_leaves_the_old_token_which_asks_again(
    home: Home, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(keyrings, "write_file", crash)
        with pytest.raises(ZeroDivisionError):
            rotation.rotate(home, plane.url, ENDPOINT_ID)
    after_crash = read_secret(home.agent_token)
    rotation.rotate(home, plane.url, ENDPOINT_ID)

    assert after_crash == ENDPOINT_TOKEN
    assert [token for path, _, token in plane.calls] == [f"Bearer {ENDPOINT_TOKEN}"] * 2
    assert read_secret(home.agent_token) == NEXT_TOKEN


def test_an_enrolment_meanwhile_is_not_overwritten(home: Home, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "cte_" + "O" * 49
    rotate = Api.rotate

    def enrolled_meanwhile(api: Api, endpoint_id: str) -> dict[str, Any]:
        answer = rotate(api, endpoint_id)
        write_file(home.agent_token, other.encode())
        return answer

    monkeypatch.setattr(Api, "rotate", enrolled_meanwhile)

    assert not rotation.rotate(home, plane.url, ENDPOINT_ID)
    assert read_secret(home.agent_token) == other


@pytest.mark.parametrize("answer", [{}, {"token": 7}, {"token": ""}, {"token": "two words"}, {"token": "a\nb"}])
def test_an_answer_without_a_token_changes_nothing(home: Home, plane: ControlPlane, answer: dict[str, object]) -> None:
    plane.refusals["/token"] = (200, answer, {})

    with pytest.raises(Stalled, match="no token"):
        rotation.rotate(home, plane.url, ENDPOINT_ID)
    assert read_secret(home.agent_token) == ENDPOINT_TOKEN


def test_an_older_control_plane_is_not_asked_every_few_minutes(home: Home, plane: ControlPlane) -> None:
    plane.refusals["/token"] = (404, {}, {})

    with pytest.raises(Stalled) as told:
        rotation.rotate(home, plane.url, ENDPOINT_ID)
    assert next_delay(rotation.LOOK_EVERY_S, 1, told.value) == 3600


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_control_plane_that_refuses_changes_nothing(home: Home, plane: ControlPlane, status: int) -> None:
    plane.refusals["/token"] = (status, {}, {})

    with pytest.raises(CrontopusError):
        rotation.rotate(home, plane.url, ENDPOINT_ID)
    assert read_secret(home.agent_token) == ENDPOINT_TOKEN


def test_calls_take_the_token_that_is_in_the_file_now(home: Home, plane: ControlPlane) -> None:
    api = Api(plane.url, lambda: read_secret(home.agent_token))
    api.heartbeat(ENDPOINT_ID, {})
    rotation.rotate(home, plane.url, ENDPOINT_ID)
    api.heartbeat(ENDPOINT_ID, {})

    assert [token for path, _, token in plane.calls if path.endswith("/heartbeat")] == [
        f"Bearer {ENDPOINT_TOKEN}",
        f"Bearer {NEXT_TOKEN}",
    ]


def test_a_running_daemon_rotates_and_goes_on_with_the_new_token(home: Home, plane: ControlPlane, tmp_path: Path) -> None:
    from agent import daemon
    from agent.config import Intervals, load_config
    from agent.life import Wishes

    age(home, 31)
    write_file(home.git_token, b"g\n")
    config = load_config(home)
    quick = Config(plane.url, ENDPOINT_ID, "web", config.git, None, "true", Intervals(0.02, 60, 60))
    stop = threading.Event()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    running = threading.Thread(target=daemon.run, args=(home, quick, environ, Wishes(stop), lambda: NOW))
    running.start()
    try:
        plane.wait_for("/token")
        del plane.calls[:]
        plane.heard.clear()
        plane.wait_for("/heartbeat")
        plane.heard.clear()
        plane.wait_for("/heartbeat")
    finally:
        stop.set()
        running.join()

    assert read_secret(home.agent_token) == NEXT_TOKEN
    assert plane.calls[-1][2] == f"Bearer {NEXT_TOKEN}"


def test_enrolling_again_shows_the_former_token_to_the_control_plane_that_gave_it(home: Home, plane: ControlPlane) -> None:
    enrolment.enroll(home, Api(plane.url, ENROLL_TOKEN), FACTS, "crontab")

    assert plane.bodies("/enroll")[0]["previous_token"] == ENDPOINT_TOKEN


def test_a_first_enrolment_and_one_with_another_control_plane_show_nothing(
    home: Home, plane: ControlPlane, tmp_path: Path
) -> None:
    new = Home(tmp_path / "new")
    enrolment.enroll(new, Api(plane.url, ENROLL_TOKEN), FACTS, "crontab")
    save_config(home, Config("https://other.example.org", ENDPOINT_ID, "web", Remote("http://127.0.0.1:1/r.git", "main", "u")))
    enrolment.enroll(home, Api(plane.url, ENROLL_TOKEN), FACTS, "crontab")

    assert all("previous_token" not in body for body in plane.bodies("/enroll"))
