"""One suite against every cron there is: the real programs and daemons, each in a lab of its own.

The labs that run a job are started first and asked last: while they wait for the clock, the others are tried.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.schedulers import flavours
from agent.schedulers.base import Known
from agent.schedulers.crontab import Crontab, CrontabProgram
from agent.wrapper.command import crontab_command, install, write_job
from chalicelib.domain import manifest
from chalicelib.domain.errors import Stalled, Unavailable
from infra.local.layout import CHECKOUT
from tests.e2e.cron_labs import lab as labs
from tests.e2e.cron_labs.lab import Lab
from tests.fixtures.waiting import until

ME = "ep-1"
JOB = "5f0c1f6e-7f3f-4d2b-9a53-0d9f5a6f0001"
MANIFEST = (
    f"apiVersion: v1\nkind: Job\nmetadata: {{id: {JOB}, name: tick}}\nspec: {{schedule: '* * * * *', command: echo ran}}\n"
)
# Takes a command as plain words and knows no quotes: what our lines are made for. systemd-cron hands it a file.
PLAIN_SHELL = '#!/bin/sh\nset -f\ncase $1 in -c) exec $2 ;; *) exec $(cat "$1") ;; esac\n'
TEXT = '# café\t\x08 \\r \\b in letters\n\n   \nMAILTO=""\n0 1 1 1 * echo %a\\%b  \n'.encode()
BYTES = TEXT + b"# caf\xe9 \xff\n# windows\r\n30 4 1 1 * date\r\n"
NOBODY = "65534"

_KNOWS_ITSELF = """
import os
from agent.machine import scheduler_flavour
from agent.schedulers import alive, flavours
name = scheduler_flavour("crontab", os.environ)
flavour = flavours.of(name)
print(name, alive.judge(alive.look(flavour, os.environ), flavour))
"""


def skip_without(flavour: str) -> None:
    if why := labs.missing(flavour):
        pytest.skip(why)


@pytest.fixture(scope="module", autouse=True)
def firing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lab]]:
    """Every lab that can be had, with a job of ours that is due at the next full minute."""
    folder = tmp_path_factory.mktemp("firing")
    with ExitStack() as stack:
        started = {}
        for flavour in labs.FLAVOURS:
            if not labs.missing(flavour):
                started[flavour] = labs.start(flavour, folder / flavour)
                stack.callback(started[flavour].stop)
                put_job(started[flavour])
        yield started


@pytest.fixture(scope="module", params=labs.FLAVOURS)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    skip_without(request.param)
    started = labs.start(request.param, tmp_path_factory.mktemp("labs") / request.param)
    yield started
    started.stop()


def program(lab: Lab) -> CrontabProgram:
    spooled = lab.table
    return CrontabProgram(str(lab.crontab), {"PATH": "/usr/bin:/bin"}, flavours.of(lab.flavour), login="root", spooled=spooled)


def crontab(lab: Lab) -> Crontab:
    home = lab.folder / ".crontopus"
    return Crontab(
        program(lab),
        endpoint_id=ME,
        command_of=lambda job_id: crontab_command(home, job_id),
        backups=lab.folder / "backups",
        lock=lab.folder,
        flavour=flavours.of(lab.flavour),
        is_root=True,
    )


def replace(lab: Lab, table: bytes) -> None:
    """Make the lab's table be this, whatever it was."""
    scheduler = crontab(lab)
    scheduler.replace(scheduler.raw(), table)


def with_line(scheduler: Crontab, foreign: bytes) -> bytes:
    actual = scheduler.find(foreign, Known(frozenset({ME})))
    return scheduler.compose(actual, [scheduler.line("* * * * *", JOB)])


def put_job(lab: Lab) -> None:
    """Put a job of ours below all that people may have set above it."""
    home = lab.folder / ".crontopus"
    install(home, Path(sys.executable))
    write_job(home, manifest.parse(MANIFEST.encode(), "default/tick.yaml", strict=False).job, "c0ffee")
    shell = lab.folder / "fish"
    shell.write_text(PLAIN_SHELL)
    shell.chmod(0o755)
    above = f'SHELL={shell}\nMAILTO=""\nCRON_TZ=Asia/Tokyo\nRANDOM_DELAY=0\nPATH=/usr/bin:/bin\n'.encode()
    replace(lab, with_line(crontab(lab), above))
    if lab.flavour == "bcron":
        lab.run("pkill", "bcron-sched")  # it looks for new tables once a minute, and at its start
    if lab.flavour == "busybox":
        (lab.table.parent / "daemon").write_bytes(b"0 0 1 1 * true\n" * 300)


