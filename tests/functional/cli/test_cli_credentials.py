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
    assert (logins.find(URL), logins.last_api_url) == (None, None)
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


def test_one_logout_leaves_the_other_logins(logins: Logins) -> None:
    logins.save(URL, ANN)
    logins.save("https://b.example", ANN)
    logins.forget("https://b.example")

    assert logins.accounts == {URL: "file"}
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
    assert list(json.loads(logins.path.read_text())["logins"]) == [URL]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(click.ClickException, match="cannot write to"):
        Logins(tmp_path / "file" / "config").save(URL, ANN)


class FakeKeyring:
    """is_open: whether it answers."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.is_open = True

    def get(self, name: str) -> str | None:
        self._answer()
        return self.secrets.get(name)

    def put(self, name: str, secret: str) -> None:
        self._answer()
        self.secrets[name] = secret

    def drop(self, name: str) -> None:
        self._answer()
        self.secrets.pop(name, None)

    def _answer(self) -> None:
        if not self.is_open:
            raise Failure("locked")


@pytest.fixture
def keyring() -> FakeKeyring:
    return FakeKeyring()


@pytest.fixture
def kept(tmp_path: Path, keyring: FakeKeyring) -> Logins:
    return Logins(tmp_path / "config", lambda: keyring)


def test_where_there_is_a_keyring_no_secret_is_in_the_file(kept: Logins) -> None:
    assert kept.save(URL, ANN) is False

    assert kept.accounts == {URL: "keyring"}
    assert kept.find(URL) == ANN
    assert "refresh" not in kept.path.read_text()


def test_without_a_keyring_the_person_hears_once_that_a_file_is_used(logins: Logins) -> None:
    assert [logins.save(URL, ANN), logins.save(URL, FRESH), logins.save("https://b.example", ANN)] == [True, False, False]


def test_a_keyring_that_is_locked_leaves_the_login_to_the_file(kept: Logins, keyring: FakeKeyring) -> None:
    keyring.is_open = False

    assert kept.save(URL, ANN) is True
    assert kept.find(URL) == ANN


def test_a_login_moves_from_the_keyring_to_the_file_when_asked(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)
    kept.save(URL, FRESH, only_file=True)

    assert (kept.accounts, keyring.secrets) == ({URL: "file"}, {})
    assert kept.find(URL) == FRESH


def test_a_renewed_login_stays_where_it_was(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)

    assert kept.renew(URL, "access", lambda _: FRESH) == FRESH
    assert (kept.accounts, kept.find(URL)) == ({URL: "keyring"}, FRESH)


def test_a_renewed_login_is_not_lost_when_the_keyring_closes_meanwhile(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)

    def exchange(_: Login) -> Login:
        keyring.is_open = False
        return FRESH

    kept.renew(URL, "access", exchange)

    assert (kept.accounts, kept.find(URL)) == ({URL: "file"}, FRESH)


def test_a_logout_empties_the_keyring(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)
    kept.forget(URL)

    assert (keyring.secrets, kept.find(URL)) == ({}, None)


def test_a_login_in_a_keyring_that_is_not_here_says_what_to_do(kept: Logins) -> None:
    kept.save(URL, ANN)

    with pytest.raises(Failure) as caught:
        Logins(kept.folder).find(URL)

    assert "--insecure-storage" in caught.value.hints[0]


def test_a_secret_that_is_gone_from_the_keyring_is_no_login(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)
    keyring.secrets.clear()

    assert kept.find(URL) is None


def test_a_damaged_secret_says_what_to_do(kept: Logins, keyring: FakeKeyring) -> None:
    kept.save(URL, ANN)
    keyring.secrets[URL] = "{}"

    with pytest.raises(Failure, match="damaged"):
        kept.find(URL)
