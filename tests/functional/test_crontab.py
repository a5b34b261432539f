import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.schedulers import flavours
from agent.schedulers.crontab import KEPT_BACKUPS, Crontab, CrontabProgram, Table
from agent.schedulers.memory import MemoryTable
from chalicelib.domain.errors import Stalled, Unavailable
from tests.fixtures.fake_crontab import FakeCrontab

ME = "ep-1"
JOB = "5f0c1f6e-7f3f-4d2b-9a53-0d9f5a6f0001"
OLD = b"MAILTO=me\r\n* * * * * date +\\%F\tcaf\xe9\n"
NEW = OLD + b"# more\n"


def crontab(table: Table, folder: Path, trace: Callable[[str], None] = lambda step: None) -> Crontab:
    return Crontab(
        table,
        endpoint_id=ME,
        command_of=lambda job_id: f"/home/u/.crontopus/bin/run-job CRONTOPUS:{job_id}",
        backups=folder / "backups",
        lock=folder,
        trace=trace,
        now=lambda: datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
    )


def program(fake: FakeCrontab) -> CrontabProgram:
    return CrontabProgram(str(fake.program), os.environ)


@pytest.fixture
def fake(tmp_path: Path) -> FakeCrontab:
    return FakeCrontab(tmp_path / "cron", OLD)


def test_the_table_is_read_byte_for_byte(fake: FakeCrontab) -> None:
    assert program(fake).read() == OLD


@pytest.mark.parametrize(
    "said",
    [
        ("debian", "no crontab for tester"),
        ("vixie-macos", "crontab: no crontab for tester"),
        ("busybox", "crontab: can't open 'tester': No such file or directory"),
    ],
)
def test_the_exact_words_for_no_table_mean_an_empty_one(fake: FakeCrontab, said: tuple[str, str]) -> None:
    flavour, words = said
    fake.steer(list_fails=words)

    assert CrontabProgram(str(fake.program), os.environ, flavours.of(flavour)).read() == b""


@pytest.mark.parametrize(
    "said",
    [
        " ",
        "crontab: Permission denied",
        "You (tester) are not allowed to use this program (crontab)\nSee crontab(1) for more information",
        "no crontab for tester\nand something else",
        "/var/spool/cron/crontabs/tester: Permission denied",
        "kein crontab für tester",
    ],
)
def test_any_other_failure_is_never_taken_for_an_empty_table(fake: FakeCrontab, said: str) -> None:
    fake.steer(list_fails=said)

    with pytest.raises(Stalled) as caught:
        program(fake).read()

    assert caught.value.code == "scheduler_unreadable"


def test_bytes_that_debians_listing_disguises_are_read_as_they_are(fake: FakeCrontab) -> None:
    fake.steer(escapes="yes")
    fake.table.write_bytes(b"# a\r b\x08 and \\r \\b in letters\r\n")

    assert CrontabProgram(str(fake.program), os.environ, flavours.DEBIAN).read() == fake.content
    assert fake.writes == 0


def test_a_listing_without_a_backslash_is_taken_as_it_is(fake: FakeCrontab) -> None:
    fake.table.write_bytes(b"0 1 * * * x\n")
    CrontabProgram(str(fake.program), os.environ, flavours.DEBIAN).read()

    assert fake.calls == ["-l"]


def test_a_cron_that_lists_every_byte_is_never_asked_to_edit(fake: FakeCrontab) -> None:
    fake.table.write_bytes(b"0 1 * * * grep '\\bx'\n")

    assert program(fake).read() == fake.content
    assert fake.calls == ["-l"]


def test_a_missing_crontab_program_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="cannot be started") as caught:
        CrontabProgram(str(tmp_path / "nothing"), os.environ).read()

    assert caught.value.code == "program_missing"


def test_a_replaced_table_is_saved_first(fake: FakeCrontab, tmp_path: Path) -> None:
    saved = crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert (fake.content, saved.read_bytes()) == (NEW, OLD)


def test_the_newest_backups_are_kept(fake: FakeCrontab, tmp_path: Path) -> None:
    table = MemoryTable(b"0\n")
    scheduler = crontab(table, tmp_path)
    clock = iter(range(100))
    scheduler.now = lambda: datetime(2026, 11, 20, 12, next(clock), tzinfo=UTC)
    for number in range(15):
        scheduler.replace(b"%d\n" % number, b"%d\n" % (number + 1))

    kept = sorted(path for path in (tmp_path / "backups").iterdir())
    assert len(kept) == KEPT_BACKUPS
    assert kept[-1].read_bytes() == b"14\n"


def test_an_emptied_table_is_removed(fake: FakeCrontab, tmp_path: Path) -> None:
    crontab(program(fake), tmp_path).replace(OLD, b"")

    assert fake.content is None


