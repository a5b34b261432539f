"""What the door to `crontab` makes of each cron's own ways; the real programs are tried in tests/e2e/test_crons.py."""

import os
from pathlib import Path

import pytest

from agent.errors import REMEDIES
from agent.schedulers import alive, flavours
from agent.schedulers.crontab import CrontabProgram
from agent.schedulers.flavours import refuse_oversize
from chalicelib.domain.errors import Stalled
from tests.fixtures.fake_crontab import FakeCrontab
from tests.functional.test_crontab import JOB, NEW, OLD, crontab

MACOS_NEEDS_CONSENT = "crontab: /usr/lib/cron/tabs/tmp.1234: Operation not permitted"


@pytest.fixture
def fake(tmp_path: Path) -> FakeCrontab:
    return FakeCrontab(tmp_path / "cron", OLD)


def program(fake: FakeCrontab, flavour: flavours.Flavour, **more: Path) -> CrontabProgram:
    return CrontabProgram(str(fake.program), os.environ, flavour, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flavour", "line", "is_root", "fits"),
    [
        (flavours.DEBIAN, b"#\n", True, 10_000),
        (flavours.DEBIAN, b"#\n", False, 10_000),
        (flavours.CRONIE, b"0 0 * * * x\n", True, 10_000),
        (flavours.BUSYBOX, b"0 0 * * * x\n", False, 255),
        (flavours.BUSYBOX, b"0 0 * * * x\n", True, 65_534),
    ],
)
def test_a_table_longer_than_this_cron_reads_is_refused(
    flavour: flavours.Flavour, line: bytes, is_root: bool, fits: int
) -> None:
    refuse_oversize(line * fits, flavour, is_root=is_root)

    with pytest.raises(Stalled, match=f"{flavour.name} reads {fits}") as caught:
        refuse_oversize(line * (fits + 1), flavour, is_root=is_root)

    assert caught.value.code == "table_full"


@pytest.mark.parametrize("flavour", [flavours.SYSTEMD_CRON, flavours.BCRON])
def test_a_cron_without_a_limit_takes_any_table(flavour: flavours.Flavour) -> None:
    refuse_oversize(b"0 0 * * * x\n" * 70_000, flavour, is_root=False)


def test_comments_count_only_where_cron_counts_them() -> None:
    refuse_oversize(b"# a comment\n\n" * 10_000, flavours.CRONIE, is_root=True)


def test_a_line_too_long_for_debian_is_right_for_busybox(tmp_path: Path) -> None:
    scheduler = crontab(CrontabProgram("crontab", os.environ), tmp_path)
    scheduler.command_of = lambda job_id: f"/{'d' * 1000}/run-job CRONTOPUS:{job_id}"

    with pytest.raises(Stalled):
        scheduler.line("* * * * *", JOB)
    scheduler.flavour = flavours.BUSYBOX

    assert scheduler.line("* * * * *", JOB).endswith(JOB.encode())


def test_macos_asks_a_person_and_says_which_door_to_open(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(list_fails=MACOS_NEEDS_CONSENT)

    with pytest.raises(Stalled) as caught:
        program(fake, flavours.MACOS).read()

    assert caught.value.code == "scheduler_forbidden"
    assert "Full Disk Access" in REMEDIES["scheduler_forbidden"]


def test_macos_may_refuse_the_writing_alone(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.steer(install_fails=MACOS_NEEDS_CONSENT)

    with pytest.raises(Stalled) as caught:
        crontab(program(fake, flavours.MACOS), tmp_path).replace(OLD, NEW)

    assert (caught.value.code, fake.content) == ("scheduler_forbidden", OLD)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("crontab: you (tester) are not allowed to use this program", "scheduler_unreadable"),
        ("crontab: /var/at/tabs/tester: Permission denied", "scheduler_unreadable"),
        (MACOS_NEEDS_CONSENT, "scheduler_forbidden"),
    ],
)
def test_macos_failures_are_told_apart_and_none_is_an_empty_table(fake: FakeCrontab, said: str, code: str) -> None:
    fake.steer(list_fails=said)

    with pytest.raises(Stalled) as caught:
        program(fake, flavours.MACOS).read()

    assert caught.value.code == code


