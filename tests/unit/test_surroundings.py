"""What stands above our block and reaches into it."""

from dataclasses import replace

import pytest

from agent.guard import OWN, Lines
from agent.schedulers import flavours, surroundings
from agent.schedulers.flavours import BUSYBOX, CRONIE, DEBIAN, SYSTEMD_CRON, Flavour

SYSTEMD_CRON_2 = replace(SYSTEMD_CRON, zone_variables=("CRON_TZ", "TZ"))


def read(text: bytes, flavour: Flavour = DEBIAN) -> surroundings.Surroundings:
    return surroundings.read(text, flavour, lambda path: path in ("/bin/sh", "/usr/bin/fish", "/bin/false"))


@pytest.mark.parametrize("flavour", flavours.FLAVOURS.values(), ids=lambda flavour: flavour.name)
def test_what_changes_nothing_is_not_mentioned(flavour: Flavour) -> None:
    text = b"# SHELL=/x\nMAILTO=\nSHELL=/usr/bin/fish\nRANDOM_DELAY=0\n0 1 * * * CRON_TZ=UTC date\n"

    assert read(text, flavour) == surroundings.Surroundings()


@pytest.mark.parametrize(
    ("text", "flavour", "words"),
    [
        (b"SHELL=/bin/nosuch\n", DEBIAN, "none of our jobs will run"),
        (b"SHELL=/bin/false\n", DEBIAN, "none of our jobs will run"),
        (b'  "PATH" = /opt/bin\n', DEBIAN, "PATH=/opt/bin stands above our block"),
        (b"HOME=/srv\n", DEBIAN, "they start in that folder"),
        (b"MAILTO=ops@example.org\n", DEBIAN, "cron mails what our jobs write to ops@example.org"),
        (b"RANDOM_DELAY=5\n", CRONIE, "jobs start up to 5 minutes late"),
        (b"RANDOM_DELAY=45\n", SYSTEMD_CRON, "they are not started at all"),
        (b"CRON_TZ=Asia/Tokyo\n", CRONIE, "our lines are converted to it"),
        (b"CRON_TZ=Mars/Olympus\n", CRONIE, "names no zone that is known here"),
        (b"CRON_TZ=Asia/Tokyo\n", DEBIAN, "this cron (debian) does not heed it"),
        (b"CRON_TZ=Asia/Tokyo\n", BUSYBOX, "this cron (busybox) does not heed it"),
    ],
)
def test_what_changes_the_lives_of_our_jobs_is_said_in_words(text: bytes, flavour: Flavour, words: str) -> None:
    (warning,) = read(text, flavour).warnings

    assert words in warning


@pytest.mark.parametrize(
    ("text", "flavour", "lines"),
    [
        (b"CRON_TZ=Asia/Tokyo\n", CRONIE, Lines("Asia/Tokyo", is_set=True)),
        (b"CRON_TZ=UTC\nCRON_TZ='Asia/Tokyo'\n", CRONIE, Lines("Asia/Tokyo", is_set=True)),
        (b"CRON_TZ=:Asia/Tokyo\r\n", CRONIE, Lines("Asia/Tokyo", is_set=True)),
        (b"CRON_TZ=../../etc/passwd\n", CRONIE, Lines(None, is_set=True)),
        (b"CRON_TZ=Asia/Tokyo\n", DEBIAN, OWN),
        (b"TZ=Asia/Tokyo\n", CRONIE, OWN),
        (b"CRON_TZ=\n", CRONIE, OWN),
        (b"TZ=Asia/Tokyo\n", SYSTEMD_CRON_2, Lines("Asia/Tokyo", is_set=True)),
        (b"TZ=Asia/Tokyo\nCRON_TZ=UTC\n", SYSTEMD_CRON_2, Lines(None, is_set=True)),
        (b"RANDOM_DELAY=5\n", DEBIAN, OWN),
    ],
)
def test_a_zone_counts_only_where_this_cron_reads_lines_in_it(text: bytes, flavour: Flavour, lines: Lines) -> None:
    assert read(text, flavour).lines == lines


def test_a_delay_means_nothing_to_a_cron_that_has_none() -> None:
    assert read(b"RANDOM_DELAY=45\n", DEBIAN).warnings == ()


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert read(b"PATH=/caf\xe9\nX\xff=\xfe\n").warnings[0].startswith("PATH=/caf")
