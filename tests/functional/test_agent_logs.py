import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logbook import follow, lines
from tests.fixtures.places import Place, machine


def line(number: int, level: str = "info") -> str:
    return json.dumps({"at": f"2026-11-20T12:00:{number:02}.000Z", "level": level, "event": f"event {number}"}) + "\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "agent.log.2").write_text(line(1))
    (tmp_path / "agent.log.1").write_text(line(2))
    (tmp_path / "agent.log").write_text(line(3, "warning") + line(4))
    return tmp_path / "agent.log"


def test_all_files_are_read_in_the_order_of_time(log: Path) -> None:
    assert [json.loads(one)["event"] for one in lines(log)] == [f"event {number}" for number in (1, 2, 3, 4)]


def test_following_goes_on_through_a_rotation_and_half_a_line(log: Path) -> None:
    def rotate() -> None:
        log.rename(log.with_name("agent.log.1"))
        log.write_text(line(7))

    def finish() -> None:
        with log.open("a") as file:
            file.write(line(8)[10:])

    def half() -> None:
        with log.open("a") as file:
            file.write(line(8)[:10])

    def add() -> None:
        with log.open("a") as file:
            file.write(line(5) + line(6))

    steps = iter([add, rotate, half, finish])
    found: Iterator[str] = follow(log, lambda: next(steps)())

    assert [json.loads(next(found))["event"] for _ in range(4)] == ["event 5", "event 6", "event 7", "event 8"]


def test_following_waits_for_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"

    def begin() -> None:
        log.write_text(line(1))

    assert "event 1" in next(follow(log, begin))


def test_the_commands_show_logs_versions_and_verdicts(tmp_path: Path) -> None:
    with machine(tmp_path) as place:
        place.enroll()
        _show_logs(place)
        _judge(place)
        assert place.agent("version").stdout == "0.1.0\n"
        assert {"version", "python", "platform", "scheduler", "build"} <= json.loads(
            place.agent("version", "-o", "json").stdout
        ).keys()


def _show_logs(place: Place) -> None:
    (place.home / "agent.log").write_text("".join(line(number, "warning" if number == 2 else "info") for number in range(5)))

    assert place.agent("logs", "-n", "2").stdout.count("\n") == 2
    assert "event 2" in place.agent("logs", "--level", "warning", "-n", "0").stdout
    assert place.agent("logs", "--since", "2026-11-20T12:00:03Z").stdout.count("\n") == 2
    assert [json.loads(one)["event"] for one in place.agent("logs", "-n", "1", "-o", "json").stdout.splitlines()] == ["event 4"]
    assert place.agent("logs", "--since", "yesterday").returncode == 2


def _judge(place: Place) -> None:
    config = place.home / "config.yaml"
    good = config.read_text()
    assert place.agent("validate").stdout == f"{config}: good\n"
    config.write_text(good.replace("\nname:", "\nnmae:"))
    done = place.agent("validate")
    config.write_text(good)
    assert done.returncode == 1
    assert f"{config}:3:7: nmae: unknown key; did you mean name?" in done.stdout

    folder = place.folder / "manifests"
    (folder / "default").mkdir(parents=True)
    text = "apiVersion: v1\nkind: Job\nmetadata: {{id: {}, name: {}}}\nspec: {{schedule: '@daily', command: 'true'}}\n".format
    job_id = "5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11"
    (folder / "default/a.yaml").write_text(text(job_id, "a"))
    assert place.agent("validate", str(folder)).returncode == 0
    (folder / "default/b.yaml").write_text(text(job_id, "b"))
    (folder / "default/c.yaml").write_text("apiVersion: v1\nkind: Job\nmetadata: {name: c}\nspec:\n  schedul: x\n")
    (folder / "default/d.yaml").symlink_to("/etc/shadow")
    done = place.agent("validate", str(folder), "-o", "json")
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == 1
    assert {Path(one["file"]).name for one in found if one["level"] == "problem"} == {"b.yaml", "c.yaml", "d.yaml"}
    assert any(one["line_number"] == 5 and one["column"] == 12 for one in found)
    assert place.agent("validate", str(folder / "nothing")).returncode == 2


ENTRY = {"__REALTIME_TIMESTAMP": "1795262400000000", "PRIORITY": "4", "MESSAGE": '{"event": "sync failed", "code": "git_auth"}'}


def test_what_journald_has_is_shown_where_agent_log_is_switched_off(tmp_path: Path) -> None:
    asked = tmp_path / "bin" / "journalctl"
    asked.parent.mkdir()
    entries = [ENTRY, ENTRY | {"MESSAGE": [27, 91, 50, 74]}, {"MESSAGE": "no moment"}]
    asked.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(map(json.dumps, entries)) + "\nEND\n")
    asked.chmod(0o755)
    with machine(tmp_path) as place:
        place.enroll()
        with (place.home / "config.yaml").open("a") as config:
            config.write("log: {file: false}\n")
        done = place.agent("logs", env={"PATH": f"{asked.parent}:/usr/bin:/bin"})
        following = place.agent("logs", "-f", env={"PATH": f"{asked.parent}:/usr/bin:/bin"})

    assert done.stdout.splitlines()[0] == "2026-11-21T12:00:00.000Z  WARNING   sync failed  code=git_auth"
    assert "\x1b" not in done.stdout
    assert (len(done.stdout.splitlines()), following.returncode) == (2, 1)
