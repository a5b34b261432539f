"""A report of what an endpoint found in its crontab becomes one commit under `discovered/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain import discovery, manifest, manifest_patch, names, quotas
from chalicelib.domain.discovery import Found, Known, Outcome
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict
from chalicelib.forgejo.files import Author, FileChange
from chalicelib.services import endpoints, jobs
from chalicelib.services.jobs import Listing, StoredJob
from chalicelib.services.repository import Change, Repository
from chalicelib.services.sessions import Caller

MAX_REPORT = quotas.MAX_DISCOVERED
# An endpoint that reports twice at once meets its own twin.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Discovered:
    """outcomes: for each line, in the order of the report. removed: jobs that are in the crontab no more.

    commit: the one that holds it all, None in an empty repository that nothing was added to.
    """

    outcomes: tuple[Outcome, ...]
    removed: tuple[StoredJob, ...]
    commit: str | None


def report(
    repository: Repository, caller: Caller, endpoint_id: str, found: Sequence[Found], request_id: str, *, is_complete: bool
) -> Discovered:
    """Bring the manifests of an endpoint's discovered jobs in line with its report, in one commit or none.

    is_complete: the report holds everything, so that what is missing is gone. Raise Forbidden if the caller is another
    endpoint, Conflict if two lines have the same mark or the tenant would have too many jobs.
    """
    endpoints.refuse_other(caller, endpoint_id)
    endpoint = endpoints.load(caller, endpoint_id)
    for attempt in range(_TRIES):
        listing = jobs.list_jobs(repository)
        try:
            return _bring_in_line(repository, listing, endpoint, found, request_id, is_complete=is_complete)
        except Conflict as e:
            if e.problems or e.code == "limit_reached" or attempt == _TRIES - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _bring_in_line(
    repository: Repository, listing: Listing, endpoint: Endpoint, found: Sequence[Found], request_id: str, *, is_complete: bool
) -> Discovered:
    stored = {one.job.id: one for one in listing.jobs if one.job.id}
    ours = {job_id: one for job_id, one in stored.items() if _is_of(one, endpoint)}
    known = {job_id: Known(one.job, job_id in ours) for job_id, one in stored.items()}
    outcomes = discovery.judge(endpoint, found, known)
    still_there = {outcome.job.id for outcome in outcomes if outcome.job}
    removed = [one for job_id, one in ours.items() if job_id not in still_there] if is_complete else []
    changes = [change for outcome in outcomes if (change := _change(outcome, stored))]
    changes += [FileChange(one.path, sha=one.sha) for one in removed]
    added = sum(outcome.state == "added" for outcome in outcomes)
    if added > len(removed):
        jobs.refuse_more(listing, added - len(removed))
    if not changes:
        return Discovered(tuple(outcomes), (), listing.commit)
    author = Author(endpoint.facts.name, f"{endpoint.endpoint_id}@endpoints.crontopus.invalid")
    subject = _subject(outcomes, len(removed), endpoint.facts.name)
    commit = repository.commit(changes, subject, Change(author, request_id)).sha
    return Discovered(tuple(outcomes), tuple(removed), commit)


def _is_of(stored: StoredJob, endpoint: Endpoint) -> bool:
    return jobs.is_discovered(stored.job) and stored.job.annotations.get(discovery.ENDPOINT) == endpoint.endpoint_id


def _change(outcome: Outcome, stored: Mapping[str, StoredJob]) -> FileChange | None:
    job = outcome.job
    if job is None or outcome.state not in ("added", "changed"):
        return None
    before = stored.get(job.id or "")
    if before is None:
        return FileChange(names.manifest_path(job.namespace, job.name), manifest.dump(job).encode())
    return FileChange(before.path, manifest_patch.patched(before.raw, before.job, job, before.path).encode(), before.sha)


def _subject(outcomes: Sequence[Outcome], removed: int, endpoint: str) -> str:
    counts = {"add": 0, "change": 0, "remove": removed}
    for outcome in outcomes:
        counts["add"] += outcome.state == "added"
        counts["change"] += outcome.state == "changed"
    words = ", ".join(f"{verb} {count}" for verb, count in counts.items() if count)
    return f"Discovered on {endpoint}: {words}"
