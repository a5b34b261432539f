"""From the table to the control plane and back into the table: real files, a table in memory, a control plane that answers."""

import json
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.decide import Situation, decide
from agent.desired import Desired
from agent.discovery.memory import Remembered
from agent.discovery.scan import Circumstances
from agent.discovery.tables import Table
from agent.discovery.telling import GONE, TELL_EVERY_S, Discovery
from agent.home import Home, make_private
from agent.outcome import report_of
from agent.placing import Wanted
from agent.schedulers.crontab import Crontab
from agent.schedulers.memory import MemoryTable
from agent.state import Inventory, Placed, save_inventory
from chalicelib.domain import crontab_marks, discovery
from chalicelib.domain.discovery import Found, Known
from chalicelib.domain.endpoints import Endpoint, Facts
from chalicelib.domain.errors import Conflict, Stalled, TooLarge, Unavailable

ME = "ep-1"
TABLE = b"MAILTO=me\n@daily tidy\n@daily tidy\n0 5 * * * mail me%hi\n61 * * * * odd\n"


@dataclass
class Plane:
    """The control plane's rules over a repository in memory. most: jobs in one report, above that it is too large."""

    jobs: dict = field(default_factory=dict)
    bodies: list = field(default_factory=list)
    refusal: Exception | None = None
    most: int = 500

    def tell(self, body):
        if self.refusal:
            raise self.refusal
        if len(body["jobs"]) > self.most:
            raise TooLarge("too large")
        self.bodies.append(json.loads(json.dumps(body)))
        known = {job_id: Known(job, job.is_discovered) for job_id, job in self.jobs.items()}
        outcomes = discovery.judge(ENDPOINT, [found(job) for job in body["jobs"]], known)
        there = {outcome.job.id: outcome.job for outcome in outcomes if outcome.job}
        kept = {key: job for key, job in self.jobs.items() if not (body["is_complete"] and job.is_discovered)}
        self.jobs = {**kept, **there}
        return {"jobs": [answer(outcome) for outcome in outcomes], "removed": []}


FACTS = Facts("web-1", "web-1", "linux", "0.1.0", "a" * 64, timezone="UTC", scheduler="debian")
ENDPOINT = Endpoint("demo", ME, FACTS, datetime(2026, 11, 20, tzinfo=UTC), None, None, 0, (), "d", "n")


def found(job):
    facts = {key: value for key, value in job.items() if key not in ("id", "set_aside")}
    return Found(**facts, job_id=job.get("id"), is_set_aside=job.get("set_aside", False))


def answer(outcome):
    job = outcome.job
    facts = {"id": job.id, "name": job.name, "namespace": job.namespace} if job else {}
    return facts | {"state": outcome.state, "problem": outcome.problem}


@dataclass
class Machine:
    home: Home
    table: MemoryTable
    plane: Plane
    others: list = field(default_factory=list)
    at: float = 1e9

    @property
    def scheduler(self):
        return Crontab(
            self.table,
            endpoint_id=ME,
            command_of=lambda job_id: f"/d/bin/run-job CRONTOPUS:{job_id}",
            backups=self.home.backups,
            lock=self.home.directory,
        )

    @property
    def discovery(self):
        here = Circumstances("/root", "debian")
        return Discovery(self.home, ME, self.scheduler, lambda: here, lambda: self.others, lambda: self.at)

    def look(self):
        return self.discovery.look_once(self.plane.tell)

    def round(self, *, allow_removals: bool = False):
        """What a round makes of the table, with the plane's jobs as the repository."""
        jobs = {job_id: Wanted(job, job_id, "b", "0 5 * * *") for job_id, job in self.plane.jobs.items()}
        theirs = Remembered(self.home.discovered, ME).lines()
        now = Situation(Desired(jobs), self.inventory, (), ME, theirs=theirs, allow_removals=allow_removals)
        decision = decide(self.table.read(), now, self.scheduler)
        self.table.content = decision.table
        lines = {line.decode()[-36:]: line.decode() for line in decision.lines}
        placed = {job_id: Placed(job_id, "b", lines.get(job_id)) for job_id in (*jobs, *decision.kept)}
        self.inventory = Inventory(ME, "c", placed, decision.bare_foreign)
        save_inventory(self.home.inventory, self.inventory)
        return decision

    inventory: Inventory = field(default_factory=lambda: Inventory(ME))

    def adopt(self, job_id):
        self.plane.jobs[job_id] = discovery.adopted(self.plane.jobs[job_id], "ops")

    def release(self, job_id):
        self.plane.jobs[job_id] = discovery.released(self.plane.jobs[job_id])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home = Home(tmp_path / ".crontopus")
    make_private(home.directory)
    return Machine(home, MemoryTable(TABLE), Plane())


