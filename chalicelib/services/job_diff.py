"""What changed between two versions of a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from chalicelib.domain import manifest, manifest_patch
from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.services import jobs
from chalicelib.services.job_history import PastVersion, read_history
from chalicelib.services.repository import Repository


@dataclass(frozen=True, slots=True)
class Version:
    """A manifest as it stood in one commit. commit, path: None where there was no such job."""

    commit: str | None
    path: str | None
    text: str

    @property
    def job_id(self) -> str | None:
        fields = self.fields or {}
        return fields.get("metadata.id")

    @property
    def fields(self) -> dict[str, Any] | None:
        """The fields by their place, None if the manifest cannot be read."""
        if self.path is None:
            return {}
        try:
            return manifest_patch.fields(manifest.parse(self.text.encode(), self.path, strict=False).job)
        except Invalid:
            return None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """before, after: as the manifest says them, None where a field is at its default."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class JobDiff:
    """text: a unified diff, empty if nothing changed. changes: None if one of the manifests cannot be read."""

    before: Version
    after: Version
    text: str
    changes: tuple[FieldChange, ...] | None


_NOTHING = Version(None, None, "")


def diff_job(repository: Repository, namespace: str, name: str, older: str | None, newer: str | None) -> JobDiff:
    """Return what changed between two commits.

    Left out, `newer` is the last one that touched the file, and `older` the one that touched it before; if only `newer` is
    named, `older` is its parent. Raise NotFound if the job was not there in a commit that was named.
    """
    versions = _last_two(repository, namespace, name)
    places = {version.commit.sha: version.path for version in versions}
    known = [*places, None]
    if newer and newer != known[0]:
        older = older or repository.forge.read_commit(repository.owner, repository.name, newer).parent
    after = _version(repository, newer or versions[0].commit.sha, places, versions[0].path, None)
    older = older or known[1]
    before = _version(repository, older, places, after.path or versions[0].path, after.job_id) if older else _NOTHING
    return JobDiff(before, after, _text(before, after), _changes(before, after))


def _last_two(repository: Repository, namespace: str, name: str) -> tuple[PastVersion, ...]:
    past = read_history(repository, namespace, name, 2)
    if len(past.versions) == 1 and past.next:
        return past.versions + read_history(repository, namespace, name, 1, past.next).versions
    return past.versions


def _version(repository: Repository, commit: str, places: Mapping[str, str], path: str, job_id: str | None) -> Version:
    """Return the manifest at a commit, wherever the job lay then; an empty one if that very commit removed it."""
    path = places.get(commit, path)
    try:
        file = repository.forge.read_file(repository.owner, repository.name, path, commit)
        return Version(commit, path, file.content.decode(errors="replace"))
    except NotFound:
        if commit in places:
            return Version(commit, None, "")
    listing = jobs.read_commit(repository, commit)
    stored = next((stored for stored in listing.jobs if job_id and stored.job.id == job_id), None)
    if stored is None:
        raise NotFound(f"the job was not there in commit {commit}")
    return Version(commit, stored.path, stored.raw)


def _text(before: Version, after: Version) -> str:
    names = (f"a/{before.path}" if before.path else "/dev/null", f"b/{after.path}" if after.path else "/dev/null")
    lines = unified_diff(before.text.splitlines(), after.text.splitlines(), *names, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _changes(before: Version, after: Version) -> tuple[FieldChange, ...] | None:
    old, new = before.fields, after.fields
    if old is None or new is None:
        return None
    places = dict.fromkeys((*old, *new))
    return tuple(FieldChange(place, old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place))
