"""Profiles and the settings in them, with a real config.toml."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import Result

from tests.unit.cli_fakes import FakeApi, Reply
from tests.unit.cli_fakes import run as run_in

ME = Reply({"user": {"username": "ann"}, "repository": {}})
SESSION = Reply({"access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 900})


class Desk:
    """A person's configuration folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config.toml"

    def run(self, *args: str, api: FakeApi | None = None, typed: str = "", **environ: str) -> Result:
        return run_in(*args, api=api, environ={"CRONTOPUS_CONFIG_DIR": str(self.folder), **environ}, typed=typed)

    def login(self, *args: str) -> Result:
        return self.run("auth", "login", "-u", "ann", "--password-stdin", *args, api=FakeApi(SESSION), typed="secret")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "config")


def test_a_setting_is_kept_and_says_where_it_is_from(desk: Desk) -> None:
    desk.run("config", "set", "api_url", "https://a.example")

    shown = desk.run("config", "view", "--show-origin").stdout

    assert "api_url" in shown
    assert "https://a.example" in shown
    assert "config.toml, [profiles.default]" in shown
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600


def test_the_environment_is_named_as_the_origin_where_it_wins(desk: Desk) -> None:
    desk.run("config", "set", "api_url", "https://a.example")

    shown = desk.run("config", "view", "--json", CRONTOPUS_API_URL="https://b.example").stdout

    assert json.loads(shown)["settings"]["api_url"] == {"value": "https://b.example", "origin": "CRONTOPUS_API_URL"}


def test_a_setting_taken_out_is_the_default_again_and_an_empty_profile_goes(desk: Desk) -> None:
    desk.run("config", "set", "api_url", "https://a.example", "--profile", "work")

    assert desk.run("config", "unset", "api_url", "--profile", "work").exit_code == 0
    assert "work" not in desk.file.read_text()
    assert desk.run("config", "unset", "api_url", "--profile", "work").exit_code == 3


@pytest.mark.parametrize(("key", "value"), [("api_url", "ftp://x"), ("apiurl", "http://x")])
def test_a_setting_that_would_not_work_is_not_kept(desk: Desk, key: str, value: str) -> None:
    assert desk.run("config", "set", key, value).exit_code == 2
    assert not desk.file.exists()


def test_a_wrong_setting_can_be_corrected_and_taken_out(desk: Desk) -> None:
    desk.folder.mkdir()
    desk.file.write_text('[profiles.default]\napi_url = "nonsense"\nwrong = 1\n')

    assert desk.run("config", "view").exit_code == 2
    assert desk.run("config", "unset", "wrong").exit_code == 0
    assert desk.run("config", "set", "api_url", "https://a.example").exit_code == 0
    assert desk.run("config", "view").exit_code == 0


def test_a_login_makes_its_profile_and_later_commands_go_there(desk: Desk) -> None:
    desk.login("--profile", "work", "--api-url", "https://work.example")
    desk.run("config", "use", "work")
    api = FakeApi(Reply({"jobs": []}))

    result = desk.run("jobs", "list", api=api)

    assert result.exit_code == 0
    assert str(api.requests[0].url).startswith("https://work.example/api/jobs")


def test_each_profile_has_a_login_of_its_own_at_the_same_address(desk: Desk) -> None:
    desk.login("--api-url", "https://a.example")

    assert desk.run("jobs", "list", "--api-url", "https://a.example", "--profile", "work").exit_code == 4
    assert desk.run("jobs", "list", api=FakeApi(Reply({"jobs": []}))).exit_code == 0


def test_the_profiles_are_listed_with_where_their_logins_are(desk: Desk) -> None:
    desk.login("--api-url", "https://a.example")
    desk.run("config", "set", "api_url", "https://work.example", "--profile", "work")

    listed = json.loads(desk.run("config", "profiles", "--json").stdout)["profiles"]

    assert listed == [
        {"name": "default", "is_in_use": True, "api_url": "https://a.example", "login": "file"},
        {"name": "work", "is_in_use": False, "api_url": "https://work.example", "login": None},
    ]
    assert "https://work.example" in desk.run("config", "profiles").stdout


