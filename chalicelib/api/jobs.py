"""Routes of jobs. What is written becomes a commit, what is read comes from the repository."""

import secrets
from typing import Any, Literal

from pydantic import Field

from chalicelib import config
from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model
from chalicelib.api.repositories import change_of, repository_of
from chalicelib.domain import limits, manifest, names, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.idempotency import HEADER
from chalicelib.domain.manifest import Job
from chalicelib.domain.manifest_fields import DEFAULT_OUTPUT_BYTES, IN_MANIFEST, body_of
from chalicelib.services import job_changes, jobs, pings_lookup
from chalicelib.services.job_filters import JobFilter, JobState, labels_of, page_of, state_of
from chalicelib.services.jobs import StoredJob

bp = ApiBlueprint(__name__)


class JobIn(Model):
    """A job; the manifest's own rules judge it. Spans are texts such as 90s, 30m or 2h, memory is one such as 512M.

    Without a schedule, or a command, a job is only good if checkin_by is ping; then period may stand in for the schedule.
    """

    name: str
    namespace: str = names.DEFAULT
    schedule: str | None = None
    timezone: str | None = None
    period: str | None = None
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    working_dir: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    user: str | None = None
    shell: str | None = None
    timeout: str | None = None
    grace: str | None = None
    max_runtime: str | None = None
    min_runtime: str | None = None
    concurrency: Literal["allow", "forbid"] = "allow"
    retry_attempts: int = 0
    retry_backoff: Literal["fixed", "exponential"] = "fixed"
    retry_delay: str | None = None
    selector: dict[str, str | list[str]] = Field(default_factory=dict)
    checkin_enabled: bool = True
    checkin_by: Literal["agent", "ping"] = "agent"
    checkin_methods: Literal["any", "post"] = "any"
    checkin_resume: Literal["any", "manual"] = "any"
    output: Literal["tail", "none"] = "tail"
    max_output_bytes: int = DEFAULT_OUTPUT_BYTES
    alert_rules: list[str] = Field(default_factory=list)
    alert_channels: list[str] = Field(default_factory=list)
    nice: int | None = None
    io_class: Literal["best-effort", "idle", "realtime"] | None = None
    memory: str | None = None
    cpu: int | None = None
    depends_on: list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    enabled: bool = True
    paused: bool = False


class JobOut(JobIn):
    """state: discovered, disabled or paused, in this order, else enabled."""

    id: str | None
    state: JobState
    path: str
    sha: str
    url: str
    ping_url: str | None


class JobAnswer(Model):
    job: JobOut
    commit: str


class JobDetail(Model):
    job: JobOut
    manifest: str


class BrokenOut(Model):
    path: str
    problems: dict[str, str]


class JobList(Model):
    """count: of all jobs that the query takes, on whatever page. next: what `next` of the page after this one is."""

    jobs: list[JobOut]
    count: int
    next: str | None
    source: Literal["git"] = "git"
    repository: str
    commit: str | None
    problems: list[BrokenOut]


class JobQuery(Model):
    """label: key=value, several by comma or by repeating it. text: part of name, command, schedule or a label.

    next: as the page before gave it; page counts from 1.
    """

    namespace: str | None = Field(default=None, max_length=names.MAX_NAME)
    label: list[str] = Field(default_factory=list, max_length=32)
    text: str | None = Field(default=None, min_length=1, max_length=200)
    state: JobState | None = None
    page: int | None = Field(default=None, ge=1, le=100_000)
    page_size: int = Field(default=500, ge=1, le=1000)
    next: str | None = Field(default=None, max_length=500)


class Deleted(Model):
    commit: str


@bp.api("GET", "/api/jobs", auth="user", scope="read:jobs", query=JobQuery, returns=JobList)
def list_jobs(ask: Ask) -> JobList:
    """List the jobs in the repository, and the manifests in it that cannot be used as they stand."""
    query: JobQuery = ask.query
    listing = jobs.list_jobs(repository_of(ask))
    wanted = JobFilter(query.namespace, labels_of(query.label), query.text, query.state)
    found = [stored for stored in listing.jobs if wanted.takes(stored.job)]
    page = page_of(found, query.page_size, query.page, query.next)
    broken = [item for item in (*listing.broken, *jobs.doubles(listing)) if _is_in(item.path, query.namespace)]
    return JobList(
        jobs=[shown_job(ask, stored) for stored in page.jobs],
        count=len(found),
        next=page.next,
        repository=f"{config.load().forge_organization}/{names.repository_name(ask.known_caller.tenant_id)}",
        commit=listing.commit,
        problems=[BrokenOut(path=item.path, problems=item.problems) for item in broken],
    )


