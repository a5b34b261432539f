from pathlib import Path

import click
import pytest

from cli import config


def chosen(environ: dict[str, str] | None = None, flag: str | None = None, last: str | None = None) -> str:
    return config.settings(environ or {}, api_url=flag, last_api_url=last).api_url


def test_the_flag_wins_over_the_environment_over_the_last_login_over_the_default() -> None:
    environ = {"CRONTOPUS_API_URL": "http://env"}

    assert chosen(environ, "http://flag", "http://last") == "http://flag"
    assert chosen(environ, None, "http://last") == "http://env"
    assert chosen({}, None, "http://last") == "http://last"
    assert chosen() == config.DEFAULT_API_URL


def test_an_empty_variable_counts_as_unset() -> None:
    environ = {"CRONTOPUS_API_URL": "", "CRONTOPUS_TOKEN": "", "NO_COLOR": "", "CRONTOPUS_CONFIG_DIR": ""}

    settings = config.settings(environ, api_url=None, last_api_url=None)

    assert settings == config.Settings(config.DEFAULT_API_URL, None, False)
    assert config.folder(environ).name == "crontopus"


def test_a_slash_at_the_end_of_the_address_changes_nothing() -> None:
    assert chosen(flag="https://x.example/") == "https://x.example"


@pytest.mark.parametrize(
    "address",
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
def test_an_address_that_cannot_work_is_refused_with_its_origin(address: str) -> None:
    with pytest.raises(click.UsageError, match="CRONTOPUS_API_URL"):
        chosen({"CRONTOPUS_API_URL": address})


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(click.UsageError) as caught:
        chosen(flag="http://ann:hunter2@x")

    assert "hunter2" not in str(caught.value.message)


def test_a_newline_after_the_token_does_no_harm() -> None:
    assert config.settings({"CRONTOPUS_TOKEN": "ctp_x\n"}, api_url=None, last_api_url=None).token == "ctp_x"


@pytest.mark.parametrize("token", ["a b", "a\nX-Header: b", "é"])
def test_a_token_that_would_break_the_header_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        config.settings({"CRONTOPUS_TOKEN": token}, api_url=None, last_api_url=None)

    assert token not in caught.value.message


def test_the_folder_is_not_the_agents() -> None:
    assert config.folder({}).name == "crontopus"
    assert ".crontopus" not in config.folder({}).parts
    assert config.folder({"CRONTOPUS_CONFIG_DIR": "/srv/x"}) == Path("/srv/x")
