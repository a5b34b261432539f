"""Routes that tell who changed a job, when, and what."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.domain.errors import Invalid
from chalicelib.services import job_diff, job_history
from chalicelib.services.job_diff import Version
from chalicelib.services.job_history import Trail

bp = ApiBlueprint(__name__)

Sha = Annotated[str, Field(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")]


class HistoryQuery(Model):
    """next: as the page before gave it. A page ends early where the job lay in another file before."""

    limit: int = Field(default=20, ge=1, le=job_history.MAX_PAGE)
    next: str | None = Field(default=None, max_length=1000)


class CommitOut(Model):
    """path: where the job's file lay."""

    sha: str
    author: str
    at: Moment
    subject: str
    path: str


class HistoryList(Model):
    commits: list[CommitOut]
    next: str | None


class DiffQuery(Model):
    """from and to: commits; left out, the last one that touched the job's file and the one before it."""

    model_config = ConfigDict(validate_by_name=False)

    older: Sha | None = Field(default=None, alias="from")
    newer: Sha | None = Field(default=None, alias="to")


class VersionOut(Model):
    """A manifest in one commit. path: null where there was no such job."""

    commit: str | None
    path: str | None
    manifest: str


class ChangeOut(Model):
    """before, after: what the manifest says, null for a field at its default."""

    field: str
    before: Any
    after: Any


class DiffAnswer(Model):
    """diff: unified, empty if nothing changed. changes: null if one of the manifests cannot be read."""

    before: VersionOut
    after: VersionOut
    diff: str
    changes: list[ChangeOut] | None


@bp.api(
    "GET",
    "/api/jobs/{namespace}/{name}/history",
    auth="user",
    scope="read:jobs",
    query=HistoryQuery,
    returns=HistoryList,
    also=(409,),
)
def list_history(ask: Ask, namespace: str, name: str) -> HistoryList:
    """List the commits that touched a job's file, newest first, wherever it lay."""
    after = _trail(ask.query.next) if ask.query.next else None
    found = job_history.read_history(repository_of(ask), namespace, name, ask.query.limit, after)
    return HistoryList(
        commits=[
            CommitOut(sha=commit.sha, author=commit.author, at=commit.at, subject=commit.subject, path=one.path)
            for one in found.versions
            for commit in (one.commit,)
        ],
        next=f"{found.next.page}:{found.next.ref}:{found.next.path}" if found.next else None,
    )


@bp.api(
    "GET",
    "/api/jobs/{namespace}/{name}/diff",
    auth="user",
    scope="read:jobs",
    query=DiffQuery,
    returns=DiffAnswer,
    also=(409,),
)
def diff_job(ask: Ask, namespace: str, name: str) -> DiffAnswer:
    """Show what changed in a job between two commits."""
    found = job_diff.diff_job(repository_of(ask), namespace, name, ask.query.older, ask.query.newer)
    changes = found.changes
    return DiffAnswer(
        before=_version_out(found.before),
        after=_version_out(found.after),
        diff=found.text,
        changes=None
        if changes is None
        else [ChangeOut(field=one.field, before=one.before, after=one.after) for one in changes],
    )


def _version_out(version: Version) -> VersionOut:
    return VersionOut(commit=version.commit, path=version.path, manifest=version.text)


def _trail(text: str) -> Trail:
    page, _, rest = text.partition(":")
    ref, _, path = rest.partition(":")
    if not (page.isascii() and page.isdecimal() and 0 < int(page[:9]) <= 100_000 and ref and path):
        raise Invalid.of({"next": "is not what a page before gave; leave it out to begin"})
    return Trail(path, ref, int(page))
