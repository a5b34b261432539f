"""What the service manager hears, through real sockets; signals, for real; lines for the journal."""

import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import logs
from agent.notify import Notifier
from agent.signals import heeding_signals

EVENT = 10


@pytest.fixture(params=["path", "abstract"])
def ear(request, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address of a notify socket, and its other end."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@crontopus-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(name.replace("@", "\0", 1))
        found.settimeout(EVENT)
        yield name, found


def test_the_manager_hears_every_word(ear: tuple[str, socket.socket]) -> None:
    address, door = ear
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.alive()
    notifier.reloading(lambda: 7_000)
    notifier.status("2 jobs\nof x")
    notifier.status("2 jobs\nof x")
    notifier.stopping()

    heard = [door.recv(1000).decode() for _ in range(5)]
    assert heard[:4] == ["READY=1", "WATCHDOG=1", "RELOADING=1\nMONOTONIC_USEC=7", "STATUS=2 jobs of x"]
    assert heard[4].startswith("STOPPING=1\nSTATUS=")


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_where_nobody_listens_nothing_happens(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.ready()

    assert notifier.ping_every_s is None


@pytest.mark.parametrize(("pid", "every_s"), [("", 30), ("7", 30), ("8", 30), ("9", None)])
def test_only_the_watched_process_pings_or_the_one_it_has_unpacked(pid: str, every_s: float | None) -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "120000000", "WATCHDOG_PID": pid}

    assert Notifier(environ, pids=(7, 8)).ping_every_s == every_s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_heeded_and_handlers_are_put_back(number: signal.Signals) -> None:
    stop, reload, before = threading.Event(), threading.Event(), signal.getsignal(number)
    with heeding_signals(stop, reload):
        os.kill(os.getpid(), number)

        assert (reload if number == signal.SIGHUP else stop).wait(EVENT)
    assert (stop.is_set(), reload.is_set()) == (number != signal.SIGHUP, number == signal.SIGHUP)
    assert signal.getsignal(number) == before


def test_signals_are_heeded_one_after_the_other() -> None:
    stop, reload = threading.Event(), threading.Event()
    with heeding_signals(stop, reload):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            assert reload.wait(EVENT)
            reload.clear()
        os.kill(os.getpid(), signal.SIGTERM)

        assert stop.wait(EVENT)


def line_of(path: Path, *, is_journal: bool) -> str:
    """Return what one warning looks like on a stream, which the journal reads or not."""
    with path.open("w") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino if is_journal else 1}"}
        logs.start(None, "info", "ep-1", shown_on=stream, environ=environ)
        logging.getLogger("agent.x").warning("went wrong", extra={"job_id": "j", "why": "Bearer abcdefgh12345"})
        logging.getLogger("agent").handlers = []
    return path.read_text()


def test_the_journal_gets_priority_and_no_second_timestamp(tmp_path: Path) -> None:
    line = line_of(tmp_path / "log", is_journal=True)

    assert line[:3] == "<4>"
    assert json.loads(line[3:]) == {"event": "went wrong", "endpoint_id": "ep-1", "job_id": "j", "why": "Bearer [redacted]"}


def test_anything_else_gets_the_moment_and_the_level(tmp_path: Path) -> None:
    event = json.loads(line_of(tmp_path / "log", is_journal=False))

    assert (event["level"], event["endpoint_id"], "at" in event) == ("warning", "ep-1", True)


def test_starting_anew_changes_level_and_file_and_leaves_nothing_open(tmp_path: Path) -> None:
    logs.start(tmp_path / "a", "error")
    former = logging.getLogger("agent").handlers
    logs.start(tmp_path / "b", "debug")
    logging.getLogger("agent.x").debug("small")
    logging.getLogger("agent").handlers = []

    assert not (tmp_path / "a").exists()
    assert json.loads((tmp_path / "b").read_text())["event"] == "small"
    assert former != []
