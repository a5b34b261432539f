"""Checks as healthchecks' management API sees them: jobs that report by ping, with what their pings have told."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from chalicelib.domain import checks, checks_fields
from chalicelib.domain.checks import Check
from chalicelib.domain.checks_fields import Wanted
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.domain.pings import Kept, text_of
from chalicelib.services import checks_creation, job_changes, jobs, pings_lookup
from chalicelib.services.jobs import Listing, StoredJob
from chalicelib.services.pings_lookup import Stored
from chalicelib.services.repository import Change, Repository
from chalicelib.store import pings as ping_store
from chalicelib.store import runs as run_store

MAX_PINGS = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A check with its job."""

    job: Job
    check: Check


def list_checks(repository: Repository, slug: str | None, tags: Collection[str]) -> list[Shown]:
    """Return the checks, or those of this slug that have all of these tags."""
    listing = jobs.list_jobs(repository)
    if listing.commit:
        sync(repository, listing)
    found = [stored for stored in listing.jobs if stored.job.is_pinged and stored.job.id]
    found = [stored for stored in found if slug is None or checks.slug_of(stored.job) == slug]
    found = [stored for stored in found if set(tags) <= set(checks_fields.tags_of(stored.job).split())]
    return _shown(repository, found)


def sync(repository: Repository, listing: Listing) -> pings_lookup.Synced:
    """Bring what ping URLs lead to up to a listing."""
    stored = [Stored(item.job, item.path, item.sha) for item in listing.jobs]
    return pings_lookup.sync_lookups(repository.tenant_id, stored, [item.path for item in listing.broken])


def load_check(repository: Repository, key: str) -> Shown:
    """Return one check by its uuid or its unique key. Raise NotFound."""
    return _shown(repository, [_stored(jobs.list_jobs(repository), key)])[0]


def create_or_update(
    repository: Repository, wanted: Wanted, unique: Collection[str], change: Change, random: Callable[[int], bytes]
) -> tuple[Shown, bool]:
    """Return the check with the wanted values, and whether it is new.

    unique: fields by which one that is there already is found and then changed. Raise Invalid.
    """
    listing = jobs.list_jobs(repository)
    here = [stored for stored in listing.jobs if stored.job.is_pinged and stored.job.id]
    match = next((stored for stored in here if checks_fields.matches(stored.job, wanted, unique)), None) if unique else None
    if match:
        return _update(repository, match, wanted, change), False
    return _shown(repository, [checks_creation.create(repository, listing, wanted, change, random)])[0], True


def update(repository: Repository, key: str, wanted: Wanted, change: Change) -> Shown:
    """Change a check and return it. Raise NotFound, Invalid."""
    return _update(repository, _stored(jobs.list_jobs(repository), key), wanted, change)


def _update(repository: Repository, stored: StoredJob, wanted: Wanted, change: Change) -> Shown:
    job = checks_fields.changed(stored.job, wanted)
    checks_creation.refuse_bad(job)
    after, _ = job_changes.update_job(repository, stored.job.namespace, stored.job.name, job, change, stored.sha)
    return _shown(repository, [after])[0]


def set_paused(repository: Repository, key: str, change: Change, *, paused: bool) -> Shown:
    """Pause a check or end its pause, and return it. Raise NotFound, Conflict if one that is not paused is to be resumed."""
    before = load_check(repository, key)
    if not paused and not before.check.is_paused:
        raise Conflict("check is not paused")
    job = before.job
    after, _ = job_changes.set_paused(repository, job.namespace, job.name, change, paused=paused)
    return _shown(repository, [after])[0]


def delete(repository: Repository, key: str, change: Change) -> Shown:
    """Delete a check and return what it was. Raise NotFound."""
    before = load_check(repository, key)
    jobs.delete_job(repository, before.job.namespace, before.job.name, change)
    return before


def list_pings(repository: Repository, job_id: str) -> list[Kept]:
    """Return the last pings of a job, be it a check or one that agents run, newest first. Raise NotFound."""
    return ping_store.list_kept(_state_of(repository, job_id))


def body_of(repository: Repository, job_id: str, number: int) -> str:
    """Return what was sent with a ping, as text. Raise NotFound if the ping, or its body, is not kept."""
    ping = ping_store.find_kept(_state_of(repository, job_id), number)
    if ping and ping.body:
        return text_of(ping.body)
    run = run_store.find(repository.tenant_id, job_id, ping.run_id) if ping and ping.has_body and ping.run_id else None
    if run is None or run.output is None:
        raise NotFound("not found")
    return run.output


def _state_of(repository: Repository, job_id: str) -> Check:
    found = ping_store.find(job_id)
    if found is None or found.is_retired or found.check.definition.tenant_id != repository.tenant_id:
        raise NotFound("not found")
    return found.check


def _stored(listing: Listing, key: str) -> StoredJob:
    for stored in listing.jobs:
        job = stored.job
        if job.is_pinged and job.id and key in (job.id, checks.unique_key(job.id)):
            return stored
    raise NotFound("not found")


def _shown(repository: Repository, found: list[StoredJob]) -> list[Shown]:
    known = ping_store.load_many([stored.job.id for stored in found if stored.job.id])
    shown = []
    for stored in found:
        definition = pings_lookup.definition_of(repository.tenant_id, Stored(stored.job, stored.path, stored.sha))
        if definition is None:
            continue
        state = known.get(definition.job_id)
        is_ours = state is not None and state.definition.tenant_id == repository.tenant_id
        shown.append(Shown(stored.job, Check(definition, state.state) if state and is_ours else Check(definition)))
    return shown