def _is_in(path: str, namespace: str | None) -> bool:
    return namespace in (None, jobs.namespace_of(path))


@bp.api(
    "POST",
    "/api/jobs",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    body=JobIn,
    returns=JobAnswer,
    status=201,
    audit="job.created",
)
def create_job(ask: Ask) -> JobAnswer:
    """Commit a new job."""
    key = ask.request.headers.get(HEADER.lower())
    caller_key = f"{ask.known_caller.kind}:{ask.known_caller.name}:{key}" if key else None
    stored, commit = jobs.create_job(repository_of(ask), _job(ask.body), change_of(ask), secrets.token_bytes, key=caller_key)
    return JobAnswer(job=shown_job(ask, stored), commit=commit)


@bp.api("GET", "/api/jobs/{namespace}/{name}", auth="user", scope="read:jobs", returns=JobDetail, also=(409, 422))
def get_job(ask: Ask, namespace: str, name: str) -> Answer:
    """Show one job and its manifest; the ETag is the blob's sha."""
    stored = jobs.load_job(repository_of(ask), namespace, name)
    return Answer(JobDetail(job=shown_job(ask, stored), manifest=stored.raw), 200, {"ETag": f'"{stored.sha}"'})


@bp.api(
    "PUT",
    "/api/jobs/{namespace}/{name}",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    body=JobIn,
    returns=JobAnswer,
    audit="job.changed",
)
def update_job(ask: Ask, namespace: str, name: str) -> JobAnswer:
    """Commit a job's new definition; another name or namespace moves it, its id stays. If-Match guards another's change."""
    body = ask.body
    # Left out, the namespace stays: a job must not move to the default one because a body is short.
    if "namespace" not in body.model_fields_set:
        body = body.model_copy(update={"namespace": namespace})
    if_match = ask.request.headers.get("if-match", "").strip().removeprefix("W/").strip('"') or None
    stored, commit = job_changes.update_job(repository_of(ask), namespace, name, _job(body), change_of(ask), if_match)
    return JobAnswer(job=shown_job(ask, stored), commit=commit)


@bp.api(
    "DELETE",
    "/api/jobs/{namespace}/{name}",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    returns=Deleted,
    audit="job.deleted",
)
def delete_job(ask: Ask, namespace: str, name: str) -> Deleted:
    """Commit the removal of a job."""
    return Deleted(commit=jobs.delete_job(repository_of(ask), namespace, name, change_of(ask)))


def _job(body: JobIn) -> Job:
    """Return the job a body asks for, judged by the manifest's own rules. Raise Invalid naming the body's fields."""
    if problem := names.job_namespace_problem(body.namespace):
        raise Invalid.of({"namespace": problem})
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Job"}
    for key, place in IN_MANIFEST.items():
        *sections, last = place.split(".")
        target = document
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = getattr(body, key)
    try:
        return manifest.read(yaml_source.Source(document), body.namespace, strict=True).job
    except Invalid as e:
        fields = {place: key for key, place in IN_MANIFEST.items()}
        raise Invalid.of({fields.get(place, place): problem for place, problem in e.problems.items()}) from e


def shown_job(ask: Ask, stored: StoredJob) -> JobOut:
    """Return a job as the API answers it."""
    job, settings = stored.job, config.load()
    repository = names.repository_name(ask.known_caller.tenant_id)
    return JobOut(
        **body_of(job),
        id=job.id,
        state=state_of(job),
        path=stored.path,
        sha=stored.sha,
        url=f"{settings.forge_public_url}/{settings.forge_organization}/{repository}/_edit/main/{stored.path}",
        ping_url=pings_lookup.ping_url(job.id) if job.id else None,
    )
