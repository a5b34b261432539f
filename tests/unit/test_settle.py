"""What a round does to lines that are not ours, on bytes."""

from dataclasses import replace

import pytest

from agent.discovery.lines import Lines, line_hash
from agent.discovery.settle import settle, without_asides
from agent.placing import Wanted
from agent.schedulers.base import Item
from chalicelib.domain import crontab_marks, discovery
from chalicelib.domain.ids import uuid4_from
from tests.fixtures.builders import job

ME = "ep-1"
A, B, C = (uuid4_from(bytes([number]) * 16) for number in range(3))
RAW = b"0 5 * * *\ttidy --all "
TABLE = b"MAILTO=me\n# tidy\n" + RAW + b"\n@daily x\r\n"
NOTHING = Lines(is_known=True)


def mark(raw, job_id=A):
    return crontab_marks.marked(raw, job_id)


def aside(raw, job_id=A):
    return crontab_marks.set_aside(raw, job_id)


def found(job_id=A, raw=RAW, *, adopted=True, **changes):
    """A job that was found on this machine."""
    notes = {discovery.ENDPOINT: ME, discovery.LINE: line_hash(raw), **changes.pop("notes", {})}
    labels = {} if adopted else {"source": "discovered"}
    made = job(id=job_id, name=f"job-{job_id[:4]}", labels=labels, annotations=notes, **changes)
    return {job_id: Wanted(made, f"ops/job-{job_id[:4]}.yaml", "b", "0 5 * * *")}


def settled(table, wanted=None, lines=NOTHING, ours=()):
    return settle(table, [Item(b"", job_id) for job_id in ours], wanted or {}, lines, ME)


def test_a_line_that_was_found_gets_its_mark_and_keeps_every_byte():
    lines = Lines(marks={line_hash(RAW): (A,), line_hash(b"@daily x\r"): (B,)})

    after = settled(TABLE, lines=lines).foreign

    assert after == TABLE.replace(RAW, mark(RAW)).replace(b"x\r", mark(b"x\r", B))
    assert crontab_marks.plain(after) == TABLE
    assert settled(after, lines=lines).foreign == after


def test_equal_lines_get_the_ids_in_their_order():
    lines = Lines(marks={line_hash(RAW): (A, B)})

    assert settled(RAW + b"\n" + RAW, lines=lines).foreign == mark(RAW) + b"\n" + mark(RAW, B)
    assert settled(mark(RAW) + b"\n" + RAW, lines=lines).foreign == mark(RAW) + b"\n" + mark(RAW, B)


@pytest.mark.parametrize("raw", [b"@daily mail me%hi", b"@daily echo it's", b"@daily x\\"])
def test_a_line_that_a_mark_could_change_gets_none(raw):
    assert settled(raw, lines=Lines(marks={line_hash(raw): (A,)})).foreign == raw


def test_the_shell_that_holds_for_a_line_decides():
    table = b"SHELL=/usr/bin/fish\n" + RAW + b"\nSHELL=/bin/bash\n" + RAW

    after = settled(table, lines=Lines(marks={line_hash(RAW): (A, B)})).foreign

    assert after == b"SHELL=/usr/bin/fish\n" + RAW + b"\nSHELL=/bin/bash\n" + mark(RAW)


def test_the_line_of_an_adopted_job_becomes_a_comment_in_its_place():
    after = settled(TABLE.replace(RAW, mark(RAW)), found())

    assert after.foreign == TABLE.replace(RAW, aside(RAW))
    assert (after.asides, after.withheld) == ({A}, {})
    assert settled(after.foreign, found(), ours=[A]).foreign == after.foreign


def test_an_adopted_job_that_is_paused_does_not_run_by_its_own_line_either():
    assert settled(mark(RAW), found(paused=True)).foreign == aside(RAW)


def test_a_line_without_mark_is_adopted_by_its_bytes():
    raw = b"@daily mail me%hi"

    assert settled(raw, found(raw=raw)).foreign == aside(raw)
    assert settled(raw + b"\n" + raw, found(raw=raw)).foreign == aside(raw) + b"\n" + raw
    assert settled(raw, found(raw=b"older"), Lines({line_hash(raw): (A,)})).foreign == aside(raw)


def test_a_line_that_only_speaks_of_our_marks_is_somebodys_all_the_same():
    raw = b"@daily grep CRONTOPUS: /var/log/syslog"

    assert settled(raw, lines=Lines(marks={line_hash(raw): (A,)})).foreign == mark(raw)
    assert settled(raw, found(raw=raw)).foreign == aside(raw)


def test_an_edited_line_without_mark_is_adopted_if_it_alone_runs_the_same():
    notes = {discovery.ORIGINAL: "@daily mail me%hi"}
    wanted = found(raw=b"@daily mail me%hi", notes=notes)

    assert settled(b"@weekly mail me%hi", wanted).foreign == aside(b"@weekly mail me%hi")


def test_two_lines_that_may_be_the_adopted_one_hold_it_back():
    table = b"@weekly mail me%hi\n@hourly mail me%hi"
    after = settled(table, found(raw=b"@daily mail me%hi", notes={discovery.ORIGINAL: "@daily mail me%hi"}))

    assert after.foreign == table
    assert "2 lines run what it ran" in after.withheld[A]


