from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, ProxyError, ReadTimeout, RequestException, SSLError

from agent.commands.doctor import text
from agent.doctor.facts import (
    AgentFacts,
    BlockFacts,
    CronFacts,
    Disk,
    Facts,
    HomeFacts,
    NetFacts,
    Reach,
    RunJobFacts,
    SpoolFacts,
    Trouble,
)
from agent.doctor.judge import exit_code, judge
from agent.doctor.look import misspelt
from agent.doctor.look_network import failed_at, skew_of
from agent.doctor.look_others import is_agent
from tests.fixtures.builders import NOON

ROOMY = Disk(10**10, 10**6)
REACHED = Reach("https://api.example.com", "api.example.com", status=200, took_s=0.02, skew_s=0.4)
WELL = Facts(
    now=NOON,
    platform="linux",
    home=HomeFacts("/h/.crontopus", uid=1000, owner=1000, disk=ROOMY),
    cron=CronFacts(
        path="/usr/bin/crontab",
        flavour="debian",
        is_privileged=True,
        table_lines=9,
        limit=10_000,
        spool="/var/spool/cron/crontabs",
        fits_spool=True,
        spool_disk=ROOMY,
        life="running",
    ),
    run_job=RunJobFacts("/h/.crontopus/bin/run-job", interpreter="/usr/bin/python3 -ISE", code=64),
    agent=AgentFacts("0.1.0", pid=7, running_version="0.1.0"),
    block=BlockFacts(expected=2),
    net=NetFacts(REACHED, "https://git.example.com/r.git", is_token_asked=True, head="a" * 40),
    zone="Europe/Berlin",
)
TROUBLE = Trouble("api_unavailable", "it broke")


def change(part: str, **changes: Any) -> Facts:
    return replace(WELL, **{part: replace(getattr(WELL, part), **changes)})


def api(**changes: Any) -> Facts:
    return change("net", api=replace(REACHED, **changes), is_token_asked=False)


def test_a_machine_that_is_well_is_told_so_in_every_check() -> None:
    checks = judge(WELL)

    assert {check.level for check in checks} == {"ok"}
    assert len(checks) >= 17
    assert exit_code(checks, is_enrolled=True) == 0


BROKEN = [
    (replace(WELL, config=Trouble("config", "unknown key")), "config", "fail", "unknown key"),
    (replace(WELL, variables={"CRONTOPUS_SYNC_S": "CRONTOPUS_INTERVALS_SYNC_S"}), "config", "warn", "INTERVALS"),
    (change("home", owner=0), "home", "fail", "belongs to user 0"),
    (change("home", mode=0o755), "home", "fail", "mode 0755"),
    (change("home", exposed=("agent-token",)), "home", "fail", "others may read agent-token"),
    (change("home", write="No space left on device"), "home", "fail", "No space left"),
    (change("home", exists=False), "home", "fail", "does not exist"),
    (change("home", disk=Disk(10**10, 10**6, is_noexec=True)), "disk", "fail", "noexec"),
    (change("home", disk=Disk(10**10, 10**6, is_read_only=True)), "disk", "fail", "read-only"),
    (change("home", disk=Disk(0, 10**6)), "disk", "fail", "full"),
    (change("home", disk=Disk(10**10, 3)), "disk", "fail", "3 inodes"),
    (change("home", disk=Disk(5 * 10**7, None)), "disk", "warn", "nearly full"),
    (change("cron", path=None), "crontab", "fail", "there is no program"),
    (change("cron", denied_by="/etc/cron.deny"), "crontab", "fail", "cron.deny names this user"),
    (change("cron", denied_by="/etc/cron.allow"), "crontab", "fail", "cron.allow does not name"),
    (change("cron", trouble=Trouble("scheduler_unreadable", "`crontab -l` failed")), "readable", "fail", "failed"),
    (change("cron", trouble=TROUBLE, confined_by="SELinux"), "readable", "fail", "SELinux confines"),
    (change("cron", fits_spool=False), "writable", "fail", "may not write"),
    (change("cron", spool_disk=Disk(10**10, 10, is_read_only=True)), "writable", "fail", "read-only"),
    (change("cron", spool_disk=Disk(0, None)), "writable", "fail", "full"),
    (change("cron", life="stopped"), "daemon", "fail", "none of the jobs"),
    (change("cron", no_new_privs=("the running agent",)), "privileges", "fail", "NoNewPrivileges"),
    (change("cron", table_lines=10_000), "limits", "fail", "10000 of 10000"),
    (change("cron", table_lines=9_500), "limits", "warn", "9500 of 10000"),
    (change("block", missing=1), "block", "warn", "1 of 2 lines"),
    (change("block", notes=("the END marker of our block was missing",)), "block", "warn", "END marker"),
    (change("block", unknown=1), "block", "warn", "not ours"),
    (change("block", others=("ep-2",)), "block", "warn", "endpoint ep-2"),
    (change("cron", full_disk_access=False), "full-disk-access", "fail", "macOS"),
    (change("run_job", exists=False), "run-job", "fail", "not there"),
    (change("run_job", code=None, said="'python3' cannot be started"), "run-job", "fail", "cannot be started"),
    (change("run_job", code=1, said="SyntaxError"), "run-job", "fail", "SyntaxError"),
    (change("agent", pid=None), "agent", "fail", "not running"),
    (change("agent", running_version="0.0.9"), "agent", "warn", "0.0.9"),
    (change("agent", why=("sync: refused",)), "work", "fail", "refused"),
    (change("agent", processes=("process 9",)), "others", "fail", "process 9"),
    (change("agent", folders=("/root/.crontopus",)), "others", "warn", "/root/.crontopus"),
    (change("agent", units=("system", "user")), "others", "warn", "both start"),
    (api(failed="dns", words="Name or service not known"), "api", "fail", "cannot be resolved"),
    (api(failed="tls", words="self-signed certificate"), "api", "fail", "not trusted: self-signed"),
    (api(failed="timeout", words="it said nothing"), "api", "fail", "said nothing"),
    (api(failed="proxy", words="403", proxy="proxy:3128"), "api", "fail", "through the proxy proxy:3128"),
    (api(failed="connect", words="Connection refused"), "api", "fail", "Connection refused"),
    (api(took_s=5.0), "api", "warn", "took 5.0 s"),
    (change("net", token=Trouble("unauthenticated", "no such token")), "token", "fail", "no such token"),
    (change("net", forge=Trouble("git_auth", "refused")), "forge", "fail", "refused"),
    (api(skew_s=301.0), "clock", "fail", "301 s ahead"),
    (api(skew_s=-45.0), "clock", "warn", "45 s behind"),
    (replace(WELL, zone=None), "zone", "warn", "cannot be told"),
    (replace(WELL, has_zone=False), "zone", "warn", "no data for Europe/Berlin"),
    (replace(WELL, spool=SpoolFacts(depth=3, oldest_at=NOON - timedelta(hours=1))), "spool", "warn", "3 results wait"),
    (replace(WELL, spool=SpoolFacts(quarantined=2)), "spool", "warn", "2 results cannot"),
    (replace(WELL, spool=SpoolFacts(lost=1)), "spool", "warn", "1 results or outputs"),
]


