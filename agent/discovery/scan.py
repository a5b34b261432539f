"""What stands in tables beside our own lines: which jobs, under which names, and what held for them. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agent.discovery import markers
from agent.discovery.lines import line_hash
from agent.discovery.tables import Table
from chalicelib.domain import crontab_commands, crontab_lines, crontab_marks
from chalicelib.domain.crontab_lines import Placed

# What is meant for cron, and no variable of the job's.
_FOR_CRON = frozenset(
    (b"MAILTO", b"MAILFROM", b"CRON_TZ", b"RANDOM_DELAY", b"CONTENT_TYPE", b"CONTENT_TRANSFER_ENCODING", b"LOGNAME", b"USER")
)
_NAME = re.compile(rb"(?!CRONTOPUS_)[A-Za-z_][A-Za-z0-9_]*")
_FOLDING_KNOWN = frozenset({"debian", "cronie", "busybox", "systemd-cron"})
_MAX_WORDS = 500


@dataclass(frozen=True, slots=True)
class Circumstances:
    """home: of the agent's user. flavour: whose cron. zone_variable: see flavours. host_zone: cron's own, None if unknown.

    is_text: this cron takes a carriage return for the end of a line.
    """

    home: str = "/root"
    flavour: str | None = None
    zone_variable: str | None = None
    host_zone: str | None = None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """One job's line. table: None for our own; number: of the line in it. job_id: from its mark.

    unmarked: why it cannot bear a mark, None if it can or does. The rest is what is reported, see POST
    /api/endpoints/{endpoint_id}/discovered-jobs.
    """

    table: str | None
    number: int
    line_hash: str
    schedule: str
    command: str
    name: str
    user: str | None = None
    job_id: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    shell: str | None = None
    timezone: str | None = None
    obstacle: str | None = None
    note: str | None = None
    unmarked: str | None = None
    is_set_aside: bool = False


def look(own: bytes, others: Iterable[Table], known: Collection[str], here: Circumstances) -> list[Sighting]:
    """Return the jobs of all tables. own: the foreign part of our own. known: ids that we have told of before."""
    at_end = crontab_lines.variables_at_end(own)
    found = list(_of_own(own, known, at_end, here))
    for table in others:
        for placed in crontab_lines.jobs(table.content, has_users=table.user is None):
            if not markers.is_wrapped(placed.line.raw):
                user = table.user or placed.line.user.decode(errors="replace")
                seen = replace(_sighting(placed, at_end, here), table=table.place, user=user)
                found.append(replace(seen, unmarked=f"{table.place} is not ours to write"))
    return found


def _of_own(own: bytes, known: Collection[str], at_end: Mapping[bytes, bytes], here: Circumstances) -> Iterator[Sighting]:
    rows = own.split(b"\n")
    alien = markers.rows_of_other_agents(rows) if b"# BEGIN CRONTOPUS" in own else frozenset()
    asides = {number: aside for number, row in enumerate(rows, 1) if (aside := crontab_marks.aside_of(row))}
    # Lines set aside are read in their places, so that the variables above them hold.
    table = b"\n".join(asides[number][1] if number in asides else row for number, row in enumerate(rows, 1))
    seen = {job_id for job_id, _ in asides.values()}
    told: set[str] = set()
    for placed in crontab_lines.jobs(table):
        number = placed.line.number
        if number - 1 in alien or markers.is_wrapped(placed.line.raw):
            continue
        if number in asides:
            if (job_id := asides[number][0]) not in told:
                told.add(job_id)
                yield replace(_sighting(placed, at_end, here), job_id=job_id, is_set_aside=True)
            continue
        job_id = crontab_marks.id_of(placed.line.raw) or ""
        if alien and job_id and job_id not in known:
            continue  # the other agent's
        bare = replace(placed, line=crontab_lines.read_line(crontab_marks.unmarked(placed.line.raw), number))
        yield replace(_sighting(bare, at_end, here), job_id=None if job_id in seen else job_id or None)
        seen |= {job_id} - {""}


def _sighting(placed: Placed, at_end: Mapping[bytes, bytes], here: Circumstances) -> Sighting:
    line = placed.line
    command, above = _text(line.command), _text(placed.above)
    env, notes = _environment(placed.variables, at_end, here)
    is_cr = here.is_text and b"\r" in line.raw
    return Sighting(
        table=None,
        number=line.number,
        line_hash=line_hash(line.raw),
        schedule=_text(line.schedule),
        command=command,
        name=crontab_commands.name_of(command, re.sub(r"^\s*#\s*CRONTOPUS:(?:.*:)?", "", above))[:255],
        env=env,
        shell=_text(placed.shell) if placed.shell != crontab_lines.DEFAULT_SHELL else None,
        timezone=_zone(placed.variables, at_end, here),
        obstacle=_obstacle(placed, here),
        note="; ".join(notes)[:_MAX_WORDS] or None,
        unmarked="its cron takes the carriage return in it for an end of line" if is_cr else crontab_marks.obstacle(placed),
    )


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _environment(
    held: Mapping[bytes, bytes], at_end: Mapping[bytes, bytes], here: Circumstances
) -> tuple[dict[str, str], list[str]]:
    """Return the variables that a line has and ours would not, and in words what cannot be said by variables."""
    by_default = {b"PATH": b"/usr/bin:/bin", b"HOME": here.home.encode(), b"SHELL": crontab_lines.DEFAULT_SHELL}
    wanted = {name: value for name, value in held.items() if at_end.get(name) != value}
    wanted |= {name: value for name, value in by_default.items() if name in at_end and name not in held}
    later = sorted(at_end.keys() - held.keys() - by_default.keys() - _FOR_CRON)
    notes = [f"{_text(name)} is set further down; adopted, the job would have it too" for name in later]
    if held.get(b"MAILTO") != at_end.get(b"MAILTO"):
        to = [_text(held.get(b"MAILTO", b"its user")) or "nobody", _text(at_end.get(b"MAILTO", b"its user")) or "nobody"]
        notes.append(f"its output is mailed to {to[0]}; adopted, to {to[1]}")
    odd = [name for name in wanted if name not in _FOR_CRON and not _NAME.fullmatch(name)]
    notes += [f"its variable {_text(name)} has a name that no manifest can hold" for name in odd]
    kept = {name: value for name, value in wanted.items() if name not in _FOR_CRON and name not in odd}
    return {_text(name): _text(value) for name, value in kept.items()}, notes


def _zone(held: Mapping[bytes, bytes], at_end: Mapping[bytes, bytes], here: Circumstances) -> str | None:
    """Return the zone that is in force for a line, None for the machine's."""
    if here.zone_variable is None:
        return None
    variable = here.zone_variable.encode()
    if variable in held:
        return _text(held[variable])
    return here.host_zone if variable in at_end else None


def _obstacle(placed: Placed, here: Circumstances) -> str | None:
    raw = placed.line.raw + b"".join(placed.variables.values())
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "it holds bytes that are no UTF-8, which a manifest cannot hold"
    if b"\0" in raw:
        return "it holds a NUL byte, which a manifest cannot hold"
    if b"\\\\" in placed.line.command and here.flavour not in _FOLDING_KNOWN:
        return "whether this cron makes one backslash of two is not known"
    return None
