"""The route that tells who changed a job, and when."""

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.services import job_history

bp = ApiBlueprint(__name__)


class HistoryQuery(Model):
    """next: as the page before gave it."""

    limit: int = Field(default=20, ge=1, le=job_history.MAX_PAGE)
    next: int = Field(default=1, ge=1, le=100_000)


class CommitOut(Model):
    sha: str
    author: str
    at: Moment
    subject: str


class HistoryList(Model):
    commits: list[CommitOut]
    next: str | None


@bp.api(
    "GET",
    "/api/jobs/{namespace}/{name}/history",
    auth="user",
    scope="read:jobs",
    query=HistoryQuery,
    returns=HistoryList,
)
def list_history(ask: Ask, namespace: str, name: str) -> HistoryList:
    """List the commits that touched a job's file, newest first."""
    found = job_history.read_history(repository_of(ask), namespace, name, ask.query.limit, ask.query.next)
    return HistoryList(
        commits=[CommitOut(sha=one.sha, author=one.author, at=one.at, subject=one.subject) for one in found.commits],
        next=str(found.next_page) if found.next_page else None,
    )