def test_what_is_found_is_told_once_and_marked_in_the_next_round(machine: Machine) -> None:
    looked = machine.look()
    machine.round()
    again = machine.look()

    tidy, twin, mail, odd = looked.lines
    expected = TABLE.replace(
        b"@daily tidy\n@daily tidy", b"\n".join(b"@daily tidy # CRONTOPUS:%s" % line.job_id.encode() for line in (tidy, twin))
    )
    assert machine.table.content == expected
    assert ([line.state for line in looked.lines], looked.is_told, again.is_told) == (["added"] * 3 + ["refused"], True, False)
    assert mail.job_id and mail.unmarked and odd.problem
    assert looked.problems == (f"crontab, line 5: no job can be made of it: {odd.problem}",)
    assert crontab_marks.plain(machine.table.content) == TABLE


def test_jobs_of_others_are_counted_as_that_and_not_as_paused(machine: Machine) -> None:
    machine.look()
    decision = machine.round()

    report = report_of(decision, Desired(decision.jobs), machine.inventory, "c", datetime(2026, 11, 20, tzinfo=UTC))

    assert (report.managed, report.paused, report.discovered) == (0, 0, 3)


def test_a_line_that_was_edited_keeps_its_job(machine: Machine) -> None:
    tidy, _, mail, _ = machine.look().lines
    machine.round()
    assert machine.table.content
    machine.table.content = machine.table.content.replace(b"@daily tidy #", b"@weekly tidy -v #", 1).replace(b"0 5 *", b"0 6 *")

    looked = machine.look()

    assert [(line.job_id, line.state) for line in looked.lines[:3:2]] == [(tidy.job_id, "changed"), (mail.job_id, "changed")]
    assert (machine.plane.jobs[tidy.job_id].command, machine.plane.jobs[mail.job_id].schedule) == ("tidy -v", "0 6 * * *")


