"""The commands that look at a machine's table or keep hands off it, in process."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.__main__ import cli
from agent.config import Config, Remote, save_config
from agent.restore import put_back
from agent.schedulers.crontab import CrontabProgram
from chalicelib.domain.errors import Unavailable
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME
from tests.fixtures.rounds import FOREIGN, NOON, Machine, manifest, manifests, path


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


def test_where_nothing_differs_a_diff_says_so(host: Host) -> None:
    host.synced(1)

    result = host.run("diff")

    head = host.machine.remote.head()
    assert (result.exit_code, result.output.splitlines()[0]) == (0, f"nothing to change: commit {head[:12]} is in place")


def test_a_diff_shows_the_lines_and_why_and_changes_nothing(host: Host) -> None:
    host.synced(1, 2, 3, 4, 5)
    before = host.cron.content or b""
    host.cron.table.write_bytes(before.replace(host.machine.line(5), host.machine.line(5, "7 7 * * *")))
    host.machine.remote.commit(
        {
            path(1): None,
            path(2): manifest(2, "1 1 * * *"),
            path(3): manifest(3, more="  paused: true\n"),
            path(4): manifest(4, command="other"),
            path(6): manifest(6),
        }
    )

    result = host.run("diff")

    assert result.exit_code == 1
    assert f"+{host.machine.line(6).decode()}" in result.output
    assert f"-{host.machine.line(1).decode()}" in result.output
    for row in (
        "add     default/job-6: it is new here",
        "change  default/job-2: its schedule changed",
        "change  default/job-5: edited by hand: 7 7 * * *, was */5 * * * *",
        "remove  default/job-3: its manifest pauses it",
        "remove  default/job-1: no manifest defines it any more",
        "update  default/job-4: its manifest changed, its line does not",
    ):
        assert row in result.output
    assert host.cron.content == before.replace(host.machine.line(5), host.machine.line(5, "7 7 * * *"))


def test_a_diff_for_programs_names_each_step(host: Host) -> None:
    host.synced(1)
    host.machine.remote.commit({path(1): None, "default/.gitkeep": b""})

    document = json.loads(host.run("diff", "-o", "json").stdout)

    (step,) = document["steps"]
    assert (document["is_different"], document["diff"], document["held"]["code"]) == (True, "", "empty_repository")
    assert (step["action"], step["job"], step["before"]) == ("hold", "default/job-1", host.machine.line(1).decode())


def test_a_diff_that_cannot_be_told_is_neither_same_nor_different(host: Host) -> None:
    host.synced(1)
    host.machine.forge.status = 503

    assert host.run("diff").exit_code == 2


def test_a_diff_names_what_is_left_as_somebody_made_it(host: Host) -> None:
    host.synced(1)
    host.environ["CRONTOPUS_DRIFT"] = "report"
    host.cron.table.write_bytes(FOREIGN + host.machine.block(1).replace(b"*/5", b"*/7"))
    host.run("sync", "--once")

    assert "leave   default/job-1: edited by hand: */7 * * * *, was */5 * * * *" in host.run("diff").output


def test_the_newest_snapshot_is_put_back_and_stays(host: Host) -> None:
    host.synced(1, 2)
    before = host.cron.content
    host.machine.remote.commit({path(1): None})
    host.run("sync", "--once")

    result = host.run("restore", "latest", "--yes")

    assert host.cron.content == before
    assert f"+{host.machine.line(1).decode()}" in result.output
    assert "crontopus-agent resume" in result.output
    assert "suspended" in str(host.run("sync", "--once").exception)
    assert host.cron.content == before


def test_after_a_restore_is_resumed_the_table_is_what_the_repository_says(host: Host) -> None:
    host.synced(1, 2)
    host.machine.remote.commit({path(1): None})
    host.run("sync", "--once")
    after = host.cron.content
    host.run("restore", "latest", "--yes")
    host.run("resume")
    host.run("sync", "--once")

    assert host.cron.content == after


def test_the_table_of_before_the_first_round_is_put_back_to_the_byte(host: Host) -> None:
    host.synced(1)
    oldest = host.run("restore", "--list").output.split()[0]

    assert host.run("restore", oldest, "--yes").exit_code == 0
    assert host.cron.content == FOREIGN


def test_a_restore_asks_where_somebody_can_answer_and_needs_a_word_elsewhere(host: Host) -> None:
    host.synced(1)
    before = host.cron.content

    result = host.run("restore", "latest")

    assert (result.exit_code, "pass --yes" in result.output) == (2, True)
    assert (host.cron.content, host.machine.home.suspended.exists()) == (before, False)


def test_a_snapshot_that_is_not_what_was_saved_is_not_put_back(host: Host) -> None:
    host.synced(1)
    (saved,) = host.machine.home.backups.glob("crontab.*")
    saved.write_bytes(b"# something else\n")

    result = host.run("restore", "latest", "--yes")

    assert "checksum" in str(result.exception)
    assert host.cron.content == FOREIGN + host.machine.block(1)


@pytest.mark.parametrize("name", ["nothing", "crontab.2020", ""])
def test_a_snapshot_that_is_not_there_is_said(host: Host, name: str) -> None:
    host.synced(1)

    assert host.run("restore", name, "--yes").exit_code != 0
    assert host.cron.content == FOREIGN + host.machine.block(1)


def test_a_table_that_changed_since_it_was_shown_is_left_alone_and_rounds_go_on(host: Host) -> None:
    host.synced(1)
    shown = host.cron.content or b""
    host.cron.table.write_bytes(shown + b"# saved by an editor\n")
    scheduler = host.machine.scheduler(CrontabProgram(str(host.cron.program), os.environ))

    with pytest.raises(Unavailable) as caught:
        put_back(host.machine.home, scheduler, shown, FOREIGN, NOON)

    assert caught.value.code == "table_changed"
    assert host.cron.content == shown + b"# saved by an editor\n"
    assert not host.machine.home.suspended.exists()
