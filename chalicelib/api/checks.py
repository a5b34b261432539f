"""The management API of healthchecks, version 3, as far as it is about checks: same paths, fields, codes and words."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.api.repositories import change_of, repository_of
from chalicelib.domain import checks as rules
from chalicelib.domain import checks_fields, limits, scopes
from chalicelib.domain.checks_fields import Wanted
from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.domain.pings import Kept
from chalicelib.domain.scopes import Scope
from chalicelib.services import api_tokens, checks, pings_lookup
from chalicelib.services.checks import Shown

bp = ApiBlueprint(__name__)

Span = Annotated[int, Field(ge=60, le=31_536_000)]
Unique = Literal["name", "slug", "tags", "timeout", "grace"]
# Of checks that listen to e-mails, and of channels that are wired elsewhere here.
UNSUPPORTED = (
    "subject", "subject_fail", "start_kw", "success_kw", "failure_kw",
    "filter_subject", "filter_body", "filter_http_body", "filter_default_fail",
)  # fmt: skip


class CheckWanted(Model):
    """What is left out stays, or is at its default in a new check. Unknown fields are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)
    name: str | None = Field(default=None, max_length=100)
    slug: str | None = Field(default=None, pattern="^[a-z0-9_-]*$", max_length=63)
    tags: str | None = Field(default=None, max_length=500)
    desc: str | None = Field(default=None, max_length=4096)
    timeout: Span | None = None
    grace: Span | None = None
    schedule: str | None = Field(default=None, max_length=200)
    tz: str | None = Field(default=None, max_length=64)
    manual_resume: bool | None = None
    methods: Literal["", "POST"] | None = None
    channels: str | None = None
    unique: list[Unique] = Field(default_factory=list)
    subject: str = ""
    subject_fail: str = ""
    start_kw: str = ""
    success_kw: str = ""
    failure_kw: str = ""
    filter_subject: bool = False
    filter_body: bool = False
    filter_http_body: bool = False
    filter_default_fail: bool = False


class CheckOut(Model):
    """Who may only read gets unique_key in place of uuid and URLs. timeout, or schedule and tz, whichever the check has."""

    name: str
    slug: str
    tags: str
    desc: str
    grace: int
    n_pings: int
    status: rules.Status
    started: bool
    last_ping: str | None
    next_ping: str | None
    manual_resume: bool
    methods: str
    subject: str = ""
    subject_fail: str = ""
    start_kw: str = ""
    success_kw: str = ""
    failure_kw: str = ""
    filter_subject: bool = False
    filter_body: bool = False
    filter_http_body: bool = False
    filter_default_fail: bool = False
    last_duration: int | None = None
    unique_key: str | None = None
    uuid: str | None = None
    ping_url: str | None = None
    update_url: str | None = None
    pause_url: str | None = None
    resume_url: str | None = None
    channels: str | None = None
    timeout: int | None = None
    schedule: str | None = None
    tz: str | None = None


class CheckList(Model):
    checks: list[CheckOut]


class CheckQuery(Model):
    model_config = ConfigDict(extra="ignore", strict=True)
    slug: str | None = None
    tag: list[str] = Field(default_factory=list)


class PingOut(Model):
    """date: to the microsecond, as it came. duration: seconds, only where the ping ended the run that began last."""

    type: str
    date: str
    n: int
    scheme: str
    remote_addr: str
    method: str
    ua: str
    rid: str | None
    body_url: str | None
    duration: float | None = None


class PingList(Model):
    pings: list[PingOut]


class FlipOut(Model):
    timestamp: str
    up: Literal[0, 1]


class FlipList(RootModel[list[FlipOut]]):
    """A bare list, unlike the others."""


class FlipQuery(Model):
    """seconds: how far back, counted from now. start, end: Unix times."""

    model_config = ConfigDict(extra="ignore", strict=True)
    seconds: int | None = Field(default=None, ge=0, le=31_536_000)
    start: int | None = Field(default=None, ge=0, le=10**11)
    end: int | None = Field(default=None, ge=0, le=10**11)


