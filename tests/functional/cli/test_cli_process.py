"""The command line as a process of its own, against a small real server."""

import json
import socket
from pathlib import Path

import pytest

from cli.credentials import Login, Logins
from tests.functional.cli.conftest import Program
from tests.functional.cli.server import Api, error
from tests.unit.cli_fakes import run


def test_from_the_login_to_the_logout(api: Api, tmp_path: Path) -> None:
    program = Program(Logins(tmp_path / "new"))

    login = program.run("auth", "login", "-u", "ann", "--password-stdin", "--api-url", api.url, typed="correct horse\n")
    create = program.run("jobs", "create", "backup", "--schedule", "0 2 * * *", "--command", "x")
    update = program.run("jobs", "update", "backup", "--paused")
    listed = program.run("jobs", "list", "-o", "json")
    delete = program.run("jobs", "delete", "backup", "--yes")
    logout = program.run("auth", "logout")
    after = program.run("auth", "whoami")

    results = (create, update, listed, delete, logout)
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * len(results)
    assert (login.returncode, "credentials.json, which only you can read" in login.stderr) == (0, True)
    assert json.loads(listed.stdout)["jobs"][0]["paused"] is True
    assert api.refresh_token == "none"
    assert after.returncode == 4
    assert "not logged in" in after.stderr


def test_an_expired_access_token_is_renewed_without_a_word(api: Api, program: Program) -> None:
    api.expire_access_token()

    result = program.run("jobs", "list", "--json")

    assert (result.returncode, result.stderr) == (0, "")
    assert api.seen == ["GET /api/jobs", "POST /api/auth/refresh", "GET /api/jobs"]
    assert program.logins.find(api.url) == Login("ann", "access-2", "refresh-2")


def test_a_login_that_cannot_be_renewed_is_forgotten(api: Api, program: Program) -> None:
    api.expire_access_token()
    api.refresh_token = "another"

    result = program.run("jobs", "list")

    assert result.returncode == 4
    assert "has expired" in result.stderr
    assert program.logins.find(api.url) is None


def test_commands_at_the_same_time_renew_a_login_once(api: Api, program: Program) -> None:
    api.expire_access_token()

    processes = [program.start(["jobs", "list", "--json"]) for _ in range(4)]

    assert [(process.communicate(timeout=30)[1], process.returncode) for process in processes] == [(b"", 0)] * 4
    assert api.refreshes == 1


def test_a_name_that_exists_is_a_conflict(api: Api, program: Program) -> None:
    arguments = ("jobs", "create", "backup", "--schedule", "0 2 * * *", "--command", "x")
    program.run(*arguments)

    result = program.run(*arguments)

    assert result.returncode == 5
    assert "exists already" in result.stderr


def test_a_refused_job_names_its_fields(api: Api, program: Program) -> None:
    result = program.run("jobs", "create", "backup", "--schedule", "0 2", "--command", "x")

    assert result.returncode == 7
    assert "  spec.schedule: needs 5 fields\n" in result.stderr


def test_what_does_not_exist_is_not_found(api: Api, program: Program) -> None:
    assert program.run("jobs", "get", "nope").returncode == 3
    assert program.run("runs", "show", "nope").returncode == 3


def test_an_unavailable_api_is_worth_another_try_later(api: Api, program: Program) -> None:
    api.forced = [error(503, "unavailable", "the forge cannot be reached", Retry_After="9")]

    result = program.run("jobs", "list")

    assert (result.returncode, result.stdout) == (6, "")
    assert "try again in 9 s" in result.stderr


def test_a_server_that_is_down_is_named(program: Program) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = program.run("jobs", "list", "--api-url", url, CRONTOPUS_TOKEN="x")

    assert result.returncode == 6
    assert f"cannot reach the Crontopus API at {url}\n  Connection refused\n" in result.stderr


def test_an_unknown_host_is_named(program: Program) -> None:
    result = program.run("jobs", "list", "--api-url", "http://nowhere.invalid", CRONTOPUS_TOKEN="x", no_proxy="*")

    assert result.returncode == 6
    assert "no such host" in result.stderr


def test_a_web_page_instead_of_the_api_is_explained(api: Api, program: Program) -> None:
    api.forced = [(200, {"Content-Type": "text/html"}, b"<html></html>")]

    result = program.run("jobs", "list")

    assert result.returncode == 1
    assert "text/html" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_answer_of_the_wrong_shape_is_our_bug_and_has_a_traceback_only_in_debug(api: Api, program: Program) -> None:
    api.forced = [(200, {}, {"jobs": ["text"]})] * 2

    plain, debug = program.run("jobs", "list"), program.run("jobs", "list", "--debug")

    assert plain.returncode == 1
    assert plain.stderr.startswith("Error: this is a bug in crontopus")
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr
    assert "access-0" not in debug.stderr


