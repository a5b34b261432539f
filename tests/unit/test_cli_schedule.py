import json

import pytest

from tests.unit.cli_fakes import run


def next_runs(*arguments: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(run("schedule", "next", *arguments, "-o", "json").stdout)
    return answer


def test_the_next_moments_are_told_from_now_on() -> None:
    assert next_runs("0 12 * * *", "--count", "2")["next"] == ["2026-11-21T12:00:00.000Z", "2026-11-22T12:00:00.000Z"]


def test_the_zone_is_the_machines() -> None:
    assert next_runs("0 12 * * *", "--timezone", "Asia/Tokyo", "--count", "1")["next"] == ["2026-11-21T03:00:00.000Z"]


def test_a_time_that_is_skipped_runs_after_the_gap() -> None:
    told = run(
        "schedule", "next", "30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-03-28T12:00:00Z", "--count", "1"
    )

    assert "Sun 2026-03-29 03:00 CEST  2026-03-29T01:00:00.000Z" in told.stdout


def test_reboot_has_no_moment() -> None:
    told = run("schedule", "next", "@reboot")

    assert (told.exit_code, told.stdout) == (0, "")
    assert "when cron starts" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["61 * * * *"], 7, "schedule: cron would refuse it"),
        (["* * * * *", "--timezone", "Mars/Base"], 7, "timezone: no zone"),
        (["* * * * *", "--after", "yesterday"], 2, "--after"),
        (["* * * * *", "--count", "51"], 2, "--count"),
    ],
)
def test_what_cannot_be_told_says_why(arguments: list[str], code: int, words: str) -> None:
    told = run("schedule", "next", *arguments)

    assert told.exit_code == code
    assert words in told.stderr