def test_on_macos_too_no_crontab_is_an_empty_table(fake: FakeCrontab) -> None:
    fake.steer(list_fails="crontab: no crontab for tester")

    assert program(fake, flavours.MACOS).read() == b""


def test_elsewhere_those_words_are_an_ordinary_failure(fake: FakeCrontab) -> None:
    fake.steer(list_fails=MACOS_NEEDS_CONSENT)

    with pytest.raises(Stalled) as caught:
        program(fake, flavours.DEBIAN).read()

    assert caught.value.code == "scheduler_unreadable"


def test_a_table_that_the_listing_disguises_is_left_alone(fake: FakeCrontab) -> None:
    spooled = fake.folder / "spooled"
    spooled.write_bytes(b"0 1 * * * x\r\n")
    fake.table.write_bytes(b"0 1 * * * x\n")

    with pytest.raises(Stalled, match="carriage returns") as caught:
        program(fake, flavours.SYSTEMD_CRON, spooled=spooled).read()

    assert caught.value.code == "table_disguised"


def test_a_table_we_may_not_look_at_is_taken_as_listed(fake: FakeCrontab) -> None:
    assert program(fake, flavours.SYSTEMD_CRON, spooled=fake.folder / "none").read() == OLD


def test_a_program_that_asks_the_environment_is_told_who_we_are() -> None:
    assert CrontabProgram("crontab", {}, flavours.BCRON, login="me").more == {"LOGNAME": "me", "USER": "me"}
    assert CrontabProgram("crontab", {}, flavours.DEBIAN, login="me").more == {}


def process(root: Path, pid: int, name: str | None) -> None:
    (root / str(pid)).mkdir(parents=True)
    if name:
        (root / str(pid) / "comm").write_text(f"{name}\n")


def test_the_daemon_is_found_among_processes(tmp_path: Path) -> None:
    for pid, name in {1: "init", 20: "cron", 21: "crond-helper", 22: "bash"}.items():
        process(tmp_path, pid, name)
    (tmp_path / "self").mkdir()

    seen = alive.look(flavours.DEBIAN, {}, tmp_path)

    assert ([found.name for found in seen.processes], seen.sees_all) == (["cron"], True)


@pytest.mark.parametrize("hides", ["everything", "what others are"])
def test_a_proc_that_hides_others_proves_nothing(tmp_path: Path, hides: str) -> None:
    process(tmp_path, 4711, "bash")
    if hides == "what others are":
        process(tmp_path, 1, None)

    assert alive.judge(alive.look(flavours.DEBIAN, {}, tmp_path), flavours.DEBIAN) == "unknown"


def test_on_macos_nobody_has_to_look(tmp_path: Path) -> None:
    assert alive.judge(alive.look(flavours.MACOS, {}, tmp_path, "darwin"), flavours.MACOS) == "unknown"


def test_without_systemctl_nothing_is_known_of_the_target() -> None:
    assert alive.look(flavours.SYSTEMD_CRON, {"PATH": "/nowhere"}).target is None


@pytest.mark.parametrize(("generator", "variables"), [(b"\x7fELF CRON_TZ=", ("CRON_TZ", "TZ")), (b"#!/usr/bin/python3\n", ())])
def test_a_systemd_cron_that_knows_zones_is_told_from_one_that_does_not(
    tmp_path: Path, generator: bytes, variables: tuple[str, ...]
) -> None:
    path = tmp_path / "lib/systemd/system-generators/systemd-crontab-generator"
    path.parent.mkdir(parents=True)
    path.write_bytes(generator)

    assert flavours.here("systemd-cron", tmp_path).zone_variables == variables
    assert flavours.here("debian", tmp_path) is flavours.DEBIAN
    assert flavours.here("systemd-cron", tmp_path / "none") is flavours.SYSTEMD_CRON
