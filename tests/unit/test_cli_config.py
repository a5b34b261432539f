from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from cli import config, settings
from cli.profiles import Configuration
from cli.settings import Settings, Value

WORK = Configuration("work", {"work": {"api_url": "http://work"}, "default": {"api_url": "http://home"}})


def resolved(
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    configuration: Configuration | None = None,
    last: str | None = None,
) -> Settings:
    return settings.resolve(environ or {}, flags or {}, configuration or Configuration(), last_api_url=last)


def address(*args: object, **kwargs: object) -> Value:
    return resolved(*args, **kwargs).values["api_url"]  # type: ignore[arg-type]


def test_a_flag_wins_over_the_environment_over_the_profile_over_the_last_login_over_the_default() -> None:
    environ, flags, home = {"CRONTOPUS_API_URL": "http://env"}, {"api_url": "http://flag"}, Configuration(None, WORK.profiles)

    assert address(environ, flags, home, "http://last") == Value("http://flag", "--api-url")
    assert address(environ, {}, home, "http://last") == Value("http://env", "CRONTOPUS_API_URL")
    assert address({}, {}, home, "http://last") == Value("http://home", "config.toml, [profiles.default]")
    assert address({}, {}, None, "http://last") == Value("http://last", "last login")
    assert address() == Value(settings.DEFAULT_API_URL, "default")


def test_a_profile_is_chosen_by_flag_then_environment_then_file() -> None:
    environ, flags = {"CRONTOPUS_PROFILE": "default"}, {"profile": "other"}

    assert resolved(environ, flags, WORK).profile == "other"
    assert resolved(environ, {}, WORK).profile == "default"
    assert resolved({}, {}, WORK).profile == "work"
    assert resolved().profile == "default"


def test_the_last_login_of_an_older_version_belongs_to_the_default_profile_only() -> None:
    assert address({}, {"profile": "other"}, None, "http://last").text == settings.DEFAULT_API_URL


def test_the_default_profile_finds_the_logins_that_older_versions_stored() -> None:
    assert resolved({}, {}, None, "http://last").account == "http://last"
    assert resolved({}, {}, WORK).account == "work@http://work"


def test_an_empty_variable_counts_as_unset() -> None:
    environ = {"CRONTOPUS_API_URL": "", "CRONTOPUS_TOKEN": "", "CRONTOPUS_PROFILE": "", "CRONTOPUS_CONFIG_DIR": ""}

    assert resolved(environ) == resolved()
    assert resolved(environ).token is None
    assert config.folder(environ).name == "crontopus"


def test_a_slash_at_the_end_of_the_address_changes_nothing() -> None:
    assert address({}, {"api_url": "https://x.example/"}).text == "https://x.example"


@pytest.mark.parametrize(
    "given",
    [
        "example.com",
        "ftp://x",
        "http://",
        "http://ann:pw@x",
        "http://x:99999",
        "http://x:y",
        "http://x?a=b",
        "http://x#a",
        "http://[x",
    ],
)
def test_an_address_that_cannot_work_is_refused_with_its_origin(given: str) -> None:
    with pytest.raises(click.UsageError, match="CRONTOPUS_API_URL"):
        resolved({"CRONTOPUS_API_URL": given})
    with pytest.raises(click.UsageError, match=r"config\.toml, \[profiles\.default\]"):
        resolved(configuration=Configuration(None, {"default": {"api_url": given}}))


def test_a_setting_that_does_not_exist_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(click.UsageError, match="did you mean api_url"):
        resolved(configuration=Configuration(None, {"default": {"apiurl": "http://x"}}))


@pytest.mark.parametrize("name", ["a b", "../x", "-x", "@", "x" * 64])
def test_what_cannot_name_a_profile_is_refused(name: str) -> None:
    with pytest.raises(click.UsageError, match="cannot name a profile"):
        resolved({"CRONTOPUS_PROFILE": name})


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(click.UsageError) as caught:
        resolved({}, {"api_url": "http://ann:hunter2@x"})

    assert "hunter2" not in str(caught.value.message)


def test_a_newline_after_the_token_does_no_harm() -> None:
    assert resolved({"CRONTOPUS_TOKEN": "ctp_x\n"}).token == "ctp_x"


@pytest.mark.parametrize("token", ["a b", "a\nX-Header: b", "é"])
def test_a_token_that_would_break_the_header_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        resolved({"CRONTOPUS_TOKEN": token})

    assert token not in caught.value.message


def test_the_folder_is_not_the_agents() -> None:
    assert config.folder({}).name == "crontopus"
    assert ".crontopus" not in config.folder({}).parts
    assert config.folder({"CRONTOPUS_CONFIG_DIR": "/srv/x"}) == Path("/srv/x")