def test_a_logout_without_the_server_still_deletes_the_login_here(api: Api, program: Program) -> None:
    api.forced = [error(503, "unavailable", "closed")]

    result = program.run("auth", "logout")

    assert result.returncode == 6
    assert program.logins.find(api.url) is None


def test_a_logout_twice_is_a_logout(api: Api, program: Program) -> None:
    program.run("auth", "logout")

    assert program.run("auth", "logout").returncode == 0


def test_the_stored_token_never_goes_to_another_server(program: Program) -> None:
    assert program.run("jobs", "list", "--api-url", "http://127.0.0.1:1").returncode == 4


def test_the_agents_files_and_netrc_are_left_alone(api: Api, program: Program, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    (tmp_path / ".netrc").chmod(0o600)

    result = program.run("jobs", "list", "--json", HOME=str(tmp_path))

    assert result.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".netrc", "config"]


def completed(program: Program, line: str, **environ: str) -> list[str]:
    """Return what bash is offered at the end of this line."""
    words = line.split(" ")
    environ |= {"_CRONTOPUS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = program.run(**environ)
    assert result.stderr == ""
    return [item.partition(",")[2] for item in result.stdout.splitlines() if item]


def test_the_shell_completes_names_from_the_api_and_then_for_a_while_from_memory(api: Api, program: Program) -> None:
    api.jobs = {"a": {"namespace": "default", "name": "backup"}, "b": {"namespace": "ops", "name": "tidy"}}

    # A machine with other things to do may miss the second that an answer has.
    first = next((found for _ in range(10) if (found := completed(program, "crontopus jobs get "))), [])
    asked = len(api.seen)
    second = completed(program, "crontopus jobs pause op")

    assert (first, second) == (["backup", "ops/tidy"], ["ops/tidy"])
    assert len(api.seen) == asked


def test_completion_without_a_server_or_a_login_offers_nothing_and_says_nothing(program: Program) -> None:
    assert completed(program, "crontopus jobs get ", CRONTOPUS_API_URL="http://127.0.0.1:1", CRONTOPUS_TOKEN="x") == []
    assert completed(program, "crontopus jobs get ", CRONTOPUS_API_URL="nonsense") == []
    assert completed(program, "crontopus jobs get ", CRONTOPUS_PROFILE="other") == []


def test_completion_never_renews_a_login(api: Api, program: Program) -> None:
    api.expire_access_token()

    assert completed(program, "crontopus endpoints show ") == []
    assert "POST /api/auth/refresh" not in api.seen


def test_a_slow_api_does_not_hold_the_shell_up(api: Api, program: Program) -> None:
    api.forced = [(200, {}, {"jobs": [{"namespace": "default", "name": "late"}]})]
    with api.lock:
        assert completed(program, "crontopus jobs get ") == []


def test_commands_and_settings_are_completed(program: Program) -> None:
    assert completed(program, "crontopus jo") == ["jobs"]
    assert completed(program, "crontopus config set abs") == ["absolute_time"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    result = run("completion", shell)

    assert (result.exit_code, "_CRONTOPUS_COMPLETE" in result.stdout) == (0, True)


def test_where_there_is_a_keyring_it_holds_the_login(api: Api, tmp_path: Path) -> None:
    program, ring = Program(Logins(tmp_path / "new")), tmp_path / "ring"
    ring.mkdir()
    keyring = {"PYTHON_KEYRING_BACKEND": "tests.functional.cli.file_keyring.FileKeyring", "TEST_KEYRING": str(ring)}

    login = program.run(
        "auth", "login", "-u", "ann", "--password-stdin", "--api-url", api.url, typed="correct horse\n", **keyring
    )
    api.expire_access_token()
    listed = program.run("jobs", "list", "--json", **keyring)
    kept = [path.read_text() for path in ring.iterdir()]
    logout = program.run("auth", "logout", **keyring)

    assert [(result.returncode, result.stderr) for result in (login, listed, logout)] == [(0, "")] * 3
    assert len(kept) == 1
    assert "access-2" in kept[0]
    assert "access" not in program.logins.path.read_text()
    assert list(ring.iterdir()) == []
