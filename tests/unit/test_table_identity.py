"""Whatever is done to a table between the first round and the uninstallation, its owner's bytes come back."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.decide import Situation, decide
from agent.desired import Desired
from agent.discovery.lines import Lines, line_hash
from agent.placing import Wanted
from agent.schedulers.crontab import Crontab
from agent.schedulers.memory import MemoryTable
from agent.state import Inventory, Placed
from agent.uninstall import cleared
from chalicelib.domain import crontab_lines, crontab_marks, discovery
from chalicelib.domain.ids import uuid4_from
from tests.fixtures.builders import job

ME = "ep-1"
LINES = st.sampled_from(
    [
        b"", b"\t", b"# caf\xe9", b"MAILTO=me", b"SHELL=/usr/bin/fish", b"SHELL=/bin/sh", b"@daily tidy", b"@daily tidy",
        b"0 5 * * *\ttidy  --all \r", b"0 5 * * * mail me%hi%there", b"*/5 * * * * date +\\%F", b"@reboot caf\xe9 \\",
        b"  0 0 1 1 * echo 'open", b"# 0 5 * * * off", b"no line of cron", b"1 2 3 4 5 x # a comment", b"#CRONTOPUS:x", b"\x00",
    ]
)  # fmt: skip
TABLES = st.builds(
    lambda rows, end: b"\n".join(rows) + end, st.lists(LINES, max_size=8), st.sampled_from([b"", b"\n", b"\r\n", b"\n\n"])
)
SCHEDULER = Crontab(
    MemoryTable(),
    endpoint_id=ME,
    command_of=lambda job_id: f"/d/bin/run-job CRONTOPUS:{job_id}",
    backups=Path("/nowhere"),
    lock=Path("/nowhere"),
)


def ids_of(table):
    """What discovery remembers: hash -> ids."""
    ids, count = {}, 0
    for count, placed in enumerate(crontab_lines.jobs(table), 1):
        ids[line_hash(placed.line.raw)] = (*ids.get(line_hash(placed.line.raw), ()), uuid4_from(bytes([count]) * 16))
    return ids


def wanted(ids, adopted, own):
    """The repository: what was discovered, as far as it is adopted, and jobs of the agent's own."""
    jobs = {}
    for digest, job_ids in ids.items():
        for job_id in job_ids:
            labels = {} if job_id in adopted else {"source": "discovered"}
            notes = {discovery.ENDPOINT: ME, discovery.LINE: digest}
            jobs[job_id] = Wanted(job(id=job_id, name=job_id, labels=labels, annotations=notes), job_id, "b", "* * * * *")
    for number in range(own):
        job_id = uuid4_from(bytes([200 + number]) * 16)
        jobs[job_id] = Wanted(job(id=job_id, name=job_id), job_id, "b", "* * * * *")
    return Desired(jobs)


def after_round(raw, desired, theirs, inventory):
    decision = decide(raw, Situation(desired, inventory, (), ME, theirs=theirs), SCHEDULER)
    lines = {line.decode()[-36:]: line.decode() for line in decision.lines}
    placed = {job_id: Placed(job_id, "b", lines.get(job_id)) for job_id in desired.jobs}
    return decision.table, replace(inventory, jobs=placed, bare_foreign=decision.bare_foreign)


@given(TABLES, st.sets(st.integers(0, 8)), st.integers(0, 2), st.booleans())
def test_a_table_that_was_marked_adopted_and_uninstalled_is_as_it_was(table, chosen, own, is_lost):
    ids = ids_of(table)
    every = [job_id for job_ids in ids.values() for job_id in job_ids]
    adopted = {job_id for number, job_id in enumerate(every) if number in chosen}
    theirs, inventory, raw = Lines(ids, ids, is_known=True), Inventory(ME), table

    for now in ([], [], adopted, adopted, set(every), adopted):
        raw, inventory = after_round(raw, wanted(ids, now, own), theirs, inventory)
        assert_each_runs_once(raw, set(every), set(now))
    back = cleared(raw, None if is_lost else inventory, (), ME, SCHEDULER)

    # That a final newline was missing is known from the agent's folder alone.
    assert back == table or (is_lost and back == table + b"\n")


def assert_each_runs_once(raw, every, adopted):
    active = [placed.line.raw for placed in crontab_lines.jobs(raw)]
    ours = {line.decode()[-36:] for line in active if b"/run-job CRONTOPUS:" in line}
    theirs = [line for line in active if b"/run-job" not in line]
    assert ours & every == adopted
    assert len(theirs) == len(every) - len(adopted)


@given(TABLES, TABLES)
def test_lines_that_came_meanwhile_stay(table, more):
    ids = ids_of(table)
    every = {job_id for job_ids in ids.values() for job_id in job_ids}
    theirs, inventory = Lines(ids, ids, is_known=True), Inventory(ME)
    raw, inventory = after_round(table, wanted(ids, [], 1), theirs, inventory)
    raw, inventory = after_round(more + b"\n" + raw, wanted(ids, every, 1), Lines(is_known=True), inventory)

    back = cleared(raw, inventory, (), ME, SCHEDULER)

    assert back.removesuffix(b"\n") == (more + b"\n" + table).removesuffix(b"\n")


def test_another_agents_marks_and_comments_are_its_own_to_take_back():
    mine, its = uuid4_from(b"m" * 16), uuid4_from(b"i" * 16)
    block = b"# BEGIN CRONTOPUS ep-2\n@daily /e/bin/run-job CRONTOPUS:%s\n# END CRONTOPUS ep-2\n" % its.encode()
    theirs = crontab_marks.set_aside(b"@daily y", its) + b"\n" + block
    table = crontab_marks.marked(b"@daily x", mine) + b"\n" + theirs

    assert cleared(table, None, (), ME, SCHEDULER, {mine}) == b"@daily x\n" + theirs
    assert cleared(table, None, (), ME, SCHEDULER) == table
