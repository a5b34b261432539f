"""What `crontopus-agent discover` prints."""

from agent.commands.discover import table
from agent.discovery.memory import Told
from tests.fixtures.builders import JOB_ID


def line(**changes):
    return Told(
        **({"table": None, "number": 3, "line_hash": "h", "schedule": "0 5\t* * *", "command": "tidy  --all \r"} | changes)
    )


def test_each_line_is_a_row_with_where_it_stands_and_how():
    told = line(mark=JOB_ID, job_id=JOB_ID, name="tidy-5f0c7f0e", state="added")

    header, row = table((told,)).splitlines()

    assert header.split() == ["SCHEDULE", "NAME", "COMMAND", "WHERE", "STATE"]
    assert row.split("  ") == ["0 5 * * *", "tidy-5f0c7f0e", "tidy --all", "crontab:3", "marked"]


def test_each_state_has_its_words():
    states = [
        line(),
        line(problem="no such date", state="refused"),
        line(job_id=JOB_ID, state="added"),
        line(job_id=JOB_ID, state="added", unmarked="a % in it"),
        line(job_id=JOB_ID, state="adopted"),
        line(job_id=JOB_ID, state="adopted", is_set_aside=True),
    ]

    assert [row.split("crontab:3  ")[1] for row in table(tuple(states)).splitlines()[1:]] == [
        "not told of yet",
        "refused: no such date",
        "gets its mark in the next round",
        "recognized by its bytes",
        "adopted, waits for the next round",
        "adopted",
    ]


def test_what_a_terminal_would_obey_is_not_shown_and_long_commands_are_cut():
    row = table((line(command="x\x1b[31m" + "y" * 100),)).splitlines()[1]

    assert "\x1b" not in row and "..." in row


def test_where_there_is_nothing_it_says_so():
    assert table(()) == "no jobs beside ours"
