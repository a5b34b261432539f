import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from agent import audit, keyrings, rotation
from agent.home import Home, read_secret
from chalicelib.domain.errors import Stalled, Unavailable
from tests.fixtures.agents import agent_config

FILES, KEYRING = agent_config(), agent_config(credentials="keyring")
ADA = 1000


class Memory(KeyringBackend):
    """A keyring in memory, with a lock."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def _open(self) -> dict[tuple[str, str], str]:
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.held

    def get_password(self, service: str, username: str) -> str | None:
        return self._open().get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self._open().pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")


@pytest.fixture
def ring() -> Iterator[Memory]:
    before = keyring.get_keyring()
    memory = Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    keyrings.keep(found.agent_token, "cte_agent")
    keyrings.keep(found.git_token, "git")
    return found


def names(home: Home) -> set[str]:
    return {path.name for path in home.directory.iterdir()} - {"audit.log", "audit.lock"}


def test_credentials_move_into_the_keyring_and_back_and_are_never_in_both(home: Home, ring: Memory) -> None:
    keyrings.settle(home, KEYRING, ADA)

    assert names(home) == {"agent-token.in-keyring", "git-token.in-keyring"}
    assert sorted(ring.held.values()) == ["cte_agent", "git"]
    assert (read_secret(home.agent_token), read_secret(home.git_token)) == ("cte_agent", "git")

    keyrings.settle(home, FILES, ADA)

    assert names(home) == {"agent-token", "git-token"}
    assert (ring.held, read_secret(home.agent_token)) == ({}, "cte_agent")
    assert stat.S_IMODE(home.agent_token.stat().st_mode) == 0o600
    told = [link.entry.facts for link in audit.links(home) if link.entry]
    assert [(one["kind"], one["to"]) for one in told] == [("credentials_moved", "keyring"), ("credentials_moved", "file")]


def test_settling_twice_is_settling_once(home: Home, ring: Memory) -> None:
    for config in (KEYRING, KEYRING, FILES, FILES):
        keyrings.settle(home, config, ADA)

    assert len(list(audit.links(home))) == 2


@pytest.mark.parametrize("wanted", [KEYRING, FILES])
def test_a_crash_between_the_steps_is_made_good(home: Home, ring: Memory, wanted: Any) -> None:
    keyrings.settle(home, KEYRING, ADA)
    home.agent_token.write_text("cte_agent\n")  # it is in both

    keyrings.settle(home, wanted, ADA)

    assert home.agent_token.exists() != keyrings.marker(home.agent_token).exists()
    assert read_secret(home.agent_token) == "cte_agent"


def test_a_rotated_token_stays_in_the_keyring_and_its_age_is_known(home: Home, ring: Memory) -> None:
    keyrings.settle(home, KEYRING, ADA)
    now = datetime.now(UTC)
    assert not rotation.is_due(home, now)
    os.utime(keyrings.marker(home.agent_token), (0, now.timestamp() - 31 * 86400))
    assert rotation.is_due(home, now)

    keyrings.keep(home.agent_token, "cte_next")

    assert not home.agent_token.exists()
    assert (read_secret(home.agent_token), rotation.is_due(home, now)) == ("cte_next", False)


def test_a_locked_keyring_is_waited_for(home: Home, ring: Memory) -> None:
    keyrings.settle(home, KEYRING, ADA)
    ring.is_locked = True

    with pytest.raises(Unavailable, match="locked"):
        read_secret(home.agent_token)


def test_a_keyring_that_is_locked_from_the_start_takes_nothing_away(home: Home, ring: Memory) -> None:
    ring.is_locked = True

    with pytest.raises(Unavailable):
        keyrings.settle(home, KEYRING, ADA)
    assert names(home) == {"agent-token", "git-token"}


def test_a_session_without_keyring_is_told_so_and_keeps_its_files(home: Home, ring: Memory) -> None:
    keyring.set_keyring(NoKeyring())

    with pytest.raises(Stalled, match="no keyring that works"):
        keyrings.settle(home, KEYRING, ADA)
    assert names(home) == {"agent-token", "git-token"}


def test_roots_agent_has_no_keyring(home: Home, ring: Memory) -> None:
    with pytest.raises(Stalled, match="root"):
        keyrings.settle(home, KEYRING, 0)
    assert ring.held == {}


def test_what_somebody_took_out_of_the_keyring_is_missed_by_name(home: Home, ring: Memory) -> None:
    keyrings.settle(home, KEYRING, ADA)
    ring.held.clear()

    with pytest.raises(Stalled, match="agent-token"):
        read_secret(home.agent_token)


def test_a_keyring_that_is_gone_is_left_by_asking_for_files_and_enrolling(home: Home, ring: Memory) -> None:
    keyrings.settle(home, KEYRING, ADA)
    keyring.set_keyring(NoKeyring())

    for path in (home.agent_token, home.git_token):
        keyrings.keep(path, "new", "file")
    keyrings.settle(home, FILES, ADA)

    assert names(home) == {"agent-token", "git-token"}
    assert read_secret(home.agent_token) == "new"
