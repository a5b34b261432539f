"""The front door: one origin for people, agents and hooks, in front of the emulated API Gateway.

An ASGI application. Standard library only: it runs inside the emulator's environment.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from chalicelib.api.security_headers import SECURITY_HEADERS
from infra.local import shelf

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]
FindApi = Callable[[], tuple[str, str] | None]

_OPEN_PATHS = ("/api", "/ping", "/health", "/metrics")
# API Gateway's own limit; the emulator has none.
_MAX_BODY_BYTES = 10 * 1024 * 1024


class FrontDoor:
    """Serve requests for the application's paths through its API, and nothing else of the emulator.

    emulator: the application behind. find_api: the deployed (API id, stage), or None before the first deploy.
    releases: the folder of the agent's releases, which it serves itself.
    """

    def __init__(self, emulator: Application, find_api: FindApi, releases: Path | None = None) -> None:
        self._emulator = emulator
        self._find_api = find_api
        self._releases = releases

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._releases and scope["method"] == "GET" and (file := shelf.find(self._releases, scope["path"])):
            await shelf.give(file, send)
            return
        if not is_open(scope["path"]):
            await _refuse(send, 404, "not_found", f"nothing at {scope['path']}")
            return
        if _declared_length(scope["headers"]) > _MAX_BODY_BYTES:
            await _refuse(send, 413, "too_large", f"a request holds at most {_MAX_BODY_BYTES} bytes")
            return
        api = self._find_api()
        if api is None:
            await _refuse(send, 503, "unavailable", "the application is not deployed yet", retry_after_s=5)
            return
        await self._emulator(rewritten(scope, *api), receive, send)


def is_open(path: str) -> bool:
    """Say whether the application owns this path: the emulator's own paths stay behind its own port."""
    return any(path == opened or path.startswith(opened + "/") for opened in _OPEN_PATHS)


def rewritten(scope: Scope, api_id: str, stage: str) -> Scope:
    """Return the scope as the emulator expects it for this API.

    The path form names the API, so no header can steer the request to another service. The client's address is the one
    that connected: whatever X-Forwarded-* a client sends is dropped.
    """
    prefix = f"/_aws/execute-api/{api_id}/{stage}"
    address = (scope.get("client") or ("127.0.0.1", 0))[0]
    headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith((b"x-forwarded-", b"x-amz-"))]
    headers += [(b"x-forwarded-for", address.encode()), (b"x-forwarded-proto", scope.get("scheme", "http").encode())]
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw_path, "headers": headers}


def _declared_length(headers: Headers) -> int:
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


async def _refuse(send: Send, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
    request_id = str(uuid.uuid4())
    error = {"code": code, "message": message, "problems": {}, "request_id": request_id}
    body = json.dumps({"error": error}).encode()
    told = {"Content-Type": "application/json", "Content-Length": str(len(body)), "X-Request-Id": request_id}
    if retry_after_s is not None:
        told["Retry-After"] = str(retry_after_s)
    headers = [(name.lower().encode(), value.encode()) for name, value in {**SECURITY_HEADERS, **told}.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