def test_a_line_that_has_gone_is_said_to_be_and_never_comes_back(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    tidy = machine.look().lines[0]
    machine.round()
    machine.table.content = b"MAILTO=me\n"

    with caplog.at_level(logging.INFO):
        machine.look()
    machine.round()

    assert [record.message for record in caplog.records if record.name.endswith("telling")] == [GONE] * 3
    assert (machine.table.content, tidy.job_id in machine.plane.jobs) == (b"MAILTO=me\n", False)


def test_an_adopted_job_runs_by_our_line_and_is_neither_gone_nor_found_again(machine: Machine) -> None:
    tidy, _, mail, _ = machine.look().lines
    machine.round()
    machine.adopt(tidy.job_id)
    machine.adopt(mail.job_id)

    decision = machine.round()
    looked = machine.look()

    rows = decision.table.split(b"\n")
    assert rows[1] == b"# CRONTOPUS:%s adopted: @daily tidy" % tidy.job_id.encode()
    assert rows[3] == b"# CRONTOPUS:%s adopted: 0 5 * * * mail me%%hi" % mail.job_id.encode()
    assert {line.decode()[-36:] for line in decision.lines} == {tidy.job_id, mail.job_id}
    assert [line.state for line in looked.lines] == ["adopted", "unchanged", "adopted", "refused"]
    assert not machine.plane.jobs[tidy.job_id].is_discovered


def test_a_look_between_a_release_and_the_next_round_does_not_lose_the_job(machine: Machine) -> None:
    tidy = machine.look().lines[0]
    machine.round()
    before = machine.table.content
    machine.adopt(tidy.job_id)
    machine.round()
    machine.release(tidy.job_id)
    machine.at += TELL_EVERY_S + 1

    machine.look()
    decision = machine.round()

    assert tidy.job_id in machine.plane.jobs
    assert (machine.table.content, decision.lines) == (before, ())


def test_a_deleted_adopted_job_takes_both_lines_with_it(machine: Machine) -> None:
    tidy = machine.look().lines[0]
    machine.round()
    machine.adopt(tidy.job_id)
    machine.round()
    del machine.plane.jobs[tidy.job_id]
    machine.look()
    held = machine.round()
    machine.round(allow_removals=True)
    machine.look()

    assert held.held and held.held.code == "empty_repository", "it was the last job of ours"
    assert machine.table.content and str(tidy.job_id).encode() not in machine.table.content
    assert machine.table.content.count(b"tidy") == 1
    assert tidy.job_id not in machine.plane.jobs


def test_a_lost_folder_costs_nothing(machine: Machine) -> None:
    lines = machine.look().lines
    machine.round()
    table = machine.table.content
    machine.home.discovered.unlink()

    again = machine.look().lines
    machine.round()

    assert [line.job_id for line in again] == [line.job_id for line in lines]
    assert machine.table.content == table


def test_a_copied_line_becomes_a_job_of_its_own(machine: Machine) -> None:
    tidy = machine.look().lines[0]
    machine.round()
    assert machine.table.content
    machine.table.content += b"@hourly tidy # CRONTOPUS:%s\n" % str(tidy.job_id).encode()

    machine.round()
    machine.look()
    machine.round()

    ids = [crontab_marks.id_of(row) for row in machine.table.content.split(b"\n")]
    marked = [job_id for job_id in ids if job_id]
    assert len(marked) == len(set(marked)) == 3
    assert machine.plane.jobs[marked[2]].schedule == "@hourly"


def test_an_adopted_job_of_a_system_table_waits_until_its_line_is_gone(machine: Machine) -> None:
    machine.others = [Table("/etc/cron.d/x", b"@daily root rotate\n")]
    rotate = machine.look().lines[-1]
    machine.adopt(rotate.job_id)

    waiting = machine.round()
    machine.others = []
    machine.look()
    running = machine.round()

    assert (waiting.lines, "/etc/cron.d/x, line 1" in waiting.withheld[rotate.job_id]) == ((), True)
    assert [line.decode()[-36:] for line in running.lines] == [rotate.job_id]


def test_the_same_is_told_again_after_a_day(machine: Machine) -> None:
    machine.look()
    machine.at += TELL_EVERY_S + 1

    assert machine.look().is_told


def test_a_report_that_is_too_large_goes_in_parts_and_removes_nothing(machine: Machine) -> None:
    machine.plane.most = 3
    machine.table.content = b"".join(b"@daily job-%d\n" % number for number in range(5))

    looked = machine.look()

    assert [len(body["jobs"]) for body in machine.plane.bodies] == [2, 3]
    assert not any(body["is_complete"] for body in machine.plane.bodies)
    assert len({line.job_id for line in looked.lines}) == 5


def test_more_lines_than_one_report_takes_are_told_in_several_and_it_is_said(machine: Machine) -> None:
    machine.table.content = b"@daily same\n" * 501

    looked = machine.look()

    assert [len(body["jobs"]) for body in machine.plane.bodies] == [500, 1]
    assert len({line.job_id for line in looked.lines if line.job_id}) == 500
    assert "an equal line has been reported" in looked.problems[0]
    assert "those that go are not noticed" in looked.problems[-1]


@pytest.mark.parametrize(
    ("refusal", "kind", "code"),
    [
        (Conflict("a tenant has at most 2000 jobs"), Stalled, "discovery_refused"),
        (Unavailable("429", code="api_unavailable", retry_after_s=7), Unavailable, "api_unavailable"),
    ],
)
def test_a_report_that_is_refused_changes_nothing(machine: Machine, refusal: Exception, kind: type, code: str) -> None:
    machine.plane.refusal = refusal

    with pytest.raises(kind) as caught:
        machine.look()

    assert caught.value.code == code
    assert not machine.home.discovered.exists()
    assert machine.round().table == TABLE


def test_enrolled_elsewhere_the_lines_of_adopted_jobs_run_them_again(machine: Machine) -> None:
    tidy = machine.look().lines[0]
    before = machine.round().table
    machine.adopt(tidy.job_id)
    machine.round()
    machine.inventory = replace(machine.inventory, endpoint_id="ep-0")
    machine.table.content = (machine.table.content or b"").replace(ME.encode(), b"ep-0")
    machine.plane.jobs = {}

    decision = machine.round()

    assert decision.table == crontab_marks.plain(before, {tidy.job_id})
    assert (decision.lines, decision.held) == ((), None)
