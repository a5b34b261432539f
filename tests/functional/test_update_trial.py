"""A version on trial: it stays if it works, goes if it does not, and a kill at any step leaves an agent that works."""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest

from agent import trial, update
from agent.installed import Installation
from agent.machine import VERSION
from agent.trial import Trial
from agent.updating import WORKS_WITHIN
from tests.fixtures.fake_api import ControlPlane, answering
from tests.fixtures.installed_agent import InstalledAgent, install
from tests.fixtures.release_shelf import KEYS, Shelf, published
from tests.fixtures.updates import NEWER, Board, updating, versioned

GIT = {"url": "http://127.0.0.1:1/crontopus/job-manifests-ada.git", "branch": "main", "username": "t-ada", "token": "a" * 40}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEPS = frozenset(
    ("posix", name) for name in ("replace", "rename", "unlink", "remove", "symlink", "mkdir", "rmdir", "open")
) | {("_posixsubprocess", "fork_exec")}
# It says which version it is, and dies as soon as it is to work.
CRASHING = "import os\nos.write(2, b'crashed')\nos._exit(7)\n"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with answering() as plane:
        plane.git = GIT
        yield plane


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, plane) -> Iterator[Shelf]:
    with published(tmp_path_factory.mktemp("shelf")) as shelf:
        plane.release_url = shelf.url
        yield shelf


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, plane, shelf) -> InstalledAgent:
    machine = install(tmp_path_factory.mktemp("machine") / "home", shelf, plane)
    shelf.put(NEWER, versioned(NEWER))
    return machine


@pytest.fixture
def machine(fresh, tmp_path) -> InstalledAgent:
    return fresh.copied(tmp_path / "home")


def die_at(step: int) -> None:
    """Kill this process right before its `step`-th call that changes the disk or starts a program."""
    passed = 0

    def watch(frame: FrameType, event: str, argument: object) -> None:
        nonlocal passed
        if event == "c_call" and (argument.__module__, argument.__name__) in STEPS:
            passed += 1
            if passed == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def take(place: Installation, url: str, step: int) -> bool:
    """Take the newer version in a child that dies at a step; tells whether it died."""
    source = update.Source(url, KEYS)
    release = source.offered("stable", datetime.now(UTC))
    pid = os.fork()
    if pid == 0:
        try:
            die_at(step)
            update.install(place, release, source, VERSION, dict(os.environ))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_killed_at_any_step_an_agent_is_left_that_works_and_can_be_updated(machine, shelf):
    first = machine.place
    said, step = [], 1
    while take(first, shelf.url, step):
        trial.at_start(first, NOW)
        said.append((machine.agent("version").stdout, (machine.prefix / "trial").exists()))
        first.switch(first.folder)
        trial.forget_others(first, {first.folder})
        step += 1
    trial.settle(machine.place, trial.find(machine.place), "healthy", NOW)

    assert step > 12
    # The switch is the last step: before it the version of before works, and nothing is on trial.
    assert set(said) == {(f"{VERSION}\n", False)}
    assert machine.versions == sorted([first.folder, machine.place.folder])
    assert machine.agent("version").stdout == f"{NEWER}\n"


def test_a_version_that_does_not_start_is_taken_back_after_three_starts(machine, shelf, plane):
    before = machine.place
    shelf.put("0.3.0", revised_to_crash("0.3.0"))
    assert machine.agent("self-update").returncode == 0
    plane.heard.clear()

    failed = [machine.agent("run") for _ in range(3)]
    daemon = machine.started("run")
    is_heard = plane.wait_for("/heartbeat")
    daemon.terminate()
    daemon.communicate(timeout=30)

    assert [done.returncode for done in failed] == [7] * 3
    assert (is_heard, machine.place) == (True, before)
    told = plane.bodies("/heartbeat")[-1]
    assert told["version"] == VERSION
    assert f"update_rolled_back: 0.3.0 was started 3 times and did not work; {VERSION} runs again" in told["problems"][-1]
    assert "0.3.0 was started 3 times" in machine.agent("status").stdout
    assert not (machine.prefix / "trial").exists()


def revised_to_crash(version: str) -> bytes:
    return versioned(version, **{"agent/commands/run.py": CRASHING})


def test_a_count_that_cannot_be_kept_gives_the_new_version_up(machine, shelf):
    before = machine.place
    shelf.put("0.3.0", revised_to_crash("0.3.0"))
    machine.agent("self-update")
    (machine.prefix / "trial.starts").mkdir()

    daemon = machine.started("run")
    started = daemon.stderr.readline()
    daemon.terminate()
    daemon.communicate(timeout=30)

    assert "crashed" not in started
    assert machine.agent("version").stdout == "0.3.0\n"
    assert trial.find(before) is not None