def test_an_edit_between_our_read_and_our_write_is_not_overwritten(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.table.write_bytes(OLD + b"# the user's\n")

    with pytest.raises(Unavailable) as caught:
        crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert (caught.value.code, fake.writes) == ("table_changed", 0)


def test_a_full_disk_leaves_the_old_table_and_waits(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(install_fails="crontab: write error: No space left on device")

    with pytest.raises(Unavailable) as caught:
        crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert (caught.value.code, fake.content) == ("disk_full", OLD)


def test_a_refused_table_says_what_cron_said(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(install_fails='"x":3: bad minute')

    with pytest.raises(Stalled, match="bad minute") as caught:
        crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert (caught.value.code, fake.content) == ("table_refused", OLD)


def test_a_table_that_was_torn_while_it_was_written_is_put_back(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(after_install='[ -f "$here/torn" ] || { : > "$here/torn"; printf "M" > "$here/table"; }')

    with pytest.raises(Stalled) as caught:
        crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert (caught.value.code, fake.content) == ("table_damaged", OLD)


def test_an_edit_right_after_our_write_is_kept(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(after_install='echo "# saved by an editor" >> "$here/table"')

    with pytest.raises(Unavailable) as caught:
        crontab(program(fake), tmp_path).replace(OLD, NEW)

    assert caught.value.code == "table_changed"
    assert fake.content == NEW + b"# saved by an editor\n"


def test_a_crontab_that_claims_success_and_does_nothing_is_told_from_success(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(on_install='cp "$here/table" "$here/kept"', after_install='cp "$here/kept" "$here/table"')

    with pytest.raises(Unavailable, match="left the table as it was"):
        crontab(program(fake), tmp_path).replace(OLD, NEW)


def test_a_final_newline_that_cron_insists_on_is_given(fake: FakeCrontab, tmp_path: Path) -> None:
    crontab(program(fake), tmp_path).replace(OLD, b"# no newline")

    assert fake.content == b"# no newline\n"


def test_a_table_longer_than_cron_reads_is_never_written(fake: FakeCrontab, tmp_path: Path) -> None:
    scheduler = crontab(program(fake), tmp_path)
    scheduler.flavour = flavours.DEBIAN
    scheduler.replace(OLD, b"#\n" * 10_000)

    with pytest.raises(Stalled) as caught:
        scheduler.replace(b"#\n" * 10_000, b"#\n" * 10_001)

    assert (caught.value.code, fake.writes) == ("table_full", 1)


@pytest.mark.parametrize(
    "command", ["/home/a b/run-job CRONTOPUS:" + JOB, "/home/%u/run-job CRONTOPUS:" + JOB, "/h/run-job\nx", "/" + "x" * 998]
)
def test_a_command_that_cron_would_misread_is_never_written(tmp_path: Path, command: str) -> None:
    scheduler = crontab(MemoryTable(), tmp_path)
    scheduler.command_of = lambda job_id: command

    with pytest.raises(Stalled):
        scheduler.line("* * * * *", JOB)


def test_the_line_is_schedule_and_command_and_nothing_else(tmp_path: Path) -> None:
    line = crontab(MemoryTable(), tmp_path).line("*/5 * * * *", JOB)

    assert line == f"*/5 * * * * /home/u/.crontopus/bin/run-job CRONTOPUS:{JOB}".encode()


def test_while_another_agent_writes_we_wait_and_then_say_so(tmp_path: Path) -> None:
    scheduler = crontab(MemoryTable(), tmp_path)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    with pytest.raises(Unavailable) as caught, scheduler.held(wait_s=0):
        pass

    os.close(handle)
    assert caught.value.code == "locked"


_DYING = """
import os, signal, sys
from pathlib import Path
from tests.functional.test_crontab import NEW, OLD, crontab, program
from tests.fixtures.fake_crontab import FakeCrontab

def trace(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
fake = FakeCrontab(folder / "cron")
crontab(program(fake), folder, trace).replace(OLD, NEW)
"""


@pytest.mark.parametrize("step", ["backed up", "staged", "read again", "installed", "read back"])
def test_killed_at_any_step_the_table_is_the_old_one_or_the_new_one(fake: FakeCrontab, tmp_path: Path, step: str) -> None:
    died = subprocess.run([sys.executable, "-c", _DYING, str(tmp_path), step], check=False)

    found = fake.content
    assert died.returncode == -9
    assert found == (NEW if step in ("installed", "read back") else OLD)
    scheduler = crontab(program(fake), tmp_path)
    if found != NEW:
        scheduler.replace(OLD, NEW)
    assert fake.content == NEW
