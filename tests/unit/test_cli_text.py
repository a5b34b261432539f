import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cli.text import ago, local, took, visible, visible_block, visible_json

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("", ""),
        ("plain", "plain"),
        ("café 🙂", "café 🙂"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\ud800", "\\ud800"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_text_from_elsewhere_cannot_command_the_terminal(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_a_block_keeps_lines_and_tabs_and_loses_colours() -> None:
    assert visible_block("\x1b[1;31mred\x1b[0m\tx\r\n\x1b]0;owned\x07") == "red\tx\n\\x1b]0;owned\\x07"


def test_json_means_the_same_and_holds_no_control_character() -> None:
    value = {"output": "\x1b[2J \x9b \u202e \U000e0001 \ud800 café\n"}

    text = visible_json(value)

    assert json.loads(text) == value
    assert visible(text.replace("\n", "")) == text.replace("\n", "")
    assert "café" in text


@pytest.mark.parametrize(
    ("duration_ms", "shown"),
    [
        (None, "-"),
        (0, "0ms"),
        (999, "999ms"),
        (1000, "1.0s"),
        (59_999, "59.9s"),
        (60_000, "1m00s"),
        (3_599_999, "59m59s"),
        (3_600_000, "1h00m"),
        (90_000_000, "25h00m"),
    ],
)
def test_a_duration_is_short_and_never_rounded_up(duration_ms: int | None, shown: str) -> None:
    assert took(duration_ms) == shown


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (timedelta(0), "0s ago"),
        (timedelta(seconds=59), "59s ago"),
        (timedelta(seconds=60), "1m ago"),
        (timedelta(hours=23, minutes=59), "23h ago"),
        (timedelta(days=29), "29d ago"),
        (timedelta(days=30), "2026-10-21"),
        (timedelta(hours=-2), "in 2h"),
        (timedelta(days=-60), "2027-01-19"),
    ],
)
def test_a_moment_is_told_as_seen_from_now(before: timedelta, shown: str) -> None:
    assert ago((NOW - before).isoformat(), NOW, UTC) == shown


def test_a_moment_in_full_is_local_and_names_its_offset() -> None:
    assert local("2026-11-20T11:57:00.000Z", NOW, timezone(timedelta(hours=1))) == "2026-11-20 12:57:00+01:00 (3m ago)"


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-20T12:00:00", "9999-99-99T00:00:00Z"])
def test_what_is_no_moment_is_shown_as_it_is(moment: str) -> None:
    assert ago(moment, NOW, UTC) == moment


def test_no_moment_is_a_dash() -> None:
    assert (ago(None, NOW, UTC), local(None, NOW, UTC)) == ("-", "-")
