"""A mark changes nothing of what a shell does, tried with the shell itself."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import crontab_lines, crontab_marks
from tests.fixtures.builders import JOB_ID

WORDS = st.sampled_from(
    ["echo", "a", "'", '"', "#", " ", "\\", "`", "$(", ")", "b c", "\\'", "'x'", "|:", ";", "&&", "${", "}"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8).map("".join))
def test_the_shell_does_the_same_with_a_mark_as_without(text):
    found = list(crontab_lines.jobs(f"@daily x;{text}".encode()))
    if not found or crontab_marks.obstacle(found[0]) is not None:
        return

    assert ran(crontab_marks.marked(text.encode(), JOB_ID)) == ran(text.encode())


def ran(command):
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, env={"PATH": ""}, stdin=subprocess.DEVNULL, timeout=10
    )
    return done.returncode, done.stdout, sorted(done.stderr.splitlines())
