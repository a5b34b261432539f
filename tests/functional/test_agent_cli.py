"""The agent as a person runs it: commands in processes of their own, against a control plane, a forge and a crontab."""

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from agent.errors import REMEDIES
from tests.fixtures.fake_api import ENDPOINT_ID, ENDPOINT_TOKEN, ENROLL_TOKEN
from tests.fixtures.git_http import TOKEN
from tests.fixtures.places import FOREIGN, JOB, Place, machine


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with machine(tmp_path) as here:
        yield here


def test_enrolling_writes_who_we_are_and_keeps_secrets_apart(place: Place) -> None:
    done = place.enroll("--name", "web-1")

    assert done.returncode == 0, done.stderr
    config = yaml.safe_load((place.home / "config.yaml").read_text())
    assert (config["endpoint_id"], config["name"], config["tenant_id"]) == (ENDPOINT_ID, "web-1", "demo")
    assert (place.home / "agent-token").read_text().strip() == ENDPOINT_TOKEN
    assert (place.home / "git-token").read_text().strip() == TOKEN
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (place.home, *place.home.iterdir())}
    assert modes[".crontopus"] == 0o700
    assert {modes["agent-token"], modes["git-token"], modes["config.yaml"]} == {0o600}
    assert not any(secret.encode() in place.all_bytes() for secret in (TOKEN, ENDPOINT_TOKEN, ENROLL_TOKEN))
    assert not any(secret in done.stdout + done.stderr for secret in (TOKEN, ENDPOINT_TOKEN, ENROLL_TOKEN))


def test_enrolling_tells_the_control_plane_what_machine_this_is(place: Place) -> None:
    place.enroll()

    body = place.plane.bodies("/enroll")[0]
    assert set(body) == {"name", "hostname", "platform", "version", "machine_id", "timezone", "scheduler"}
    assert len(body["machine_id"]) == 64


def test_the_token_may_come_from_the_environment(place: Place) -> None:
    done = place.agent("enroll", "--api-url", place.plane.url, env={"CRONTOPUS_ENROLL_TOKEN": ENROLL_TOKEN})

    assert done.returncode == 0, done.stderr


def test_a_refused_token_is_one_line_and_leaves_nothing_enrolled(place: Place) -> None:
    done = place.agent("enroll", "--api-url", place.plane.url, "--token-stdin", stdin="cet_wrong\n")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "refused" in done.stderr
    assert place.agent("status").returncode == 2


def test_without_a_token_nothing_is_asked_of_anyone(place: Place) -> None:
    assert place.agent("enroll", "--api-url", place.plane.url).returncode == 2
    assert place.plane.calls == []


def test_enrolling_again_keeps_the_settings_a_person_made(place: Place) -> None:
    place.enroll()
    place.hurry()
    place.enroll()

    assert yaml.safe_load((place.home / "config.yaml").read_text())["intervals"]["sync_s"] == 0.05


def test_one_round_brings_the_table_in_line(place: Place) -> None:
    place.enroll()

    done = place.agent("sync", "--once")

    assert (done.returncode, place.cron.content) == (0, FOREIGN + place.block), done.stderr
    assert "1 added" in done.stdout
    assert os.access(place.home / "bin/run-job", os.X_OK)


def test_a_dry_run_shows_the_very_lines_and_writes_nothing(place: Place) -> None:
    place.enroll()

    done = place.agent("sync", "--dry-run")

    assert f"+0 0 * * * {place.home}/bin/run-job CRONTOPUS:{JOB}" in done.stdout.splitlines()
    assert (place.cron.writes, (place.home / "inventory.json").exists()) == (0, False)


def test_held_removals_are_told_and_can_be_approved(place: Place) -> None:
    place.enroll()
    place.agent("sync", "--once")
    place.remote.commit({"default/a.yaml": None, "default/.gitkeep": b""})

    held = place.agent("sync", "--once")
    status = json.loads(place.agent("status", "-o", "json").stdout)
    approved = place.agent("sync", "--once", "--allow-removals")

    assert (held.returncode, "--allow-removals" in held.stderr) == (1, True)
    assert (status["state"], status["sync"]["held"]) == ("degraded", [JOB])
    assert (approved.returncode, place.cron.content) == (0, FOREIGN)


def test_uninstalling_gives_the_table_back_and_says_where_the_old_one_is(place: Place) -> None:
    place.enroll()
    place.agent("sync", "--once")

    done = place.agent("uninstall")

    saved = Path(done.stdout.split(": ")[1].strip())
    assert (place.cron.content, saved.read_bytes()) == (FOREIGN, FOREIGN + place.block)


