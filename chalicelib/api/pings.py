"""Ping URLs. The path is the credential; answers are the words that clients of the pinging API know."""

import functools
import secrets
from collections.abc import Callable
from datetime import datetime

from pydantic import ConfigDict

from chalicelib import config
from chalicelib.api.blueprint import ApiBlueprint, Ask, Handler, Model, TextAnswer
from chalicelib.api.errors import STATUS
from chalicelib.domain import pings
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.errors import Conflict, CrontopusError, Malformed, NotFound
from chalicelib.domain.pings import Address, Ping
from chalicelib.services import checks_creation
from chalicelib.services import pings as ping_service

bp = ApiBlueprint(__name__)

MAX_USER_AGENT = 200
_NOTED = Unaudited("each ping is kept with its job and in the ledger")


class PingQuery(Model):
    """rid: a UUID that ties the start and the end of one run together. create: 1 makes a missing job of this name."""

    model_config = ConfigDict(extra="ignore", strict=True)
    rid: str | None = None
    create: str | None = None


def _route(method: str, path: str) -> Callable[[Handler], Handler]:
    return bp.api(method, path, auth="ping", media_type="text/plain", query=PingQuery, audit=_NOTED, also=(201,))


@_route("HEAD", "/ping/{first}")
@_route("GET", "/ping/{first}")
@_route("POST", "/ping/{first}")
def ping_job(ask: Ask, first: str) -> TextAnswer:
    """Say that a job ended well."""
    return _answer(ask, first)


@_route("HEAD", "/ping/{first}/{second}")
@_route("GET", "/ping/{first}/{second}")
@_route("POST", "/ping/{first}/{second}")
def ping_job_or_slug(ask: Ask, first: str, second: str) -> TextAnswer:
    """Say how a job goes: /ping/UUID/start, fail, log or an exit code; or /ping/KEY/SLUG, that it ended well."""
    return _answer(ask, first, second)


@_route("HEAD", "/ping/{first}/{second}/{third}")
@_route("GET", "/ping/{first}/{second}/{third}")
@_route("POST", "/ping/{first}/{second}/{third}")
def ping_slug(ask: Ask, first: str, second: str, third: str) -> TextAnswer:
    """Say how a job goes: /ping/KEY/SLUG/start, fail, log or an exit code."""
    return _answer(ask, first, second, third)


def _answer(ask: Ask, *parts: str) -> TextAnswer:
    headers = {"Ping-Body-Limit": str(config.ping_body_limit()), "Access-Control-Allow-Origin": "*"}
    try:
        is_new = _take(ask, pings.address_of(parts))
    except (Malformed, NotFound, Conflict) as e:
        return TextAnswer(e.message, _status(e), headers)
    return TextAnswer("Created", 201, headers) if is_new else TextAnswer("OK", 200, headers)


def _status(error: CrontopusError) -> int:
    return STATUS[type(error)]


def _take(ask: Ask, address: Address) -> bool:
    """Take a ping and tell whether its job was made for it."""
    rid = pings.rid_of(ask.query.rid)
    target = ping_service.target_of(address)
    job_id, is_new = target.job_id, False
    if job_id is None:
        if ask.query.create != "1":
            raise NotFound("not found")
        job_id, is_new = checks_creation.for_slug(target.tenant_id, target.slug or "", secrets.token_bytes, ask.request_id)
    ping_service.ping(job_id, functools.partial(_ping, ask, address, rid))
    return is_new


def _ping(ask: Ask, address: Address, rid: str | None, at: datetime) -> Ping:
    request = ask.request
    return Ping(
        signal=address.signal,
        at=at,
        run_id=pings.new_run_id(at, secrets.token_bytes(10)),
        method=str(request.method),
        rid=rid,
        exit_code=address.exit_code,
        scheme=request.headers.get("x-forwarded-proto", "https")[:10],
        remote_addr=request.context["identity"]["sourceIp"],
        user_agent=request.headers.get("user-agent", "")[:MAX_USER_AGENT],
        body=request.raw_body or b"",
    )