@pytest.mark.parametrize(("facts", "name", "level", "words"), BROKEN, ids=[f"{case[1]}: {case[3]}" for case in BROKEN])
def test_what_is_broken_is_told_with_what_mends_it(facts: Facts, name: str, level: str, words: str) -> None:
    found = [check for check in judge(facts) if check.name == name and check.level != "ok"]

    assert [(check.level, words in check.why) for check in found] == [(level, True)]
    assert found[0].command


def test_a_warning_alone_is_no_failure() -> None:
    assert exit_code(judge(replace(WELL, zone=None)), is_enrolled=True) == 0
    assert exit_code(judge(change("agent", pid=None)), is_enrolled=True) == 1
    assert exit_code(judge(WELL), is_enrolled=False) == 2


def test_a_new_machine_is_told_how_to_enroll_and_nothing_of_a_network() -> None:
    facts = replace(WELL, is_enrolled=False, config=Trouble("not_enrolled", "x"), net=None, block=None)

    names = {check.name for check in judge(facts)}

    assert names.isdisjoint({"api", "token", "forge", "agent", "block"})
    assert "enroll" in str(judge(facts)[0].command)


def test_colours_are_only_for_terminals() -> None:
    checks = judge(change("agent", pid=None))

    assert "\x1b" not in text(checks, is_coloured=False)
    assert "\x1b[31mFAIL" in text(checks, is_coloured=True)


def test_what_is_shown_cannot_steer_the_terminal() -> None:
    facts = change("cron", trouble=Trouble("scheduler_unreadable", "\x1b]0;owned\x07"))

    assert "\x1b" not in text(judge(facts), is_coloured=False)


def test_only_what_is_not_well_is_shown_if_asked() -> None:
    assert text(judge(WELL), is_coloured=False, quiet=True).count("\n") == 0


@pytest.mark.parametrize(
    ("error", "step", "words"),
    [
        (
            SSLError("... certificate verify failed: unable to get local issuer (_ssl.c:1006)"),
            "tls",
            "unable to get local issuer",
        ),
        (ReadTimeout("x"), "timeout", "said nothing"),
        (ConnectTimeout("x"), "connect", "no connection"),
        (ProxyError("Tunnel connection failed: 407 Proxy Authentication Required'))"), "proxy", "407 Proxy"),
        (RequestsConnectionError("NewConnectionError([Errno 111] Connection refused')"), "connect", "Connection refused"),
    ],
)
def test_a_failed_request_is_told_by_the_step_it_failed_at(error: RequestException, step: str, words: str) -> None:
    found_step, found = failed_at(error)

    assert (found_step, words in found) == (step, True)


def test_the_clock_is_compared_with_the_date_of_an_answer() -> None:
    assert skew_of("Fri, 20 Nov 2026 11:59:00 GMT", NOON) == 60
    assert skew_of("no date", NOON) is None
    assert skew_of(None, NOON) is None


def test_a_variable_that_was_misspelt_is_noticed_and_others_are_left_alone() -> None:
    environ = {"CRONTOPUS_INTERVAL_SYNC_S": "1", "CRONTOPUS_HOME": "/h", "CRONTOPUS_RUN_ID": "x", "PATH": "/bin"}

    assert misspelt(environ) == {"CRONTOPUS_INTERVAL_SYNC_S": "CRONTOPUS_INTERVALS_SYNC_S"}


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("/usr/bin/crontopus-agent run", True),
        ("/usr/bin/python3 /opt/crontopus-agent.pyz run --log-level debug", True),
        ("python -m agent run", True),
        ("crontopus-agent status", False),
        ("vi crontopus-agent", False),
        ("grep -r run crontopus-agent", False),
        ("cargo run", False),
    ],
)
def test_another_agent_is_told_by_its_command_line(line: str, is_one: bool) -> None:
    assert is_agent([word.encode() for word in line.split()]) is is_one