@pytest.mark.parametrize(("status", "code"), [(503, "git_unavailable"), (401, "git_auth"), (404, "source_missing")])
def test_a_failing_forge_is_one_line_with_what_to_do(place: Place, status: int, code: str) -> None:
    place.enroll()
    place.agent("sync", "--once")
    place.forge.status = status

    done = place.agent("sync", "--once")

    assert (done.returncode, code in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert f"({code}, since" in place.agent("status").stdout
    assert place.cron.content == FOREIGN + place.block


def test_a_misspelt_key_is_refused_with_the_right_one(place: Place) -> None:
    place.enroll()
    with (place.home / "config.yaml").open("a") as file:
        file.write("intervalls: {}\n")

    done = place.agent("sync", "--once")

    assert (done.returncode, "did you mean intervals?" in done.stderr) == (1, True)


def test_the_running_agent_beats_syncs_and_delivers_and_stops_on_request(place: Place) -> None:
    place.enroll()
    place.hurry()
    spool = place.home / "spool"
    spool.mkdir()
    run_id = "019a9c3c-0000-7000-8000-000000000001"
    record = {
        "run_id": run_id,
        "job_id": JOB,
        "job_name": "a",
        "namespace": "default",
        "commit": None,
        "started_at": 1763640000000,
    }
    ended = {"finished_at": 1763640001000, "duration_ms": 1000, "status": "failure", "exit_code": 3, "signal": None}
    (spool / f"{run_id}.end.json").write_text(json.dumps(record | ended | {"output_bytes": 0, "output_truncated": False}))

    agent = place.start()
    assert place.plane.wait_for("/check-in")
    applied = place.remote.head()
    while not any(body["commit"] == applied for body in place.plane.bodies("/heartbeat")):
        assert place.plane.wait_for("/heartbeat")
        place.plane.heard.clear()
    status = place.agent("status", "-o", "json")
    agent.send_signal(signal.SIGTERM)
    _, errors = agent.communicate(timeout=20)

    assert agent.returncode == 0, errors
    assert place.cron.content == FOREIGN + place.block
    assert (status.returncode, json.loads(status.stdout)["state"]) == (0, "healthy"), status.stdout
    assert place.plane.bodies("/check-in")[0]["runs"][0]["exit_code"] == 3
    assert not list(spool.glob("*.json"))
    assert "Traceback" not in errors
    assert not any(secret.encode() in place.all_bytes() + errors.encode() for secret in (TOKEN, ENDPOINT_TOKEN))


def test_a_second_agent_says_that_one_runs_and_goes(place: Place) -> None:
    place.enroll()
    place.hurry()
    place.start()
    assert place.plane.wait_for("/heartbeat")

    second = place.start()
    _, errors = second.communicate(timeout=20)

    assert (second.returncode, "another agent" in errors) == (1, True)
    assert "stop it first" in place.agent("uninstall").stderr


@pytest.mark.parametrize(
    ("http_status", "code", "told"),
    [
        (403, "forbidden", "forbidden"),
        (401, "endpoint_revoked", "endpoint_revoked"),
        (410, "endpoint_gone", "endpoint_gone"),
    ],
)
def test_an_endpoint_that_was_ended_keeps_its_jobs_and_says_so(place: Place, http_status: int, code: str, told: str) -> None:
    place.enroll()
    place.agent("sync", "--once")
    place.hurry()
    refusal = (http_status, {"error": {"code": code, "message": "it is over", "problems": {}}}, {})
    place.plane.refusals |= {"/heartbeat": refusal, "/check-in": refusal}

    agent = place.start()
    assert place.plane.wait_for("/heartbeat")
    agent.send_signal(signal.SIGINT)
    agent.communicate(timeout=20)
    status = json.loads(place.agent("status", "-o", "json").stdout)

    assert status["api"]["error"]["code"] == told
    assert REMEDIES[told] in place.agent("status").stdout
    assert place.cron.content == FOREIGN + place.block
    assert len(place.plane.bodies("/enroll")) == 1


def test_every_code_an_error_can_bear_has_a_remedy_and_a_place_in_the_guide() -> None:
    sources = [path.read_text() for path in Path("agent").rglob("*.py")]
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source)}
    guide = Path("docs/agent.md").read_text()

    assert sorted(codes - REMEDIES.keys()) == []
    assert sorted(code for code in REMEDIES if f"`{code}`" not in guide) == []


def test_what_was_done_to_the_machine_stands_in_the_audit_log(place: Place) -> None:
    place.enroll()
    place.agent("sync", "--once")
    place.agent("uninstall")

    assert "the chain holds: entries 1 to 5" in place.agent("audit", "verify").stdout
    entries = [json.loads(line) for line in place.agent("audit", "list", "-o", "json").stdout.splitlines()]
    assert [entry["kind"] for entry in entries] == ["enrolled", "table", "round", "table", "uninstalled"]
    assert (entries[1]["added"]["ids"], entries[3]["removed"]["ids"]) == ([JOB], [JOB])
    assert entries[1]["after"] == entries[3]["before"]
    (place.home / "audit.log").write_bytes(b"".join((place.home / "audit.log").read_bytes().splitlines(keepends=True)[1:]))
    assert place.agent("audit", "verify").returncode == 1
