import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import click
import pytest

from cli import credentials
from cli.credentials import Login, Logins
from cli.errors import Failure, Unavailable

URL = "https://a.example"
ANN = Login("ann", "access", "refresh")
FRESH = Login("ann", "access-2", "refresh-2")


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    return Logins(tmp_path / "deep" / "config")


def test_nothing_stored_is_no_login_and_makes_no_folder(logins: Logins) -> None:
    assert (logins.find(URL), logins.current) == (None, None)
    assert not logins.folder.exists()


def test_a_login_is_kept_for_its_address_only(logins: Logins) -> None:
    logins.save(URL, ANN)

    assert logins.find(URL) == ANN
    assert logins.find("https://b.example") is None


def test_only_the_owner_can_read_it_whatever_the_umask(logins: Logins) -> None:
    before = os.umask(0)
    try:
        logins.save(URL, ANN)
    finally:
        os.umask(before)

    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.folder.stat().st_mode) == 0o700


def test_the_last_login_decides_where_commands_go_also_after_its_logout(logins: Logins) -> None:
    logins.save(URL, ANN)
    logins.save("https://b.example", ANN)
    logins.forget("https://b.example")

    assert logins.current == "https://b.example"
    assert logins.find(URL) == ANN


def test_a_stale_login_is_exchanged_and_stored(logins: Logins) -> None:
    logins.save(URL, ANN)

    assert logins.renew(URL, "access", lambda _: FRESH) == FRESH
    assert logins.find(URL) == FRESH


def test_a_login_that_another_command_renewed_is_taken_as_it_is(logins: Logins) -> None:
    logins.save(URL, FRESH)

    def exchange(_: Login) -> Login:
        raise AssertionError("the refresh token was spent twice")

    assert logins.renew(URL, "access", exchange) == FRESH


def test_a_login_that_is_gone_cannot_be_renewed(logins: Logins) -> None:
    assert logins.renew(URL, "access", lambda _: FRESH) is None


def test_a_failed_exchange_leaves_the_login_and_frees_the_lock(logins: Logins) -> None:
    logins.save(URL, ANN)

    def exchange(_: Login) -> Login:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        logins.renew(URL, "access", exchange)

    assert logins.renew(URL, "access", lambda _: FRESH) == FRESH


def test_a_lock_that_is_held_too_long_is_worth_another_try(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    logins.save(URL, ANN)
    monkeypatch.setattr(credentials, "LOCK_WAIT_S", 0)

    with closing(sqlite3.connect(logins.folder / "credentials.lock", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="another crontopus command"):
            logins.save(URL, FRESH)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"current": null, "logins": {"x": {"a": 1}}}', "\xff"])
def test_a_damaged_file_says_what_to_do(logins: Logins, content: str) -> None:
    logins.save(URL, ANN)
    logins.path.write_bytes(content.encode("latin-1"))

    with pytest.raises(Failure) as caught:
        logins.find(URL)

    assert str(logins.path) in caught.value.message
    assert "crontopus auth login" in caught.value.hints[0]


def test_no_half_written_file_is_left(logins: Logins) -> None:
    logins.save(URL, ANN)

    assert sorted(path.name for path in logins.folder.iterdir()) == ["credentials.json", "credentials.lock"]
    assert json.loads(logins.path.read_text())["current"] == URL


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(click.ClickException, match="cannot write to"):
        Logins(tmp_path / "file" / "config").save(URL, ANN)
