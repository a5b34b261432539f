"""Metrics and health as others meet them: an address, a file, a daemon of its own process that is told to reload."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.config import Config, Metrics, Remote
from agent.crew import Crew
from agent.delivering import Deliveries
from agent.life import Life, Wishes
from agent.listening import Listener
from agent.loop import Part
from agent.notify import Notifier
from agent.showing import Showing
from agent.spool import Backlog
from agent.status import StatusBoard
from agent.tally import Tally
from chalicelib.domain.errors import Stalled
from tests.fixtures.places import Place, machine
from tests.fixtures.spooled import JOB_ID, Spooled

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENT = 10
WELL = (True, {"status": "ok"})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with machine(tmp_path) as here:
        yield here


def ask(listener: Listener, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str, str]:
    """Ask once, from a thread, while the listener serves once; return status, kind and body."""
    found: list[tuple[int, str, str]] = []

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", cast(int, listener.port), timeout=EVENT)
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        found.append((answer.status, answer.headers["Content-Type"], answer.read().decode()))
        connection.close()

    caller = threading.Thread(target=call)
    caller.start()
    listener.serve()
    caller.join()
    return found[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    one.listen(("127.0.0.1", 0), lambda: "x 1\n", lambda: WELL)
    yield one
    one.listen(None, lambda: "", lambda: WELL)


def test_metrics_and_health_are_answered(listener: Listener) -> None:
    assert ask(listener, "/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", "x 1\n")
    assert ask(listener, "/healthz") == (200, "application/json", '{"status": "ok"}\n')
    assert ask(listener, "/healthz", "HEAD")[2] == ""
    assert ask(listener, "/other")[0] == 404
    assert ask(listener, "/metrics", "POST")[0] == 501


def test_a_machine_that_is_not_well_answers_503(listener: Listener) -> None:
    listener.listen(listener._address, lambda: "", lambda: (False, {"status": "failing"}))

    assert ask(listener, "/healthz")[0] == 503


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:9464", 200), ("[::1]:9464", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403)]
)
def test_a_page_in_a_browser_cannot_ask_by_another_name(listener: Listener, host: str, status: int) -> None:
    assert ask(listener, "/metrics", host=host)[0] == status


def test_an_address_that_is_taken_is_told_and_the_former_one_kept(listener: Listener) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Stalled, match=r"metrics.listen 127\.0\.0\.1:\d+ cannot be had"):
            listener.listen(taken.getsockname(), lambda: "", lambda: WELL)

    assert ask(listener, "/metrics")[0] == 200


class Quiet:
    """As much of Deliveries as is asked here."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    def backlog(self) -> Backlog:
        return Backlog(2, None, 0, 0)


def showing_of(folder: Path, tally: Tally) -> Showing:
    remote = Remote("https://g", "main", "u")
    config = Config("https://a", "ep", "n", remote, metrics=Metrics(textfile=str(folder / "crontopus.prom")))
    delivery = cast(Deliveries, Quiet(folder / "spool"))
    return Showing(config, StatusBoard(folder / "status.json"), tally, delivery, lambda: NOW, tuple)


def test_the_file_is_whole_readable_to_node_exporter_and_written_only_if_anything_is_new(tmp_path: Path) -> None:
    Spooled(tmp_path / "spool").ended(job_id=JOB_ID, job_name="backup", namespace="default", exit_code=0)
    tally = Tally(tmp_path / "job-metrics.json", lambda: 0.0)
    showing = showing_of(tmp_path, tally)
    showing.refresh()
    path = tmp_path / "crontopus.prom"
    first = path.stat()
    showing.refresh()

    assert path.stat().st_ino == first.st_ino
    assert stat.S_IMODE(first.st_mode) == 0o644
    families = {one.name: one for one in text_string_to_metric_families(path.read_text())}
    assert families["crontopus_agent_job_executions"].samples[0].labels["job"] == "backup"
    assert families["crontopus_agent_spool_depth"].samples[0].value == 2


