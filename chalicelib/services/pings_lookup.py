"""What ping URLs lead to: a copy of each manifest's facts in the table of pings, so that a ping needs no forge.

The repository is the truth. The copy follows what is committed through us at once, and what is pushed at the next look into the
repository; see docs/adr/0012.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib import config
from chalicelib.domain import checks
from chalicelib.domain.checks import Check, Definition, State
from chalicelib.domain.errors import Conflict, CrontopusError, Unavailable
from chalicelib.domain.manifest import Job
from chalicelib.logs import log
from chalicelib.store import pings as ping_store
from chalicelib.store.pings import Entry

# A listing may be older than what was committed while it was read.
YOUNG = timedelta(minutes=2)
TRIES = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """A job as it stands in the repository. sha: of the file's blob."""

    job: Job
    path: str
    sha: str


@dataclass(frozen=True, slots=True)
class Synced:
    """resumed: ids of jobs whose pause a ping has ended. foreign: paths of jobs whose id another tenant's job has."""

    resumed: frozenset[str] = frozenset()
    foreign: tuple[str, ...] = ()


def public_url() -> str:
    """Return where this API is reached."""
    return config.load().public_url


def ping_url(job_id: str) -> str:
    """Return the URL that takes pings for a job."""
    return f"{public_url()}/ping/{job_id}"


def definition_of(tenant_id: str, stored: Stored) -> Definition | None:
    """Return what a ping has to know of a stored job, None while it has no id."""
    return checks.definition_of(tenant_id, stored.job, stored.path, stored.sha, config.ping_body_limit())


def follow(tenant_id: str, job: Job, path: str, sha: str) -> None:
    """Follow a job that was just committed through us. A failure is no failure of the commit: the next look mends it."""
    try:
        follow_now(tenant_id, job, path, sha)
    except CrontopusError as e:
        log.warning("ping lookup not written", extra={"tenant_id": tenant_id, "job": job.reference, "why": e.message})


def follow_now(tenant_id: str, job: Job, path: str, sha: str) -> None:
    """Follow a job whose file's `paused` is meant. Raise Conflict if its id is another tenant's, Unavailable."""
    if not _follow(tenant_id, Stored(job, path, sha), is_settled=True):
        raise Conflict(f"the id of {job.reference} is taken; a copied manifest needs an id of its own")


def forget(tenant_id: str, job: Job) -> None:
    """Follow a deletion that was just committed through us, as far as that can be done now."""
    try:
        found = ping_store.find(job.id) if job.id else None
        if found and not found.is_retired and found.check.definition.tenant_id == tenant_id:
            ping_store.retire(tenant_id, found.check.definition.job_id, found.check.definition.sha, datetime.now(UTC))
    except CrontopusError as e:
        log.warning("ping lookup not removed", extra={"tenant_id": tenant_id, "job": job.reference, "why": e.message})


def sync_lookups(tenant_id: str, jobs: Iterable[Stored], broken_paths: Iterable[str] = ()) -> Synced:
    """Bring the tenant's lookups to what its newest commit says. One query if nothing has changed.

    A file that cannot be read keeps what its job had. Raise Unavailable.
    """
    now, broken = datetime.now(UTC), set(broken_paths)
    known = {entry.job_id: entry for entry in ping_store.entries(tenant_id)}
    wanted = {stored.job.id: stored for stored in reversed(list(jobs)) if stored.job.id}
    foreign = []
    for job_id, stored in wanted.items():
        entry = known.get(job_id)
        is_known = entry is not None and (entry.sha, entry.path) == (stored.sha, stored.path)
        if not is_known and not _follow(tenant_id, stored, is_settled=False):
            foreign.append(stored.path)
    for entry in known.values():
        if entry.job_id not in wanted and entry.path not in broken and now - entry.followed_at > YOUNG:
            ping_store.retire(tenant_id, entry.job_id, entry.sha, now)
    resumed = frozenset(entry.job_id for entry in known.values() if _is_to_resume(entry, wanted))
    return Synced(resumed, tuple(foreign))


def _is_to_resume(entry: Entry, wanted: dict[str, Stored]) -> bool:
    return entry.is_resumed and entry.job_id in wanted and wanted[entry.job_id].job.paused


def _follow(tenant_id: str, stored: Stored, *, is_settled: bool) -> bool:
    """Write what a job's manifest says; False if its id is another tenant's."""
    definition = definition_of(tenant_id, stored)
    if definition is None:
        return True
    for _ in range(TRIES):
        found = ping_store.find(definition.job_id)
        before = found.check if found else None
        if before and before.definition.tenant_id != tenant_id:
            if found and not found.is_retired:
                log.warning("job id of another tenant", extra={"tenant_id": tenant_id, "path": stored.path})
                return False
            before = None
        expected = before if found and not found.is_retired else None
        if ping_store.define(definition, _state(before, definition, is_settled), datetime.now(UTC), expected=expected):
            return True
    raise Unavailable("this check is pinged faster than it can be changed; try again")


def _state(before: Check | None, after: Definition, is_settled: bool) -> State:
    return checks.followed(before.state, before.definition, after, is_settled=is_settled) if before else State()
