"""Routes that change one thing about a job: paused or not, adopted or not."""

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.api.jobs import JobAnswer, shown_job
from chalicelib.api.repositories import change_of, repository_of
from chalicelib.domain import limits
from chalicelib.services import job_changes

bp = ApiBlueprint(__name__)


class AdoptIn(Model):
    target_namespace: str


@bp.api(
    "POST",
    "/api/jobs/{namespace}/{name}/pause",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    returns=JobAnswer,
    audit="job.paused",
)
def pause_job(ask: Ask, namespace: str, name: str) -> JobAnswer:
    """Take a job out of the schedulers until it is resumed; its definition stays."""
    return _set_paused(ask, namespace, name, paused=True)


@bp.api(
    "POST",
    "/api/jobs/{namespace}/{name}/resume",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    returns=JobAnswer,
    audit="job.resumed",
)
def resume_job(ask: Ask, namespace: str, name: str) -> JobAnswer:
    """Put a paused job back into the schedulers."""
    return _set_paused(ask, namespace, name, paused=False)


@bp.api(
    "POST",
    "/api/jobs/{namespace}/{name}/adopt",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    body=AdoptIn,
    returns=JobAnswer,
    audit="job.adopted",
)
def adopt_job(ask: Ask, namespace: str, name: str) -> JobAnswer:
    """Move a discovered job into a namespace of one's own; from then on it is defined here."""
    repository, target = repository_of(ask), ask.body.target_namespace
    stored, commit = job_changes.adopt(repository, namespace, name, target, change_of(ask))
    return JobAnswer(job=shown_job(ask, stored), commit=commit)


@bp.api(
    "POST",
    "/api/jobs/{namespace}/{name}/release",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    returns=JobAnswer,
    audit="job.released",
)
def release_job(ask: Ask, namespace: str, name: str) -> JobAnswer:
    """Give an adopted job back: its own line runs it again, as before it was adopted, and it is watched as a discovered one."""
    stored, commit = job_changes.release(repository_of(ask), namespace, name, change_of(ask))
    return JobAnswer(job=shown_job(ask, stored), commit=commit)


def _set_paused(ask: Ask, namespace: str, name: str, *, paused: bool) -> JobAnswer:
    stored, commit = job_changes.set_paused(repository_of(ask), namespace, name, change_of(ask), paused=paused)
    return JobAnswer(job=shown_job(ask, stored), commit=commit)
