import json
from datetime import timedelta

import pytest

from agent.logbook import as_json, as_text, is_wanted
from tests.fixtures.builders import NOON

EVENT = {"at": "2026-11-20T12:00:00.000Z", "level": "warning", "event": "sync failed", "code": "git_auth", "why": "it said no"}
LINE = json.dumps(EVENT)


def test_an_event_is_one_line_for_a_person() -> None:
    assert as_text(LINE, is_coloured=False) == (
        '2026-11-20T12:00:00.000Z  WARNING   sync failed  code=git_auth why="it said no"'
    )


def test_a_traceback_stands_below_its_event() -> None:
    told = as_text(json.dumps(EVENT | {"traceback": "Traceback:\n  File x"}), is_coloured=False)

    assert told.endswith("\n    Traceback:\n      File x")


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "a\rb", "\u202eabc", "\x9b31m"])
@pytest.mark.parametrize("place", ["event", "why", "level", "at", "line", "traceback"])
def test_no_terminal_obeys_what_is_shown(text: str, place: str) -> None:
    line = f"no JSON {text}" if place == "line" else json.dumps(EVENT | {place: text})

    for told in (as_text(line, is_coloured=False), as_json(line)):
        assert text not in told
        assert all(sign.isprintable() or sign == "\n" for sign in told)


def test_what_looks_like_a_credential_is_blacked_out_even_if_it_was_logged() -> None:
    line = json.dumps(EVENT | {"why": "cte_" + "A" * 49})

    assert "AAAA" not in as_text(line, is_coloured=False) + as_json(line) + as_text("cte_" + "A" * 49, is_coloured=False)


@pytest.mark.parametrize(
    ("level", "seconds", "wanted"), [("debug", -1, True), ("warning", 0, True), ("error", -1, False), ("debug", 1, False)]
)
def test_events_are_chosen_by_level_and_age(level: str, seconds: int, wanted: bool) -> None:
    assert is_wanted(LINE, NOON + timedelta(seconds=seconds), level) is wanted


@pytest.mark.parametrize("line", ["no JSON", "[1]", "{}", "[" * 100_000, '{"at": "never"}'])
def test_a_line_that_is_no_event_is_shown_rather_than_hidden(line: str) -> None:
    assert is_wanted(line, NOON, "error")
    assert as_text(line, is_coloured=False)
