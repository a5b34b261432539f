"""Tending a repository after a push: ids for jobs that have none, and a verdict on the commit where its author looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.domain import ids, manifest_edits
from chalicelib.forgejo.files import Author, FileChange
from chalicelib.services import checks, pings_resume
from chalicelib.services.jobs import Listing, doubles, list_jobs
from chalicelib.services.repository import Repository

AUTHOR = Author("Crontopus", "noreply@crontopus.invalid")
CONTEXT = "crontopus/manifests"
MAX_DESCRIPTION = 250


@dataclass(frozen=True, slots=True)
class Tended:
    """commit: the one that was judged, None in an empty repository. given: how many jobs got an id. problems: in words."""

    commit: str | None
    given: int
    problems: tuple[str, ...]


def tend(repository: Repository, random: Callable[[int], bytes], request_id: str) -> Tended:
    """Give ids to jobs that were pushed without one, in one commit, and put a status on the newest commit.

    Twice is the same as once: a job that has its id keeps it. Raise Conflict if somebody committed meanwhile, Unavailable.
    """
    listing = list_jobs(repository)
    if listing.commit is None:
        return Tended(None, 0, ())
    changes = [
        FileChange(stored.path, edited, stored.sha)
        for stored in listing.jobs
        if stored.job.id is None
        and (edited := manifest_edits.with_id(stored.raw.encode(), stored.path, ids.uuid4_from(random(16))))
    ]
    commit = listing.commit
    if changes:
        message = f"Give {_counted(len(changes), 'job')} an id\n\nCrontopus-Request-Id: {request_id}\n"
        commit = repository.forge.commit(repository.owner, repository.name, changes, message, AUTHOR).sha
        listing = list_jobs(repository)
    synced = checks.sync(repository, listing)
    commit = pings_resume.commit_resumed(repository, listing, synced.resumed, request_id) or commit
    problems = _problems(listing, {change.path for change in changes}) + _foreign(synced.foreign)
    _judge(repository, commit, problems, len(listing.jobs))
    return Tended(commit, len(changes), problems)


def _problems(listing: Listing, mended: set[str]) -> tuple[str, ...]:
    files = (*listing.broken, *doubles(listing))
    broken = [f"{item.path}: {field}: {words}" for item in files for field, words in item.problems.items()]
    nameless = [
        f"{stored.path}: metadata.id: is missing and could not be added; add a UUID of version 4"
        for stored in listing.jobs
        if stored.job.id is None and stored.path not in mended
    ]
    return tuple(broken + nameless)


def _foreign(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{path}: metadata.id: belongs to a job of another tenant; a copy needs an id of its own" for path in paths)


def _judge(repository: Repository, commit: str, problems: tuple[str, ...], jobs: int) -> None:
    words = f"{_counted(len(problems), 'problem')}; {problems[0]}" if problems else f"{_counted(jobs, 'job')}, all good"
    state = "failure" if problems else "success"
    repository.forge.set_status(repository.owner, repository.name, commit, state, CONTEXT, words[:MAX_DESCRIPTION])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("s" if count != 1 else "")
