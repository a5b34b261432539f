"""`Idempotency-Key`: a POST that may be sent again, because nobody knows whether the first one arrived."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalice.app import Request, Response

from chalicelib.domain import idempotency as rules
from chalicelib.services import doors, idempotency
from chalicelib.services.idempotency import KeptAnswer, Once

if TYPE_CHECKING:
    from chalicelib.api.blueprint import Ask, RouteSpec

REPLAYED = "Idempotency-Replayed"


def takes_key(spec: "RouteSpec") -> bool:
    """Tell whether a route heeds the header. Agents' reports need none: they are the same however often they are sent."""
    return spec.method == "POST" and spec.auth in ("user", "enroll", "operator")


def key_of(spec: "RouteSpec", request: Request) -> str | None:
    """Return the key a request was sent with, None if there is none or the route heeds none."""
    key: str | None = request.headers.get(rules.HEADER.lower()) if takes_key(spec) else None
    return key


def answer(
    key: str | None, ask: "Ask", spec: "RouteSpec", arguments: Mapping[str, str], act: Callable[[], Response]
) -> Response:
    """Return what `act` answers, or the answer that it gave to the same request with the same key before.

    Only success is kept. Raise Invalid or Conflict as `Once.begin` does.
    """
    if key is None or ask.caller is None:
        return act()
    path = json.dumps([spec.path, dict(arguments)], sort_keys=True)
    fingerprint = rules.fingerprint(spec.method, path, ask.request.raw_body or b"")
    once = idempotency.once(doors.vault, ask.caller, key, fingerprint)
    kept = once.begin(datetime.now(UTC))
    return _again(kept) if kept else _first(once, act)


def _first(once: Once, act: Callable[[], Response]) -> Response:
    is_done = False
    try:
        response = act()
        is_done = response.status_code < 300
    finally:
        if not is_done:
            once.release()
    body = response.body if isinstance(response.body, str) else json.dumps(response.body)
    once.finish(KeptAnswer(response.status_code, dict(response.headers), body))
    return response


def _again(kept: KeptAnswer) -> Response:
    return Response(kept.body, {**kept.headers, REPLAYED: "true"}, kept.status)