def test_a_profile_that_does_not_exist_is_not_used(desk: Desk) -> None:
    result = desk.run("config", "use", "nope")

    assert result.exit_code == 3
    assert "crontopus auth login --profile nope" in result.stderr


@pytest.mark.parametrize(
    "content", ["x", "[", 'profile = 1\n[profiles.a]\napi_url="x"', "profiles = 1", "profiles.a = 1", "b = 1"]
)
def test_a_file_that_cannot_be_read_is_named(desk: Desk, content: str) -> None:
    desk.folder.mkdir()
    desk.file.write_text(content)

    result = desk.run("jobs", "list")

    assert result.exit_code == 1
    assert str(desk.file) in result.stderr


def test_the_logins_of_an_older_version_keep_working(desk: Desk) -> None:
    desk.folder.mkdir()
    login = {"username": "ann", "access_token": "old", "refresh_token": "r"}
    content = {"current": "https://old.example", "logins": {"https://old.example": login}}
    (desk.folder / "credentials.json").write_text(json.dumps(content))
    api = FakeApi(Reply({"jobs": []}))

    desk.run("jobs", "list", api=api)

    assert str(api.requests[0].url).startswith("https://old.example/api/jobs")
    assert api.requests[0].headers["Authorization"] == "Bearer old"


def test_a_token_from_stdin_is_kept_and_never_renewed(desk: Desk) -> None:
    result = desk.run("auth", "login", "--with-token", api=FakeApi(ME), typed="ctp_secret\n")
    api = FakeApi(Reply({}, 401))

    after = desk.run("jobs", "list", api=api)

    assert "as ann" in result.stdout
    assert "ctp_secret" not in result.output
    assert len(api.sent) == 1
    assert after.exit_code == 4
    assert "the API token for http://127.0.0.1:8080 has expired or was revoked" in after.stderr


def test_a_token_that_may_not_ask_who_it_is_is_kept_all_the_same(desk: Desk) -> None:
    result = desk.run("auth", "login", "--with-token", api=FakeApi(Reply({}, 403)), typed="ctp_secret")

    assert result.exit_code == 0
    assert "the owner of an API token" in result.stdout


@pytest.mark.parametrize("typed", ["", "a b", "é"])
def test_what_is_no_token_is_not_sent(desk: Desk, typed: str) -> None:
    api = FakeApi()

    assert desk.run("auth", "login", "--with-token", api=api, typed=typed).exit_code == 2
    assert api.requests == []


def test_a_token_that_is_refused_is_not_kept(desk: Desk) -> None:
    assert desk.run("auth", "login", "--with-token", api=FakeApi(Reply({}, 401)), typed="ctp_x").exit_code == 4
    assert not (desk.folder / "credentials.json").exists()


def test_a_logout_leaves_an_api_token_in_force_and_says_so(desk: Desk) -> None:
    desk.run("auth", "login", "--with-token", api=FakeApi(ME), typed="ctp_secret\n")

    result = desk.run("auth", "logout")

    assert result.exit_code == 0
    assert "crontopus tokens revoke" in result.stderr
    assert desk.run("jobs", "list").exit_code == 4


def test_the_status_of_a_login_that_works(desk: Desk) -> None:
    desk.login()

    facts = json.loads(desk.run("auth", "status", "--json", api=FakeApi(ME)).stdout)

    assert (facts["kind"], facts["kept_in"], facts["username"], facts["is_accepted"]) == ("session", "file", "ann", True)


def test_the_status_of_a_login_that_is_refused_ends_with_4(desk: Desk) -> None:
    desk.login()

    result = desk.run("auth", "status", api=FakeApi(Reply({}, 401), Reply({}, 401)))

    assert result.exit_code == 4
    assert "Accepted  no" in result.stdout


def test_the_status_without_a_login_asks_nobody(desk: Desk) -> None:
    api = FakeApi()

    assert desk.run("auth", "status", api=api).exit_code == 4
    assert api.requests == []


def test_a_token_in_the_environment_is_the_login_in_force(desk: Desk) -> None:
    facts = json.loads(desk.run("auth", "status", "--json", api=FakeApi(ME), CRONTOPUS_TOKEN="ctp_x").stdout)

    assert (facts["kind"], facts["kept_in"]) == ("API token", "CRONTOPUS_TOKEN")
