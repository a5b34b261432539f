"""`ApiBlueprint.api`: one declaration gives a route its credential, body, answer, log line and OpenAPI entry."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from chalice.app import Blueprint, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from chalicelib.api import audit_hook, checks_dialect, errors, idempotency, oauth_dialect, rate_limits, reading
from chalicelib.api.callers import Auth, authorize, identify
from chalicelib.api.security_headers import SECURITY_HEADERS
from chalicelib.domain import limits, times
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.limits import Limit
from chalicelib.domain.scopes import Scope
from chalicelib.domain.usage import Usage
from chalicelib.logs import log
from chalicelib.services import blocks, request_metrics, usage
from chalicelib.services.sessions import Caller


def text_only(value: object) -> object:
    """Return the value; raise ValueError if JSON held something else than text where a moment belongs."""
    if isinstance(value, str | datetime):
        return value
    raise ValueError("must be a moment as text, such as 2026-01-31T08:00:00Z")


# json_or_form: as its sender says; JSON if it says nothing.
BodyFormat = Literal["json", "form", "json_or_form"]
Dialect = Literal["crontopus", "healthchecks", "oauth"]
MediaType = Literal["application/json", "text/plain", "text/html", "text/x-shellscript", "image/svg+xml"]

# A moment on the wire: RFC 3339 with an offset in, UTC with milliseconds out.
# Text only: strict models would refuse text where a validator of ours stands in between, lax ones would take numbers.
Moment = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(text_only), PlainSerializer(times.to_text, when_used="json")
]


class Model(BaseModel):
    """A request or answer: unknown fields are refused, values are never coerced."""

    # Built at first use: a cold start pays for the models of its one request, not for all.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """One route, as the OpenAPI document and the tests see it.

    scope: what an API token must hold, None on routes that no user may call. status: that of success.
    returns: None where the answer is text of the media type.
    alias_of: method and path that replace this route, for old clients; None for every other route.
    dialect: whose words and headers the route speaks, see api/checks_dialect.py.
    audit: what the audit log calls it, or why it writes nothing there.
    also: statuses beside those that follow from all else, see api/statuses.py.
    """

    method: str
    path: str
    auth: Auth
    scope: Scope | None
    body: type[BaseModel] | None
    body_format: BodyFormat
    query: type[Model] | None
    returns: type[BaseModel] | None
    status: int
    summary: str
    limit: Limit | None
    media_type: MediaType = "application/json"
    alias_of: str | None = None
    audit: str | Unaudited | None = None
    dialect: Dialect = "crontopus"
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """What a handler gets. body and query are instances of the declared models; caller is None on public routes.

    noted: what the handler adds to the target of the audit entry, never a secret; see api/audit_hook.py for what names the log.
    """

    request: Request
    request_id: str
    caller: Caller | None
    body: Any
    query: Any
    noted: dict[str, str] = field(default_factory=dict)

    @property
    def known_caller(self) -> Caller:
        """The caller of a route that has one."""
        if self.caller is None:
            raise AssertionError("a public route has no caller")
        return self.caller


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that needs another status or more headers than usual."""

    body: BaseModel
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer of a route whose media type is not JSON. headers: beside, or in place of, the usual ones."""

    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., BaseModel | Answer | TextAnswer]


class ApiBlueprint(Blueprint):
    """A Chalice blueprint whose routes authenticate, validate, answer and log alike."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self.specs: list[RouteSpec] = []

    def api(
        self,
        method: str,
        path: str,
        *,
        auth: Auth,
        scope: Scope | None = None,
        returns: type[BaseModel] | None = None,
        media_type: MediaType = "application/json",
        body: type[BaseModel] | None = None,
        body_format: BodyFormat = "json",
        query: type[Model] | None = None,
        status: int = 200,
        aliases: Sequence[str] = (),
        limit: Limit | Literal["default"] | None = "default",
        audit: str | Unaudited | None = None,
        dialect: Dialect = "crontopus",
        also: Sequence[int] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a route. The handler takes an Ask and the path's parameters, and returns the answer's model.

        aliases: `METHOD /path` of older routes that answer the same, with the same parameters in the path.
        limit: how often one caller may call; the default follows from method and auth, None is without limit.
        media_type: of a route that answers with a TextAnswer, without a model; an error is text or a page there too.
        """

        def register(handler: Handler) -> Handler:
            summary = (handler.__doc__ or handler.__name__).strip().split("\n")[0]
            counted = rate_limits.default(method, auth) if limit == "default" else limit
            spec = RouteSpec(method, path, auth, scope, body, body_format, query, returns, status, summary, counted, media_type)
            spec = replace(spec, audit=audit, dialect=dialect, also=tuple(also))
            self._expose(spec, handler)
            for older in aliases:
                older_method, older_path = older.split(" ")
                self._expose(replace(spec, method=older_method, path=older_path, alias_of=f"{method} {path}"), handler)
            return handler

        return register

    def _expose(self, spec: RouteSpec, handler: Handler) -> None:
        self.specs.append(spec)

        @functools.wraps(handler)
        def view(**arguments: str) -> Response:
            return _serve(self.current_request, spec, handler, arguments)

        # Any content type reaches us, so that a wrong one gets our error body and not Chalice's.
        view.__name__ = f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}"
        self.route(spec.path, methods=[spec.method], content_types=["*/*"])(view)


def _serve(request: Request, spec: RouteSpec, handler: Handler, arguments: Mapping[str, str]) -> Response:
    started = time.perf_counter()
    request_id = request.context.get("requestId", "local")
    caller: Caller | None = None
    limited: dict[str, str] = {}
    noted: dict[str, str] = {}
    address = rate_limits.source_of(request)
    try:
        # What has no limit is asked by machines that watch this one.
        if spec.limit:
            blocks.gate().refuse_blocked(limits.address_key(address), datetime.now(UTC))
        if spec.auth != "ping":  # which keeps the beginning of any body
            limits.refuse_large_body(len(request.raw_body or b""))
        key = idempotency.key_of(spec, request)
        caller = identify(spec.auth, _authorization(spec, request), address, is_repeated=key is not None)
        authorize(caller, spec.auth, spec.scope)
        rate_limits.count(spec.limit, caller, request, limited)
        ask = Ask(request, request_id, caller, reading.body_of(request, spec), reading.query_of(request, spec), noted)
        response = idempotency.answer(key, ask, spec, arguments, lambda: _response(spec, handler(ask, **arguments)))
    except CrontopusError as e:
        response = _refusal(spec, errors.translate(e, request_id))
        blocks.gate().note(limits.address_key(address), e, datetime.now(UTC))
    except Exception:
        log.exception("unexpected error", extra={"request_id": request_id, "route": spec.path})
        response = _refusal(spec, errors.unexpected(request_id))
    response.headers |= {"X-Request-Id": request_id, **limited}
    if caller:
        usage.meter().note(caller.tenant_id, Usage(calls=1), datetime.now(UTC))
    audit_hook.write(spec, request, caller, arguments, response, noted)
    _log(spec, request, caller, response, request_id, started)
    if spec.dialect == "oauth":
        return oauth_dialect.spoken(response)
    return checks_dialect.spoken(request, response) if spec.dialect == "healthchecks" else response


def _authorization(spec: RouteSpec, request: Request) -> str | None:
    if spec.dialect == "healthchecks":
        return checks_dialect.authorization(request)
    authorization: str | None = request.headers.get("authorization")
    return authorization


def _response(spec: RouteSpec, answer: BaseModel | Answer | TextAnswer) -> Response:
    if isinstance(answer, TextAnswer):
        headers = {**SECURITY_HEADERS, "Content-Type": f"{spec.media_type}; charset=utf-8", **answer.headers}
        return Response(answer.text, headers, answer.status)
    if not isinstance(answer, Answer):
        answer = Answer(answer, spec.status, {})
    return Response(answer.body.model_dump(mode="json"), {**SECURITY_HEADERS, **answer.headers}, answer.status)


def _refusal(spec: RouteSpec, error: errors.ErrorAnswer) -> Response:
    status, body, headers = error
    if spec.media_type == "text/plain" and spec.dialect == "crontopus":
        words = f"{body['error']['message']}\n"
        return Response(words, {**SECURITY_HEADERS, "Content-Type": "text/plain; charset=utf-8", **headers}, status)
    if spec.media_type == "text/html":
        from chalicelib.api import pages  # which answers with what is defined here

        shown = pages.error(status, body)
        return _response(spec, replace(shown, headers={**shown.headers, **headers}))
    return Response(body, {**SECURITY_HEADERS, **headers}, status)


def _log(spec: RouteSpec, request: Request, caller: Caller | None, response: Response, request_id: str, started: float) -> None:
    facts: dict[str, Any] = {
        "request_id": request_id,
        "method": spec.method,
        "route": spec.path,
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
    }
    request_metrics.requests().count(spec.limit.name if spec.limit else "none", response.status_code, facts["duration_ms"])
    if response.status_code in (401, 403, 429):
        facts["address"] = rate_limits.source_of(request)
    if caller:
        facts |= {"tenant_id": caller.tenant_id, "caller": caller.name, "caller_kind": caller.kind}
    if caller and caller.credential:
        facts["token_id"] = caller.credential.token_id
    if isinstance(response.body, dict) and "error" in response.body:
        facts["error"] = response.body["error"]["code"]
    log.info("request", extra=facts)
