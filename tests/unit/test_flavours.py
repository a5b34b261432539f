"""Which cron this is, told from its signs, and whether it lives, told from what was seen."""

import pytest

from agent.schedulers import alive, flavours
from agent.schedulers.alive import Process, Seen
from agent.schedulers.flavours import Signs

BUSYBOX_USAGE = b"crontab: invalid option -- 'V'\nBusyBox v1.35.0 (Debian 1:1.35.0-4) multi-call binary.\n"


@pytest.mark.parametrize(
    ("signs", "flavour"),
    [
        (Signs("crontab", b"cronie 1.7.2\n"), "cronie"),
        (Signs("crontab", b"cronie 1.7.2\n", is_debian=True), "cronie"),
        (Signs("busybox"), "busybox"),
        (Signs("bbsuid"), "busybox"),
        (Signs("crontab", BUSYBOX_USAGE), "busybox"),
        (Signs("bcrontab", b"bcrontab: Error: Unknown option letter -V.\n", is_debian=True), "bcron"),
        (Signs("crontab", b"usage: crontab [-h]", has_generator=True, is_debian=True), "systemd-cron"),
        (Signs("crontab", b"crontab: invalid option -- 'V'", ("cron",), has_generator=True, is_debian=True), "debian"),
        (Signs("crontab", b"crontab: invalid option -- 'V'", is_debian=True), "debian"),
        (Signs("crontab", b"crontab: illegal option -- V"), "vixie"),
        (Signs("crontab", b"crontab: illegal option -- V", platform="darwin"), "vixie-macos"),
    ],
)
def test_crons_are_told_apart_by_what_they_say_and_what_runs(signs: Signs, flavour: str) -> None:
    assert flavours.tell(signs) == flavour


def test_of_a_cron_nobody_knows_only_what_most_have_in_common_is_believed() -> None:
    assert flavours.of("fcron") == flavours.of(None) == flavours.VIXIE


def test_every_flavour_knows_itself() -> None:
    assert {name: flavour.name for name, flavour in flavours.FLAVOURS.items()} == {name: name for name in flavours.FLAVOURS}


@pytest.mark.parametrize(
    ("seen", "flavour", "life"),
    [
        (Seen((Process(7, "cron"),)), "debian", "running"),
        (Seen((Process(7, "cron", has_our_files=True),)), "debian", "running"),
        (Seen((Process(7, "cron", has_our_files=False),)), "debian", "stopped"),
        (Seen(), "debian", "stopped"),
        (Seen((Process(7, "crond"),)), "debian", "stopped"),
        (Seen((Process(7, "crond"),)), "cronie", "running"),
        (Seen((Process(7, "busybox"),)), "busybox", "running"),
        (Seen(sees_all=False), "debian", "unknown"),
        (Seen((Process(7, "cron", has_our_files=False),), sees_all=False), "debian", "unknown"),
        (Seen(target="active"), "systemd-cron", "running"),
        (Seen(target="inactive"), "systemd-cron", "stopped"),
        (Seen(target="activating"), "systemd-cron", "unknown"),
        (Seen(target=None), "systemd-cron", "unknown"),
    ],
)
def test_a_cron_is_called_stopped_only_where_everything_could_be_seen(seen: Seen, flavour: str, life: str) -> None:
    assert alive.judge(seen, flavours.of(flavour)) == life


def test_a_restart_of_cron_alarms_nobody() -> None:
    watch = alive.Watch(flavours.DEBIAN, {})
    gone, there = Seen(), Seen((Process(7, "cron"),))

    told = [watch.problems(seen) for seen in (gone, gone, there, gone, gone, gone, gone, there)]

    assert [bool(problems) for problems in told] == [False] * 5 + [True, True, False]


def test_without_a_cron_to_look_for_nothing_is_said() -> None:
    watch = alive.Watch(None, {})

    assert [watch.problems(Seen()) for _ in range(5)] == [[]] * 5