def test_an_adopted_job_whose_line_has_gone_is_ours_alone():
    after = settled(b"@hourly other\n", found())

    assert (after.foreign, after.withheld) == (b"@hourly other\n", {})


def test_a_line_in_a_table_of_the_system_holds_its_job_back_until_it_is_gone():
    wanted = found(notes={discovery.TABLE: "/etc/cron.d/x"})

    assert "take its line out of /etc/cron.d/x" in settled(b"", wanted, Lines(elsewhere={A: "/etc/cron.d/x"})).withheld[A]
    assert "until the agent has looked" in settled(b"", wanted, Lines()).withheld[A]
    assert settled(b"", wanted, NOTHING).withheld == {}


def test_a_job_that_runs_already_is_not_taken_away_because_its_old_line_comes_back():
    wanted = found(notes={discovery.TABLE: "/etc/cron.d/x"})

    assert settled(b"", wanted, Lines(elsewhere={A: "/etc/cron.d/x"}), ours=[A]).withheld == {}


def test_another_endpoints_job_leaves_the_line_alone():
    wanted = found()
    wanted[A] = replace(wanted[A], job=replace(wanted[A].job, annotations={discovery.ENDPOINT: "ep-2"}))

    assert settled(mark(RAW), wanted).foreign == mark(RAW)


def test_a_released_job_has_its_line_back_with_its_mark():
    after = settled(TABLE.replace(RAW, aside(RAW)), found(adopted=False), ours=[A])

    assert after.foreign == TABLE.replace(RAW, mark(RAW))
    assert after.asides == frozenset()


def test_a_released_line_that_cannot_bear_a_mark_comes_back_without():
    raw = b"@daily mail me%hi"

    after = settled(aside(raw), found(raw=raw, adopted=False), ours=[A])

    assert after.foreign == raw
    assert settled(raw, found(raw=raw, adopted=False), ours=[A]).foreign == raw


@pytest.mark.parametrize("table", [b"", b"MAILTO=me\n", b"@daily y"])
def test_a_released_job_whose_comment_somebody_deleted_gets_a_line_all_the_same(table):
    wanted = found(adopted=False, schedule="0 5 * * *", command="tidy")

    gap = b"\n" if table == b"@daily y" else b""
    end = b"" if gap else b"\n"
    assert settled(table, wanted, ours=[A]).foreign == table + gap + mark(b"0 5 * * * tidy") + end


def test_a_copy_of_a_marked_line_is_a_new_one():
    other = b"@weekly tidy"
    after = settled(mark(RAW) + b"\n" + mark(other), found(adopted=False))

    assert after.foreign == mark(RAW) + b"\n" + other
    assert settled(aside(RAW) + b"\n" + mark(other), found()).foreign == aside(RAW) + b"\n" + other


def test_a_mark_that_came_with_another_machines_table_gives_way_to_the_lines_own():
    assert settled(mark(RAW), lines=Lines(renamed={A: B})).foreign == mark(RAW, B)


def test_a_discovered_job_without_a_line_is_absent():
    assert settled(b"A=1\n", found(adopted=False)).absent == {A}
    assert settled(mark(RAW), found(adopted=False)).absent == frozenset()
    assert settled(b"A=1\n", found(adopted=False), Lines({"hash": (A,)}, is_known=True)).absent == frozenset()
    assert settled(b"A=1\n", found(adopted=False), Lines()).absent == frozenset()


def test_another_agents_block_is_left_alone():
    block = b"# BEGIN CRONTOPUS ep-2\n" + mark(RAW) + b"\n# END CRONTOPUS ep-2\n"

    after = settled(block + mark(RAW), found())

    assert after.foreign == block + aside(RAW)


def test_the_comments_of_deleted_jobs_go_with_their_lines():
    table = b"A=1\n" + aside(RAW) + b"\n" + aside(b"@daily y", B) + b"\n"

    assert without_asides(table, {A}) == b"A=1\n" + aside(b"@daily y", B) + b"\n"


def test_nothing_is_looked_at_where_nothing_was_ever_found():
    assert settled(TABLE).foreign is TABLE


@pytest.mark.parametrize(
    "old",
    [
        b"0 1 * * * /root/.crontopus/bin/run-job %s # CRONTOPUS:%s" % (A.encode(), A.encode()),
        b'# CRONTOPUS:backup\n0 1 * * * sh -c \'(x) && ~/.crontopus/bin/checkin "backup" "default" success\'',
        b"# CRONTOPUS:default:backup\n0 1 * * * sh -c '(x) && curl https://c.example/api/checkins -d x'",
    ],
)
def test_lines_of_earlier_agents_give_way_to_ours(old):
    wanted = {A: Wanted(job(id=A), "default/backup.yaml", "b", "0 1 * * *")}

    after = settled(b"A=1\n" + old + b"\nB=2\n", wanted)

    assert after.foreign == b"A=1\nB=2\n"
    assert "earlier agent" in after.notes[0]
    assert settled(b"A=1\n" + old).foreign == b"A=1\n" + old
    assert "no manifest defines its job" in settled(old).warnings[0]


def test_an_old_comment_above_somebodys_line_takes_nothing_away():
    table = b"# CRONTOPUS:backup\n0 1 * * * /usr/bin/backup\n"

    assert settled(table, {A: Wanted(job(id=A), "default/backup.yaml", "b", "")}).foreign == table
