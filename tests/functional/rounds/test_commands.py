"""The commands that look at a machine's table or keep hands off it, in process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.__main__ import cli
from agent.config import Config, Remote, save_config
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME
from tests.fixtures.rounds import FOREIGN, Machine, manifest, manifests, path


class Host:
    """A machine whose commands are run."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.cron = FakeCrontab(folder / "cron", FOREIGN)
        url = machine.forge.clone_url
        git = Remote(url, "main", USERNAME)
        save_config(machine.home, Config("http://127.0.0.1:1", "ep-1", "web", git, "demo", str(self.cron.program)))
        machine.home.git_token.write_text(TOKEN)
        self.environ = {"CRONTOPUS_HOME": str(machine.home.directory.parent)}

    def run(self, *words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, words, env=self.environ, input=typed, standalone_mode=True)

    def synced(self, *numbers: int) -> None:
        self.machine.remote.commit(manifests(*numbers))
        assert self.run("sync", "--once").exit_code == 0


@pytest.fixture
def host(machine: Machine, tmp_path: Path) -> Iterator[Host]:
    yield Host(machine, tmp_path)


def test_suspended_on_the_machine_a_round_says_what_waits_and_writes_nothing(host: Host) -> None:
    host.synced(1, 2)
    before = host.cron.content
    assert host.run("suspend").output.startswith("suspended until `crontopus-agent resume`")
    host.machine.remote.commit({path(1): None, path(2): manifest(2, "1 1 * * *")})

    result = host.run("sync", "--once")

    assert "changes that wait: 2" in str(result.exception)
    assert host.cron.content == before
    assert "suspended since" in host.run("status").output


def test_resumed_on_the_machine_the_next_round_writes(host: Host) -> None:
    host.synced(1)
    host.run("suspend", "--for", "2h")
    host.machine.remote.commit(manifests(2))

    assert host.run("resume").output == "resumed: the next round writes again\n"
    assert host.run("sync", "--once").exit_code == 0
    assert host.cron.content == FOREIGN + host.machine.block(1, 2)


def test_resuming_what_goes_on_says_so(host: Host) -> None:
    assert host.run("resume").output == "it was not suspended\n"


@pytest.mark.parametrize("span", ["soon", "0h", "-1h", "2 hours"])
def test_a_span_that_is_none_suspends_nothing(host: Host, span: str) -> None:
    assert host.run("suspend", "--for", span).exit_code == 2
    assert not host.machine.home.suspended.exists()
