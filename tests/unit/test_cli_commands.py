import pytest

from tests.unit.cli_fakes import ENVIRON, FakeApi, Reply, refusal, run

AT = "2026-11-20T11:57:00.000Z"
ENDPOINT = {"id": "ep-1", "name": "web", "hostname": "web.lan", "state": "active", "last_heartbeat_at": None}


@pytest.mark.parametrize("group", ["endpoints", "agents"])
def test_endpoints_are_also_called_agents(group: str) -> None:
    result = run(group, "list", api=FakeApi(Reply({"endpoints": [ENDPOINT]})))

    assert "web   active  never      ep-1" in result.stdout


def test_what_troubles_an_endpoint_is_said_beside_the_list() -> None:
    troubled = {**ENDPOINT, "problems": ["cron is not running"]}

    assert (
        run("endpoints", "list", api=FakeApi(Reply({"endpoints": [troubled]}))).stderr == "warning: web: cron is not running\n"
    )


def test_no_endpoint_yet_says_how_to_get_one() -> None:
    assert "crontopus enrollment-tokens create" in run("endpoints", "list", api=FakeApi(Reply({"endpoints": []}))).stderr


def test_only_the_enrollment_token_goes_to_stdout() -> None:
    made = {"id": "et-1", "name": "web", "max_uses": 1, "used_count": 0, "expires_at": "2026-11-21T12:00:00.000Z"}
    api = FakeApi(Reply({"enrollment_token": made, "token": "cet_x"}, 201))

    result = run("enrollment-tokens", "create", "web", api=api)

    assert result.stdout == "cet_x\n"
    assert "valid until 2026-11-21 12:00:00+00:00 (in 1d)" in result.stderr
    assert api.last_body == {"name": "web", "expires_in_hours": 24, "max_uses": 1}


def test_enrollment_tokens_are_listed_without_themselves() -> None:
    token = {"id": "et-1", "name": "web", "max_uses": None, "used_count": 2, "expires_at": None, "created_at": AT}

    result = run("enrollment-tokens", "list", api=FakeApi(Reply({"enrollment_tokens": [token]})))

    assert "web   2 of any number  -        et-1  3m ago" in result.stdout


def test_only_the_api_token_goes_to_stdout() -> None:
    made = {"id": "tk-1", "name": "ci", "scopes": ["read:jobs"], "expires_at": "2027-02-18T12:00:00.000Z"}
    api = FakeApi(Reply({"token": made, "plain_text": "ctp_x"}, 201))

    result = run("tokens", "create", "ci", "--scope", "read:jobs", api=api)

    assert result.stdout == "ctp_x\n"
    assert "Valid until 2027-02-18 12:00:00+00:00" in result.stderr
    assert api.last_body == {"name": "ci", "scopes": ["read:jobs"], "expires_in_days": 90}


def test_a_token_for_ever_takes_the_word() -> None:
    api = FakeApi(Reply({"token": {"expires_at": None}, "plain_text": "ctp_x"}, 201))

    result = run("tokens", "create", "ci", "--scope", "admin:*", "--expires-in-days", "never", api=api)

    assert api.last_body["expires_in_days"] == "never"
    assert "Valid until it is revoked" in result.stderr


@pytest.mark.parametrize("arguments", [("--scope", "read:everything"), (), ("--scope", "read:jobs", "--expires-in-days", "7")])
def test_a_token_that_the_api_would_refuse_is_not_asked_for(arguments: tuple[str, ...]) -> None:
    api = FakeApi()

    assert run("tokens", "create", "ci", *arguments, api=api).exit_code == 2
    assert api.requests == []


def test_api_tokens_are_listed_with_what_they_may_do() -> None:
    token = {"id": "tk-1", "name": "ci", "scopes": ["read:jobs", "write:jobs"], "last4": "wxyz", "created_at": AT}

    result = run("tokens", "list", api=FakeApi(Reply({"tokens": [token | {"expires_at": None, "last_used_at": None}]})))

    assert "ci    read:jobs write:jobs  wxyz       never    never  tk-1  3m ago" in result.stdout


def test_no_token_yet_says_how_to_make_one() -> None:
    assert "crontopus tokens create" in run("tokens", "list", api=FakeApi(Reply({"tokens": []}))).stderr


