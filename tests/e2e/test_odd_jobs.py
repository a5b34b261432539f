"""Jobs that are hard to report: each gives exactly one run, with the right exit code or signal and the right end of its output.

cron itself is not waited for: each line of the table is started as cron starts it, with cron's bare environment.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import Stack
from tests.e2e.machines import Machine, as_cron_does, running_machine
from tests.fixtures.waiting import until

LARGE = 'head -c 50000000 /dev/urandom; printf "\\0\\0the end of it\\n"'
QUOTED = """echo "it's 100% sure: $(printf '%s' 'naïve ✓')" 'a "b"' \\\\ `echo tick`; echo second
echo 'third
fourth'
"""
NEVER = "0 0 1 1 *"
JOBS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "exits-3": ("echo broken >&2; exit 3", ("failure", 3, None, "broken\n")),
    "is-large": (LARGE, ("success", 0, None, "\ufffd\ufffdthe end of it\n")),
    "is-quoted": (QUOTED, ("success", 0, None, 'it\'s 100% sure: naïve ✓ a "b" \\ tick\nsecond\nthird\nfourth\n')),
    "is-killed": ("echo last words; kill -9 $$", ("failure", 137, 9, "last words\n")),
    "is-missing": ("/no/such/program", ("failure", 127, None, "command not found]\n")),
    "is-silent": ("true", ("success", 0, None, "")),
    "is-tried-again": (
        'echo "try $CRONTOPUS_ATTEMPT"; [ "$CRONTOPUS_ATTEMPT" = 2 ]',
        ("success", 0, None, "the next one in 1 s]\ntry 2\n"),
    ),
    "waits-in-vain": ("true", ("skipped", None, None, "the last run of default/exits-3 ended with failure]\n")),
}
MORE: dict[str, dict[str, Any]] = {
    "is-tried-again": {"retry_attempts": 3, "retry_delay": "1s", "nice": 5, "selector": {"platform": "linux"}},
    "waits-in-vain": {"depends_on": ["exits-3"], "concurrency": "forbid"},
}


@pytest.fixture
def machine(stack: Stack, tmp_path: Path) -> Iterator[Machine]:
    with running_machine(stack, tmp_path) as machine:
        yield machine


def test_every_odd_job_gives_one_true_run(machine: Machine):
    names = {machine.commit(name, command, NEVER, **MORE.get(name, {}))["id"]: name for name, (command, _) in JOBS.items()}
    not_now = machine.commit("is-not-due", "exit 9", NEVER, timezone="Asia/Kathmandu")["id"]
    machine.commit("is-elsewhere", "exit 9", NEVER, selector={"platform": "plan9"})
    machine.sync()

    codes = {job_id: as_cron_does(command) for job_id, command in machine.commands().items()}
    runs = {run["job_name"]: run for run in until(lambda: machine.runs(len(JOBS)), "all runs have arrived", 60)}

    assert codes.pop(not_now) == 0
    assert {names[job_id]: code for job_id, code in codes.items()} == {
        name: expected[1] or 0 for name, (_, expected) in JOBS.items()
    }
    assert len(machine.runs(1)) == len(JOBS)
    for name, (_, expected) in JOBS.items():
        assert told(runs[name]) == expected, name
    assert (runs["is-large"]["output_bytes"], runs["is-large"]["output_truncated"]) == (50_000_016, True)


def told(run: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what is expected of a run; of its output as much as is expected."""
    wanted = JOBS[run["job_name"]][1][-1]
    output = run["output"] or ""
    return run["status"], run["exit_code"], run["signal"], output[-len(wanted) :] if wanted else output