_READ: dict[str, Any] = {"auth": "user", "scope": "read:jobs", "dialect": "healthchecks"}
_WRITE: dict[str, Any] = {"auth": "user", "scope": "write:jobs", "dialect": "healthchecks", "limit": limits.JOB_WRITES}


@bp.api("GET", "/api/v3/checks", **_READ, query=CheckQuery, returns=CheckList)
def list_checks(ask: Ask) -> CheckList:
    """List the checks: the jobs that report by ping."""
    found = checks.list_checks(repository_of(ask), ask.query.slug, ask.query.tag)
    return CheckList(checks=[_out(ask, shown) for shown in found])


@bp.api("POST", "/api/v3/checks", **_WRITE, body=CheckWanted, returns=CheckOut, status=201, also=(200,), audit="job.created")
def create_check(ask: Ask) -> Answer:
    """Make a check, or change the one that is the same in the fields of `unique`; either is a commit."""
    body: CheckWanted = ask.body
    repository, wanted = repository_of(ask), _wanted(body)
    shown, is_new = checks.create_or_update(repository, wanted, body.unique, change_of(ask), secrets.token_bytes)
    return Answer(_out(ask, shown), 201 if is_new else 200, {})


@bp.api("GET", "/api/v3/checks/{check_key}", **_READ, returns=CheckOut)
def get_check(ask: Ask, check_key: str) -> CheckOut:
    """Show one check, by its uuid or its unique_key."""
    return _out(ask, checks.load_check(repository_of(ask), check_key))


@bp.api("POST", "/api/v3/checks/{check_key}", **_WRITE, body=CheckWanted, returns=CheckOut, audit="job.changed")
def update_check(ask: Ask, check_key: str) -> CheckOut:
    """Change what the body names about a check."""
    return _out(ask, checks.update(repository_of(ask), check_key, _wanted(ask.body), change_of(ask)))


@bp.api("DELETE", "/api/v3/checks/{check_key}", **_WRITE, returns=CheckOut, audit="job.deleted")
def delete_check(ask: Ask, check_key: str) -> CheckOut:
    """Delete a check and show what it was."""
    return _out(ask, checks.delete(repository_of(ask), check_key, change_of(ask)))


@bp.api("POST", "/api/v3/checks/{check_key}/pause", **_WRITE, returns=CheckOut, audit="job.paused")
def pause_check(ask: Ask, check_key: str) -> CheckOut:
    """Expect no pings until the next one, or until the check is resumed."""
    return _out(ask, checks.set_paused(repository_of(ask), check_key, change_of(ask), paused=True))


@bp.api("POST", "/api/v3/checks/{check_key}/resume", **_WRITE, returns=CheckOut, audit="job.resumed")
def resume_check(ask: Ask, check_key: str) -> CheckOut:
    """End a check's pause."""
    return _out(ask, checks.set_paused(repository_of(ask), check_key, change_of(ask), paused=False))


@bp.api("GET", "/api/v3/checks/{check_key}/pings", auth="user", scope="read:runs", dialect="healthchecks", returns=PingList)
def list_pings(ask: Ask, check_key: str) -> PingList:
    """List the last pings of a job, newest first, at most 100."""
    base = f"{_base(check_key)}/pings"
    return PingList(pings=[_ping(ping, base) for ping in checks.list_pings(repository_of(ask), check_key)])


@bp.api(
    "GET",
    "/api/v3/checks/{check_key}/pings/{number}/body",
    auth="user",
    scope="read:runs",
    dialect="healthchecks",
    media_type="text/plain",
)
def get_ping_body(ask: Ask, check_key: str, number: str) -> TextAnswer:
    """Show what was sent with a ping."""
    if not number.isascii() or not number.isdigit() or len(number) > 15:
        raise NotFound("not found")
    return TextAnswer(checks.body_of(repository_of(ask), check_key, int(number)))