def test_the_last_runs_are_known_again_after_a_restart(tmp_path: Path) -> None:
    Spooled(tmp_path / "spool").ended(job_id=JOB_ID, job_name="backup", namespace="default", exit_code=7, status="failure")
    showing_of(tmp_path, Tally(tmp_path / "job-metrics.json", lambda: 0.0)).refresh()

    again = Tally(tmp_path / "job-metrics.json", lambda: 0.0).counts().jobs[JOB_ID]
    assert (again.job, again.last_exit_code, again.runs) == ("backup", 7, {})


def test_a_torn_memory_of_last_runs_is_none(tmp_path: Path) -> None:
    (tmp_path / "job-metrics.json").write_text('{"j": {"odd": 1}}')

    assert Tally(tmp_path / "job-metrics.json", lambda: 0.0).counts().jobs == {}


def test_a_part_that_hangs_starves_the_watchdog(tmp_path: Path) -> None:
    now, hanging, let = [0.0], threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        let.wait(EVENT)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(EVENT)
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "120000000"})
        parts = [Part("sync", 1, hang, lambda error: None, patience_s=60)]
        board = cast(StatusBoard, SimpleNamespace(part=lambda name: {}))
        life = Life(lambda config: parts, cast(Any, None), board, notifier, Wishes(), lambda: NOW, clock=lambda: now[0])
        life.crew.work(parts)
        assert hanging.wait(EVENT)
        now[0] = 40
        life.look()
        now[0] = 80
        life.look()
        let.set()
        life.crew.end()
        life.crew.wait()
        heard = [ear.recv(500).decode() for _ in range(3)]

    assert heard[0] == "WATCHDOG=1"
    assert heard[2] == "STATUS=sync has been at one thing for more than 60 s"


def test_a_crew_says_where_a_part_hangs() -> None:
    hanging, let = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        let.wait(EVENT)

    crew = Crew()
    crew.work([Part("sync", 1, hang, lambda error: None)])
    assert hanging.wait(EVENT)
    places = [worker.place() for worker in crew._workers]
    let.set()
    crew.end()
    crew.wait()

    assert "in hang" in places[0]


def test_a_daemon_is_told_to_reload_and_keeps_its_settings_if_the_new_ones_are_wrong(place: Place, tmp_path: Path) -> None:
    place.enroll()
    config = place.home / "config.yaml"
    good = yaml.safe_load(config.read_text()) | {"intervals": {"heartbeat_s": 0.05, "sync_s": 0.05, "delivery_s": 0.05}}
    config.write_text(yaml.safe_dump(good))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(EVENT)
        environ = place.environment() | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        command = [sys.executable, "-m", "agent", "run"]
        agent = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        place.started.append(agent)

        def heard(word: str) -> str:
            while word not in (line := ear.recv(2000).decode()):
                pass
            return line

        heard("READY=1")
        heard("WATCHDOG=1")
        config.write_text(yaml.safe_dump(good | {"logg": {}}))
        agent.send_signal(signal.SIGHUP)
        heard("RELOADING=1")
        heard("did you mean log?")
        wrong = place.agent("status")
        config.write_text(yaml.safe_dump(good | {"log": {"level": "debug"}}))
        agent.send_signal(signal.SIGHUP)
        heard("RELOADING=1")
        heard("READY=1")
        agent.send_signal(signal.SIGTERM)
        heard("STOPPING=1")
        _, errors = agent.communicate(timeout=20)

    events = [json.loads(line) for line in errors.splitlines()]
    assert agent.returncode == 0, errors
    assert "did you mean log?" in wrong.stderr
    assert {event["endpoint_id"] for event in events} == {good["endpoint_id"]}
    assert [event["event"] for event in events if "configuration" in event["event"]] == [
        "the configuration was not read anew, the former one stays",
        "the configuration was read anew",
    ]


def test_what_only_a_person_can_mend_ends_with_a_code_of_its_own(place: Place) -> None:
    missing = place.agent("run")
    place.enroll()
    (place.home / "config.yaml").write_text("nonsense: 1\n")
    wrong = place.agent("run")

    assert (missing.returncode, "not enrolled" in missing.stderr) == (78, True)
    assert (wrong.returncode, "unknown key" in wrong.stderr) == (78, True)
    assert os.path.sep in wrong.stderr
