"""Making checks: jobs that no agent runs, committed like any other."""

import re
from collections.abc import Callable

from chalicelib import config
from chalicelib.domain import checks, checks_fields, manifest, names
from chalicelib.domain.checks_fields import Wanted
from chalicelib.domain.errors import Conflict, Invalid, Malformed, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import Author
from chalicelib.services import doors, jobs, pings_lookup
from chalicelib.services.jobs import Listing, StoredJob
from chalicelib.services.repository import Change, Repository

# Nobody but the ping's URL says who it was.
PINGED = Author("Crontopus", "noreply@crontopus.invalid")
_SLUG = re.compile(r"[a-z0-9_-]{1,63}")
TRIES = 3

Random = Callable[[int], bytes]


def for_slug(tenant_id: str, slug: str, random: Random, request_id: str) -> tuple[str, bool]:
    """Return the id of the tenant's job of this slug in the namespace default, and whether it was made just now.

    Raise Malformed for a slug that no job may have, NotFound for another namespace, Unavailable.
    """
    namespace, _, slug = slug.rpartition(".")
    if namespace not in ("", names.DEFAULT):
        raise NotFound("not found")
    if not _SLUG.fullmatch(slug):
        raise Malformed("invalid url format")
    repository = Repository(doors.forge(), config.load().forge_organization, tenant_id)
    for _ in range(TRIES):
        listing = jobs.list_jobs(repository)
        stored, is_new = _existing(listing, slug), False
        if stored is None:
            try:
                stored, is_new = _made(repository, listing, slug, random, request_id), True
            except Conflict as e:
                if e.code == "limit_reached":
                    raise
                continue
        pings_lookup.follow_now(tenant_id, stored.job, stored.path, stored.sha)
        return stored.job.id or "", is_new
    raise Conflict("this job is being made by others too; try again")


def _existing(listing: Listing, slug: str) -> StoredJob | None:
    here = [stored for stored in listing.jobs if stored.job.namespace == names.DEFAULT and stored.job.id]
    return next((stored for stored in here if checks.slug_of(stored.job) == slug), None)


def _made(repository: Repository, listing: Listing, slug: str, random: Random, request_id: str) -> StoredJob:
    job = checks_fields.new_job(_free_name(listing, slug), slug)
    return jobs.create_job(repository, job, Change(PINGED, request_id), random)[0]


def create(repository: Repository, listing: Listing, wanted: Wanted, change: Change, random: Random) -> StoredJob:
    """Commit a new check and return it. Raise Invalid naming the caller's fields."""
    name = _free_name(listing, wanted.slug or wanted.name or "")
    job = checks_fields.changed(checks_fields.new_job(name, name), wanted)
    refuse_bad(job)
    return jobs.create_job(repository, job, change, random)[0]


def refuse_bad(job: Job) -> None:
    """Raise Invalid, naming the caller's fields, if a manifest may not say what this job would."""
    try:
        manifest.parse(manifest.dump(job).encode(), names.manifest_path(job.namespace, job.name), strict=True)
    except Invalid as e:
        fields = checks_fields.FIELDS
        raise Invalid.of({fields.get(place, place): _without_place(words) for place, words in e.problems.items()}) from e


def _without_place(words: str) -> str:
    """Return what is wrong without the line it stands in: the caller wrote no file."""
    return re.sub(r" \(line \d+, column \d+\)$", "", words)


def _free_name(listing: Listing, text: str) -> str:
    here = {stored.job.name for stored in listing.jobs if stored.job.namespace == names.DEFAULT}
    broken = {item.path.rpartition("/")[2].rpartition(".")[0] for item in listing.broken}
    return checks_fields.file_name(text, here | broken)