@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "delete", "billing/x"),
        ("enrollment-tokens", "delete", "et-1"),
        ("tokens", "revoke", "tk-1"),
        ("auth", "sessions", "end", "se-1"),
        ("ping-keys", "revoke", "pk-1"),
        ("namespaces", "delete", "ops"),
        ("tenants", "suspend", "--reason", "x", "bob"),
    ],
)
class TestDestroying:
    def test_asks_with_the_name(self, command: tuple[str, ...]) -> None:
        api = FakeApi()

        result = run(*command, api=api, has_terminal=True, typed="n\n")

        assert command[-1] in result.stderr
        assert result.exit_code == 1
        assert api.requests == []

    def test_happens_when_answered_with_yes(self, command: tuple[str, ...]) -> None:
        api = FakeApi(Reply({"commit": "c0ffee"}))

        assert run(*command, api=api, has_terminal=True, typed="y\n").exit_code == 0
        assert len(api.requests) == 1

    def test_does_not_ask_with_yes(self, command: tuple[str, ...]) -> None:
        assert run(*command, "--yes", api=FakeApi(Reply({}))).exit_code == 0

    def test_never_asks_without_a_terminal(self, command: tuple[str, ...]) -> None:
        result = run(*command, has_terminal=False, typed="y\n")

        assert result.exit_code == 2
        assert "--yes" in result.stderr


def test_a_password_is_asked_for_and_not_shown() -> None:
    api = FakeApi(refusal(401, "unauthenticated", "username or password is wrong"))

    result = run("auth", "login", "--password", api=api, has_terminal=True, typed="ann\nhunter2\n")

    assert api.requests[0].body == "grant_type=password&username=ann&password=hunter2"
    assert "hunter2" not in result.output
    assert result.exit_code == 4


def test_a_new_password_is_asked_for_twice() -> None:
    api = FakeApi(Reply({"user": {}}, 201))

    result = run("auth", "register", api=api, has_terminal=True, typed="ann\na@b.c\nlong enough\nlong enough\n")

    assert api.last_body == {"username": "ann", "email": "a@b.c", "password": "long enough"}
    assert "crontopus auth login --username ann" in result.stderr


@pytest.mark.parametrize(
    ("typed", "password"),
    [("a b\n", "a b"), ("a b", "a b"), ("a b\r\n", "a b"), (" a\n\n", " a\n")],
)
def test_only_the_last_newline_is_taken_off_a_password(typed: str, password: str) -> None:
    api = FakeApi(Reply({}, 201))

    run("auth", "register", "-u", "ann", "--email", "a@b.c", "--password-stdin", api=api, typed=typed)

    assert api.last_body["password"] == password


@pytest.mark.parametrize("typed", [b"", b"\n", b"\xff\xfe\n"])
def test_a_password_that_is_none_is_a_usage_error(typed: bytes) -> None:
    assert run("auth", "login", "-u", "ann", "--password-stdin", typed=typed).exit_code == 2


def test_without_a_terminal_nothing_is_asked() -> None:
    result = run("auth", "login", "-u", "ann", typed="hunter2\n")

    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr


def test_a_password_over_plain_http_is_warned_about_and_on_this_machine_not() -> None:
    remote = run(
        "auth", "login", "-u", "a", "--password-stdin", "--api-url", "http://far", api=FakeApi(Reply({}, 500)), typed="x"
    )
    local = run("auth", "login", "-u", "a", "--password-stdin", api=FakeApi(Reply({}, 500)), typed="x")

    assert "is not https" in remote.stderr
    assert "is not https" not in local.stderr


def test_who_is_logged_in() -> None:
    user = {"username": "ann", "email": "a@b.c", "tenant_id": "ann", "state": "active", "created_at": AT}

    result = run(
        "auth", "whoami", api=FakeApi(Reply({"user": user, "repository": {"url": "http://f/r.git", "branch": "main"}}))
    )

    assert "Username    ann" in result.stdout
    assert "http://f/r.git" in result.stdout


@pytest.mark.parametrize(("typed", "meant"), [(("job", "list"), "jobs"), (("jobs", "lst"), "list"), (("help", "rums"), "runs")])
def test_a_typo_in_a_command_gets_a_suggestion(typed: tuple[str, ...], meant: str) -> None:
    result = run(*typed)

    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_help_explains_commands_and_topics() -> None:
    assert "crontopus jobs create backup" in run("help", "jobs", "create").stdout
    assert "130" in run("help", "exit-codes").stdout
    assert "CRONTOPUS_TOKEN" in run("help", "environment").stdout


def test_help_needs_no_login_and_no_valid_settings() -> None:
    assert run("runs", "list", "--help", environ={**ENVIRON, "CRONTOPUS_API_URL": "nonsense"}).exit_code == 0
