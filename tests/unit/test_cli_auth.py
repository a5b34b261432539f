"""Logging in by a code, sessions and the password."""

from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from cli.browser import open_browser
from cli.invocation import Invocation
from cli.main import root
from tests.unit.cli_fakes import NOW, FakeApi, Reply, refusal, run

STARTED = Reply(
    {
        "device_code": "secret-code",
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://c.example/device",
        "verification_uri_complete": "https://c.example/device?user_code=BCDF-GHJK",
        "expires_in": 600,
        "interval": 5,
    }
)
TOKENS = Reply({"access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 900})
ME = Reply({"user": {"username": "ann"}, "repository": {}})


class Person:
    """Somebody at a terminal. can_browse: whether their desktop has a browser."""

    def __init__(self, folder: Any, *, can_browse: bool = True) -> None:
        self.environ = {"CRONTOPUS_CONFIG_DIR": str(folder)}
        self.can_browse = can_browse
        self.visited: list[str] = []
        self.waits: list[float] = []

    def login(self, api: FakeApi, *args: str) -> Result:
        def browse(address: str, environ: object) -> bool:
            self.visited.append(address)
            return self.can_browse

        state = Invocation(
            self.environ,
            api.session(),
            now=lambda: NOW,
            has_terminal=lambda: True,
            sleep=self.waits.append,
            open_browser=browse,
            find_keyring=lambda: None,
        )
        return CliRunner().invoke(root, ["auth", "login", *args], obj=state, prog_name="crontopus")


def pending(code: str = "authorization_pending") -> Reply:
    return refusal(400, code, code)


@pytest.fixture
def person(tmp_path: Any) -> Person:
    return Person(tmp_path)


def test_a_login_waits_until_its_code_is_approved(person: Person) -> None:
    api = FakeApi(STARTED, pending(), pending(), TOKENS, ME)

    result = person.login(api)

    assert (result.exit_code, person.waits) == (0, [5, 5, 5])
    assert "Your code: BCDF-GHJK" in result.stderr
    assert result.stdout == "Logged in to http://127.0.0.1:8080 as ann.\n"
    assert person.visited == ["https://c.example/device?user_code=BCDF-GHJK"]
    assert "device_code=secret-code" in str(api.requests[1].body)


def test_the_device_code_is_never_shown(person: Person) -> None:
    result = person.login(FakeApi(STARTED, pending(), TOKENS, ME), "--debug")

    assert "secret-code" not in result.output


def test_who_asks_too_fast_asks_slower_from_then_on(person: Person) -> None:
    person.login(FakeApi(STARTED, pending("slow_down"), pending(), pending("slow_down"), TOKENS, ME))

    assert person.waits == [5, 10, 10, 15]


def test_a_limit_and_a_network_that_is_away_do_not_end_it(person: Person) -> None:
    away = requests.ConnectionError("reset")
    api = FakeApi(STARTED, refusal(429, "too_many_requests", "slow down", Retry_After="30"), away, TOKENS, ME)

    assert person.login(api).exit_code == 0
    assert person.waits == [5, 30, 30]


@pytest.mark.parametrize(
    ("code", "said"), [("access_denied", "was refused"), ("expired_token", "expired_token"), ("invalid_grant", "start again")]
)
def test_a_login_that_comes_to_nothing_says_so(person: Person, code: str, said: str) -> None:
    result = person.login(FakeApi(STARTED, pending(code)))

    assert result.exit_code == 4
    assert said in result.stderr


def test_nobody_is_waited_for_longer_than_the_code_lives(person: Person) -> None:
    result = person.login(FakeApi(Reply({**STARTED.body, "expires_in": 10}), pending(), pending()))

    assert (result.exit_code, person.waits) == (4, [5, 5])
    assert "nobody approved the code in time" in result.stderr


def test_without_a_browser_the_address_is_printed(person: Person) -> None:
    result = person.login(FakeApi(STARTED, TOKENS, ME), "--no-browser")

    assert person.visited == []
    assert "https://c.example/device?user_code=BCDF-GHJK" in result.stderr


def test_a_browser_that_does_not_open_is_no_obstacle(tmp_path: Any) -> None:
    result = Person(tmp_path, can_browse=False).login(FakeApi(STARTED, TOKENS, ME))

    assert "Open: https://c.example/device" in result.stderr


def test_no_browser_is_started_without_a_desktop() -> None:
    assert open_browser("http://127.0.0.1:1", {}) is False


@pytest.mark.parametrize("address", ["file:///etc/passwd", "javascript:alert(1)", "ssh://x", "-x", ""])
def test_a_server_cannot_make_us_open_anything_but_a_page(address: str) -> None:
    assert open_browser(address, {"DISPLAY": ":0"}) is False


def test_without_a_terminal_nobody_is_waited_for() -> None:
    api = FakeApi()

    result = run("auth", "login", api=api)

    assert result.exit_code == 2
    assert "--with-token" in result.stderr
    assert api.requests == []


SESSION = {"id": "se-1", "client": "crontopus-cli/0.1.0", "is_current": True, "started_at": "2026-11-20T11:57:00.000Z"}


def test_sessions_are_listed_with_the_one_that_asks() -> None:
    result = run("auth", "sessions", "list", api=FakeApi(Reply({"sessions": [SESSION]})))

    assert "crontopus-cli/0.1.0  yes       3m ago" in result.stdout


def test_all_other_sessions_are_ended_and_this_one_not() -> None:
    others = [{**SESSION, "id": name, "is_current": False} for name in ("se-2", "se-3")]
    api = FakeApi(Reply({"sessions": [SESSION, *others]}), Reply({}), Reply({}))

    result = run("auth", "sessions", "end", "--others", "--yes", api=api)

    assert api.sent[1:] == [("DELETE", "/api/auth/sessions/se-2"), ("DELETE", "/api/auth/sessions/se-3")]
    assert result.stdout == "Ended 2 other sessions.\n"


@pytest.mark.parametrize("args", [(), ("se-1", "--others")])
def test_which_session_to_end_is_not_guessed(args: tuple[str, ...]) -> None:
    assert run("auth", "sessions", "end", *args, "--yes").exit_code == 2


def test_a_new_password_is_asked_for_twice_and_the_old_one_once() -> None:
    api = FakeApi(Reply({"sessions_ended": 2}))

    result = run("auth", "password", api=api, has_terminal=True, typed="old\nlong enough\nlong enough\n")

    assert api.last_body == {"current_password": "old", "new_password": "long enough"}
    assert result.stdout == "Changed the password; 2 other sessions ended.\n"
    assert "long enough" not in result.output


@pytest.mark.parametrize("typed", ["", "old", "old\n\n", "a\nb\nc\n"])
def test_two_passwords_are_two_lines(typed: str) -> None:
    assert run("auth", "password", "--passwords-stdin", typed=typed).exit_code == 2