@bp.api(
    "GET",
    "/api/v3/checks/{check_key}/flips",
    auth="user",
    scope="read:runs",
    dialect="healthchecks",
    query=FlipQuery,
    returns=FlipList,
)
def list_flips(ask: Ask, check_key: str) -> FlipList:
    """List when a check went up or down, newest first, as far as its last 40 changes go."""
    query, now = ask.query, datetime.now(UTC)
    check = checks.load_check(repository_of(ask), check_key).check
    first_s = max(query.start or 0, now.timestamp() - query.seconds if query.seconds else 0)
    last_s = query.end if query.end is not None else now.timestamp()
    flips = [flip for flip in rules.flips_until(check, now) if first_s <= flip.at.timestamp() <= last_s]
    return FlipList([FlipOut(timestamp=_text(flip.at), up=1 if flip.is_up else 0) for flip in reversed(flips)])


def _wanted(body: CheckWanted) -> Wanted:
    """Return what a body asks for. Raise Invalid for what this API knows and Crontopus does not do."""
    problems = {name: "is not supported here; leave it out" for name in UNSUPPORTED if getattr(body, name)}
    if body.channels not in (None, "", "*"):
        problems["channels"] = "are named in the job's manifest here (spec.alerts); leave this out"
    if problems:
        raise Invalid.of(problems)
    return Wanted(**{name: getattr(body, name) for name in Wanted.__dataclass_fields__})


def _out(ask: Ask, shown: Shown) -> CheckOut:
    job, check, now = shown.job, shown.check, datetime.now(UTC)
    state, status = check.state, rules.status(check, now)
    due, opened = rules.due_at(check), check.state.open
    expected = min((moment for moment in (due, opened and opened.at) if moment), default=None)
    facts: dict[str, Any] = {
        "name": checks_fields.name_of(job),
        "slug": rules.slug_of(job),
        "tags": checks_fields.tags_of(job),
        "desc": job.annotations.get(rules.DESCRIPTION, ""),
        "grace": job.grace_s,
        "n_pings": state.count,
        "status": status,
        "started": opened is not None,
        "last_ping": rules.to_text(state.last_ping_at),
        "next_ping": rules.to_text(expected) if state.result != "down" else None,
        "manual_resume": job.checkin_resume == "manual",
        "methods": "POST" if job.checkin_methods == "post" else "",
    }
    if state.last_duration_ms is not None:
        facts["last_duration"] = state.last_duration_ms // 1000
    facts |= {"timeout": job.period_s} if job.period_s else {"schedule": job.schedule, "tz": check.definition.zone}
    return CheckOut(**facts, **_names(ask, check.definition.job_id))


def _names(ask: Ask, job_id: str) -> Mapping[str, Any]:
    """Return how a check may be called: who may only read must not be able to ping it."""
    needed: tuple[Scope, ...] = ("write:jobs",)
    if scopes.missing(api_tokens.scopes_of(ask.known_caller), needed):
        return {"unique_key": rules.unique_key(job_id)}
    base = _base(job_id)
    urls = {"update_url": base, "pause_url": f"{base}/pause", "resume_url": f"{base}/resume"}
    return {"uuid": job_id, "ping_url": pings_lookup.ping_url(job_id), "channels": "", **urls}


def _base(job_id: str) -> str:
    return f"{pings_lookup.public_url()}/api/v3/checks/{job_id}"


def _ping(ping: Kept, base: str) -> PingOut:
    return PingOut(
        type=ping.kind,
        date=ping.at.astimezone(UTC).isoformat(timespec="microseconds"),
        n=ping.number,
        scheme=ping.scheme,
        remote_addr=ping.remote_addr,
        method=ping.method,
        ua=ping.user_agent,
        rid=ping.rid,
        body_url=f"{base}/{ping.number}/body" if ping.has_body else None,
        duration=ping.duration_ms / 1000 if ping.duration_ms is not None else None,
    )


def _text(moment: datetime) -> str:
    return str(rules.to_text(moment))
