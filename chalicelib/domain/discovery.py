"""Jobs that an endpoint found in its crontab: what they are called, and which of them are new, changed or gone."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from chalicelib.domain import crontab_commands, crontab_lines, ids, manifest, names
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict, Invalid
from chalicelib.domain.manifest import Job

# In a manifest's annotations: which endpoint found the job; the SHA-256 of its line; which table that is in, if not the agent's
# own; whose cron reads it, where crons differ in that; what its line said before it was adopted; why it cannot be adopted; what
# to know before.
ENDPOINT = "crontopus.com/endpoint"
LINE = "crontopus.com/line"
TABLE = "crontopus.com/table"
CRON = "crontopus.com/cron"
ORIGINAL = "crontopus.com/original"
OBSTACLE = "crontopus.com/obstacle"
NOTE = "crontopus.com/note"
_TOLD = frozenset({ENDPOINT, LINE, TABLE, CRON, OBSTACLE, NOTE})
_MARK_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """One line of a crontab. line_hash: SHA-256 of its bytes. name: what somebody calls it. user: whose table it is in, None
    for the agent's own. job_id: from the mark behind the line, None for one that has no mark yet.

    table: where it stands, None for the agent's own table. env, shell, timezone: in force for it, as far as they are not for
    the agent's lines. obstacle: why it cannot be adopted. note: what to know before. is_set_aside: it was adopted, and stands
    in a comment.
    """

    line_hash: str
    schedule: str
    command: str
    name: str | None = None
    user: str | None = None
    job_id: str | None = None
    table: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    shell: str | None = None
    timezone: str | None = None
    obstacle: str | None = None
    note: str | None = None
    is_set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A job of the repository. is_ours: this endpoint found it, and nobody has adopted it."""

    job: Job
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line. job: None where no manifest can hold it; problem says why. Also None for one that is set aside
    although nothing defines its job any more."""

    found: Found
    job: Job | None
    state: Literal["added", "changed", "unchanged", "adopted", "refused"]
    problem: str | None = None


def original_command(job: Job) -> bytes | None:
    """Return what the line of an adopted job ran, None where nobody noted it."""
    line = crontab_lines.read_line(job.annotations.get(ORIGINAL, "").encode())
    return line.command if line.kind == "job" else None


def judge(endpoint: Endpoint, report: Sequence[Found], known: Mapping[str, Known]) -> list[Outcome]:
    """Return what becomes of each line of a report, in its order; the same report changes nothing the second time.

    known: the repository's jobs by id. Raise Conflict if two lines have the same mark.
    """
    report = [_with_own_id(endpoint, found, known) for found in report]
    job_ids = [found.job_id or made for found, made in zip(report, _made_ids(endpoint, report), strict=True)]
    _refuse_twins(job_ids, report)
    return [_outcome(endpoint, found, job_id, known.get(job_id)) for found, job_id in zip(report, job_ids, strict=True)]


def _with_own_id(endpoint: Endpoint, found: Found, known: Mapping[str, Known]) -> Found:
    """Return the line without a mark that came with a table copied from another machine."""
    there = known.get(found.job_id or "")
    is_theirs = there is not None and there.job.annotations.get(ENDPOINT, endpoint.endpoint_id) != endpoint.endpoint_id
    return replace(found, job_id=None) if is_theirs else found


def _made_ids(endpoint: Endpoint, report: Iterable[Found]) -> list[str]:
    """Return for each line an id that follows from where it was found and what it runs, so that a repetition gives the same.

    A schedule may change and the job is the same; of equal commands the first, second and so on are told apart.
    """
    marked = {found.job_id for found in report}
    seen: Counter[tuple[str | None, str]] = Counter()
    made = []
    for found in report:
        what = (found.user, found.command)
        while (job_id := _made_id(endpoint, found, seen[what])) in marked and not found.job_id:
            seen[what] += 1
        seen[what] += 1
        made.append(job_id)
    return made


def _made_id(endpoint: Endpoint, found: Found, number: int) -> str:
    facts = ("discovered", endpoint.tenant_id, endpoint.endpoint_id, found.user or "", found.command, str(number))
    return ids.uuid4_from(hashlib.sha256("\0".join(facts).encode()).digest())


def _refuse_twins(job_ids: Sequence[str], report: Sequence[Found]) -> None:
    twins = [number for number, job_id in enumerate(job_ids) if job_ids.count(job_id) > 1 and report[number].job_id]
    if twins:
        words = "stands behind two lines of this report; take the mark off the copy"
        raise Conflict("two lines have the same mark", problems={f"jobs.{number}.id": words for number in twins})


def _outcome(endpoint: Endpoint, found: Found, job_id: str, known: Known | None) -> Outcome:
    if found.is_set_aside:
        # Just released, it is not back in its place yet. Just deleted, it does not come back.
        return Outcome(found, known.job if known else None, "unchanged" if known and known.is_ours else "adopted")
    if known and not known.is_ours:
        return Outcome(found, known.job, "adopted")
    try:
        job = _job(endpoint, found, job_id, known.job if known else None)
        manifest.parse(manifest.dump(job).encode(), names.manifest_path(job.namespace, job.name), strict=True)
    except Invalid as e:
        words = "; ".join(f"{place}: {problem.partition(' (line ')[0]}" for place, problem in e.problems.items())
        return Outcome(found, known.job if known else None, "refused", words)
    if known is None:
        return Outcome(found, job, "added")
    return Outcome(found, job, "unchanged" if job == known.job else "changed")


def _job(endpoint: Endpoint, found: Found, job_id: str, before: Job | None) -> Job:
    """Return the job of a line; what people wrote into its manifest meanwhile stays."""
    job = before or Job(
        id=job_id,
        name=_name(found, job_id),
        namespace=names.DISCOVERED,
        labels={"source": names.DISCOVERED},
    )
    kept = {key: value for key, value in job.annotations.items() if key not in _TOLD}
    return replace(
        job,
        schedule=found.schedule,
        command=found.command,
        user=found.user,
        env=found.env,
        shell=found.shell or "/bin/sh",
        timezone=found.timezone,
        # Adopted, it goes on where it was found, and nowhere else.
        selector={"endpoint": (endpoint.endpoint_id,)},
        annotations={**kept, **_notes(endpoint, found)},
    )


def _notes(endpoint: Endpoint, found: Found) -> dict[str, str]:
    is_read_differently = "%" in found.command or "\\\\" in found.command
    notes = {
        ENDPOINT: endpoint.endpoint_id,
        LINE: found.line_hash,
        TABLE: found.table,
        CRON: endpoint.facts.scheduler if is_read_differently else None,
        OBSTACLE: found.obstacle,
        NOTE: found.note,
    }
    return {key: value for key, value in notes.items() if value}


def adopted(job: Job, namespace: str) -> Job:
    """Return the discovered job as one of ours: it does what its line did. Raise Conflict if it cannot."""
    if why := job.annotations.get(OBSTACLE):
        raise Conflict(f"{job.reference} cannot be adopted: {why}")
    command = crontab_commands.for_manifest(job.command or "", job.shell, job.annotations.get(CRON))
    if command is None:
        raise Conflict(
            f"{job.reference} cannot be adopted: its % begins input, which {job.shell} cannot be given in a manifest"
        )
    labels = {key: value for key, value in job.labels.items() if key != "source"}
    notes = {key: value for key, value in job.annotations.items() if key != NOTE} | {ORIGINAL: f"{job.schedule} {job.command}"}
    return replace(job, namespace=namespace, labels=labels, annotations=notes, command=command)


def released(job: Job) -> Job:
    """Return an adopted job as the discovered one that it was. Raise Conflict if it never was one."""
    line = crontab_lines.read_line(job.annotations.get(ORIGINAL, "").encode())
    if job.is_discovered or not job.annotations.get(ENDPOINT) or line.kind != "job":
        raise Conflict(f"{job.reference} is no adopted job; there is nothing to release")
    return replace(
        job,
        namespace=names.DISCOVERED,
        labels={**job.labels, "source": names.DISCOVERED},
        annotations={key: value for key, value in job.annotations.items() if key != ORIGINAL},
        schedule=line.schedule.decode(),
        command=line.command.decode(),
        enabled=True,
        paused=False,
    )


def _name(found: Found, job_id: str) -> str:
    """Return a name that no other endpoint's job has: readable in front, a part of the id behind."""
    program = found.command.split()[:1] or ["job"]
    slug = _slug(found.name or "") or _slug(program[0].rpartition("/")[2]) or "job"
    return f"{slug}-{job_id[:_MARK_DIGITS]}"


def _slug(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return plain[: names.MAX_NAME - _MARK_DIGITS - 1].strip("-")
