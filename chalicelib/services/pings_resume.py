"""What pings have ended, written down: a ping ends a pause at once and without the forge, the next look commits it."""

from collections.abc import Collection
from dataclasses import replace

from chalicelib.domain import manifest_patch
from chalicelib.forgejo.files import FileChange
from chalicelib.services import pings_lookup
from chalicelib.services.checks_creation import PINGED
from chalicelib.services.jobs import Listing
from chalicelib.services.repository import Change, Repository


def commit_resumed(repository: Repository, listing: Listing, job_ids: Collection[str], request_id: str) -> str | None:
    """Commit the end of these jobs' pauses and return the commit, None if there is none. Raise Conflict, Unavailable."""
    paused = [stored for stored in listing.jobs if stored.job.id in job_ids and stored.job.paused]
    if not paused:
        return None
    ended = {stored.path: replace(stored.job, paused=False) for stored in paused}
    changes = [
        FileChange(item.path, manifest_patch.patched(item.raw, item.job, ended[item.path], item.path).encode(), item.sha)
        for item in paused
    ]
    names = paused[0].job.reference if len(paused) == 1 else f"{len(paused)} jobs"
    commit = repository.commit(changes, f"Resume {names}: pinged again", Change(PINGED, request_id))
    for path, job in ended.items():
        pings_lookup.follow(repository.tenant_id, job, path, commit.blobs[path])
    return commit.sha