def test_it_is_known_for_what_it_is_and_seen_to_live(lab: Lab) -> None:
    assert lab.python(_KNOWS_ITSELF).split() == [lab.flavour, "running"]


def test_no_table_is_an_empty_one(lab: Lab) -> None:
    assert program(lab).read() == b""


def test_a_block_comes_and_goes_and_every_other_byte_stays(lab: Lab) -> None:
    foreign = TEXT if flavours.of(lab.flavour).is_text else BYTES
    scheduler = crontab(lab)
    scheduler.replace(scheduler.raw(), foreign)

    table = with_line(scheduler, foreign)
    scheduler.replace(foreign, table)

    assert program(lab).read() == lab.table.read_bytes().removeprefix(header(lab)) == table
    actual = scheduler.find(table, Known(frozenset({ME})))
    scheduler.replace(table, scheduler.compose(actual, []))
    assert program(lab).read() == foreign


def header(lab: Lab) -> bytes:
    """Return what this cron's program puts above a table and never shows: Debian's three lines."""
    raw = lab.table.read_bytes()
    return b"".join(raw.splitlines(keepends=True)[:3]) if raw.startswith(b"# DO NOT EDIT THIS FILE") else b""


def test_a_last_line_without_an_end_comes_back_as_it_was_where_this_cron_takes_one(lab: Lab) -> None:
    bare = b"0 1 1 1 * true"
    replace(lab, bare)

    assert program(lab).read() == (bare + b"\n" if flavours.of(lab.flavour).needs_newline else bare)


def test_a_table_that_this_cron_cannot_read_is_refused_by_those_that_look(lab: Lab) -> None:
    replace(lab, TEXT)
    scheduler = crontab(lab)
    if not flavours.of(lab.flavour).is_checking:
        scheduler.replace(TEXT, TEXT + b"99 99 * * * x\n")
        return

    with pytest.raises(Stalled) as caught:
        scheduler.replace(TEXT, TEXT + b"99 99 * * * x\n")

    assert (caught.value.code, program(lab).read()) == ("table_refused", TEXT)


def test_a_table_at_the_limit_is_taken_and_one_beyond_it_is_not_even_tried(lab: Lab) -> None:
    limit = flavours.of(lab.flavour).line_limit(is_root=True)
    if limit is None or limit > 10_000:
        replace(lab, b"0 0 1 1 * true\n" * 10_001)
        return
    full = b"0 0 1 1 * true\n" * limit
    replace(lab, full)

    with pytest.raises(Stalled, match=f"{lab.flavour} reads {limit}"):
        replace(lab, full + b"0 0 1 1 * true\n")
    (lab.folder / "beyond").write_bytes(full + b"0 0 1 1 * true\n")

    assert program(lab).read() == full
    assert lab.run("crontab", str(lab.folder / "beyond")).returncode != 0


def test_a_table_that_may_not_be_read_is_no_empty_one(lab: Lab) -> None:
    lab.run("sh", "-c", "echo root > /etc/cron.allow")
    # bcron believes its environment for the name, and the socket for who may see the table of that name.
    login = "root" if lab.flavour == "bcron" else "nobody"
    inside = " ".join(lab.inside)
    refused = lab.folder / "crontab-of-nobody"
    refused.write_text(
        f'#!/bin/sh\nexec {inside} setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups env USER={login} crontab "$@"\n'
    )
    refused.chmod(0o755)

    with pytest.raises(Stalled) as caught:
        CrontabProgram(str(refused), {"PATH": "/usr/bin:/bin"}, flavours.of(lab.flavour)).read()

    lab.run("rm", "/etc/cron.allow")
    assert caught.value.code == "scheduler_unreadable"