def put_on_trial(place: Installation, folder: str = "b" * 64) -> Trial:
    (place.versions / folder).mkdir()
    begun = Trial(folder, place.folder, NEWER, VERSION)
    trial.begin(place, begun)
    return begun


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    place = Installation(tmp_path, "a" * 64)
    place.own.mkdir(parents=True)
    place.switch(place.folder)
    return place


def new(place: Installation, begun: Trial) -> Installation:
    return Installation(place.prefix, begun.folder)


def test_a_heartbeat_and_a_round_since_the_start_make_a_version_stay(place):
    begun = put_on_trial(place)
    old = place.versions / ("c" * 64)
    old.mkdir()
    run, board = updating(new(place, begun), begun, NOW), Board()

    board.worked("heartbeat", NOW - timedelta(seconds=1))
    board.worked("sync", NOW)
    run.look(board, None)
    assert trial.find(place) == begun

    board.worked("heartbeat", NOW + timedelta(seconds=1))
    run.look(board, None)
    assert trial.find(place) is None
    assert trial.last(place)["outcome"] == "healthy"
    assert sorted(path.name for path in place.versions.iterdir()) == sorted([begun.folder, begun.former])
    assert not run.stop.is_set()


def test_a_round_that_fails_does_not_make_it_stay_and_after_a_while_it_starts_anew(place):
    begun = put_on_trial(place)
    run, board = updating(new(place, begun), begun, NOW), Board()
    board.worked("heartbeat", NOW)
    board.parts["sync"] = {"error": {"code": "git_unavailable"}}

    run.now = lambda: NOW + WORKS_WITHIN
    run.look(board, None)
    assert not run.is_restart_wanted

    run.now = lambda: NOW + WORKS_WITHIN + timedelta(seconds=1)
    run.look(board, None)
    assert (run.is_restart_wanted, run.stop.is_set(), trial.find(place)) == (True, True, begun)


def test_when_another_version_becomes_current_the_running_one_makes_room(place):
    run, board = updating(place, None, NOW), Board()
    run.look(board, None)
    assert not run.stop.is_set()

    put_on_trial(place)
    run.look(board, None)

    assert (run.is_restart_wanted, run.stop.is_set()) == (True, True)


def test_one_that_the_launcher_went_back_to_does_not_make_room_for_what_failed(place):
    begun = put_on_trial(place)
    run = updating(Installation(place.prefix, begun.former), None, NOW)

    run.look(Board(), None)

    assert not run.stop.is_set()


@pytest.mark.parametrize(("starts", "outcome"), [(0, None), (3, None), (4, "rolled_back")])
def test_the_version_before_ends_a_trial_only_after_three_starts(place, starts, outcome):
    put_on_trial(place)
    (place.prefix / "trial.starts").write_text("." * starts)

    assert trial.at_start(place, NOW) is None

    assert trial.last(place).get("outcome") == outcome
    assert place.current() == (place.folder if outcome else "b" * 64)


def test_a_switch_that_was_cut_short_leaves_no_trial(place):
    put_on_trial(place)
    place.switch(place.folder)

    assert trial.at_start(place, NOW) is None
    assert (trial.find(place), trial.last(place)["outcome"], place.current()) == (None, "interrupted", place.folder)


def test_the_new_version_goes_on_with_its_trial(place):
    begun = put_on_trial(place)

    assert trial.at_start(new(place, begun), NOW) == begun
    assert trial.find(place) == begun


def test_a_trial_of_versions_that_are_neither_is_forgotten(place):
    put_on_trial(place)

    assert trial.at_start(Installation(place.prefix, "d" * 64), NOW) is None
    assert trial.find(place) is None


def test_what_was_taken_back_is_spoken_of_for_a_week(place):
    trial.settle(place, put_on_trial(place), "rolled_back", NOW, "it failed")

    assert trial.problems(place, NOW + timedelta(days=7)) != []
    assert trial.problems(place, NOW + timedelta(days=7, seconds=1)) == []


@pytest.mark.parametrize("content", ["", "one line", "a\nnot json", 'a\n{"x": 1}'])
def test_a_trial_that_cannot_be_read_is_none(place, content):
    (place.prefix / "trial").write_text(content)

    assert trial.at_start(place, NOW) is None