@pytest.mark.parametrize("lab", ["systemd-cron"], indirect=True)
def test_carriage_returns_that_systemds_program_takes_out_keep_us_from_writing(lab: Lab) -> None:
    replace(lab, TEXT)
    lab.table.write_bytes(TEXT.replace(b"\n", b"\r\n"))

    with pytest.raises(Stalled) as caught:
        replace(lab, TEXT)

    assert (caught.value.code, lab.table.read_bytes()) == ("table_disguised", TEXT.replace(b"\n", b"\r\n"))
    lab.table.write_bytes(TEXT)


@pytest.mark.parametrize("lab", ["systemd-cron"], indirect=True)
def test_systemd_takes_the_units_that_are_made_of_our_lines(lab: Lab) -> None:
    replace(lab, b"0 12 * 11 0 true\n0 12 1,11,21,31 * 1 true\n0,30 * * * * true\n")

    made = lab.run("sh", "-c", "mkdir /run/made && /lib/systemd/system-generators/systemd-crontab-generator /run/made")
    timers = lab.run("sh", "-c", "grep -h OnCalendar /run/made/cron-root-*.timer").stdout.decode()
    verified = lab.run("sh", "-c", "systemd-analyze --man=no verify /run/made/cron-root-*.timer")

    assert made.returncode == 0, made.stderr
    assert timers.split("\n")[:3] == [
        "OnCalendar=Sun *-11-* 12:0:00",
        "OnCalendar=Mon *-*-1,11,21,31 12:0:00",
        "OnCalendar=*-*-* *:0,30:00",
    ]
    assert verified.returncode == 0, verified.stderr


def test_a_full_disk_leaves_the_old_table(lab: Lab) -> None:
    replace(lab, TEXT)
    small = (
        "mkdir /run/small && mount -t tmpfs -o size=64k none /run/small && cp -a /var/spool/cron/crontabs/root /run/root-table"
    )
    whole = "rm /var/spool/cron/crontabs/root && cp -a /var/spool/cron/. /run/small && mount --bind /run/small /var/spool/cron"
    done = lab.run("sh", "-c", f"{small} && {whole} && cp -a /run/root-table /run/small/crontabs/root")
    assert done.returncode == 0, done.stderr
    scheduler = crontab(lab)
    scheduler.table = CrontabProgram(str(lab.crontab), {"PATH": "/usr/bin:/bin"}, flavours.of(lab.flavour), login="root")

    with pytest.raises((Stalled, Unavailable)) as caught:
        scheduler.replace(TEXT, TEXT + (b"#" * 990 + b"\n") * 200)

    # busybox' program calls half a table a success; then the old one was put back.
    assert caught.value.code == {"busybox": "table_damaged"}.get(lab.flavour, "disk_full")
    assert scheduler.raw() == TEXT


@pytest.mark.parametrize("flavour", labs.FLAVOURS)
def test_the_daemon_runs_our_job_below_whatever_stands_above_it(flavour: str, firing: dict[str, Lab]) -> None:
    skip_without(flavour)
    spool = firing[flavour].folder / ".crontopus" / "spool"

    (record,) = until(lambda: sorted(spool.glob("*.end.json"))[:1], f"{flavour} has run our job", timeout_s=75)

    end = json.loads(record.read_bytes())
    assert (end["job_id"], end["exit_code"]) == (JOB, 0), end
    assert b"ran" in next(spool.glob("*.out")).read_bytes()


def test_busybox_reads_as_many_lines_of_a_users_table_as_we_say(firing: dict[str, Lab]) -> None:
    skip_without("busybox")
    log = firing["busybox"].folder / "crond.log"

    entries = log.read_text(errors="replace").count("user:daemon entry")

    # It may have looked at the table more than once.
    assert entries > 0
    assert entries % (flavours.BUSYBOX.max_lines_of_users or 0) == 0
    assert entries % 300 != 0


def test_a_lab_sees_the_machine_and_cannot_write_to_it(lab: Lab, tmp_path: Path) -> None:
    """Asked by making files alone: should this ever fail, it must not have done any harm."""
    places = [CHECKOUT, Path("/usr"), Path("/var"), Path("/root")]
    made = [lab.run("touch", str(place / ".crontopus-lab")).returncode for place in places]

    assert made == [1] * len(places)
    assert [place / ".crontopus-lab" for place in places if (place / ".crontopus-lab").exists()] == []
    assert lab.run("test", "-e", str(tmp_path)).returncode == 1
