"""A small Crontopus API over real HTTP, in memory, for tests of the command line."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Body = dict[str, Any]
Reply = tuple[int, dict[str, str], Body | bytes]

AT = "2026-11-20T12:00:00.000Z"
USER = {"username": "ann", "email": "ann@example.com", "tenant_id": "ann", "state": "active", "created_at": AT}


def error(status: int, code: str, message: str, problems: dict[str, str] | None = None, **headers: str) -> Reply:
    body = {"code": code, "message": message, "problems": problems or {}, "request_id": "req-1"}
    return status, {key.replace("_", "-"): value for key, value in headers.items()}, {"error": body}


def a_run(number: int, output: str = "") -> Body:
    return {
        "run_id": f"019a1b2c-3d4e-7f00-8000-{number:012}",
        "job_name": "backup",
        "namespace": "default",
        "endpoint_id": "ep-1",
        "status": "success",
        "started_at": AT,
        "duration_ms": 12,
        "exit_code": 0,
        "output": output,
        "output_bytes": len(output),
    }


@dataclass
class Api:
    """forced: answers that are given, in order, before anything else is looked at. seen: `METHOD path` of every request.

    manifest, etag: what a job is shown with; empty for some text and the job's own sha.
    """

    url: str = ""
    jobs: dict[str, Body] = field(default_factory=dict)
    runs: list[Body] = field(default_factory=list)
    endpoints: list[Body] = field(default_factory=list)
    enrollment_tokens: list[Body] = field(default_factory=list)
    problems: list[Body] = field(default_factory=list)
    forced: list[Reply] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    access_token: str = "access-0"
    refresh_token: str = "refresh-0"
    refreshes: int = 0
    manifest: str = ""
    etag: str = ""
    during_refresh: Callable[[], object] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Forget everything, except where it is served."""
        vars(self).update(vars(Api(self.url)))

    def expire_access_token(self) -> None:
        self.access_token = "expired for everyone"

    def answer(self, method: str, target: str, token: str, body: Body, if_match: str | None) -> Reply:
        parts = urlsplit(target)
        segments = [unquote(segment) for segment in parts.path.split("/")[2:]]
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.seen.append(f"{method} {parts.path}")
        if self.forced:
            return self.forced.pop(0)
        if segments[0] == "auth" and segments[1] != "me":
            return self._auth(segments[1], body)
        if token != self.access_token:
            return error(401, "unauthenticated", "the token is not in force")
        if segments[0] == "auth":
            return (
                200,
                {},
                {"user": USER, "repository": {"url": "http://forge/crontopus/job-manifests-ann.git", "branch": "main"}},
            )
        handler: Callable[..., Reply] = getattr(self, "_" + segments[0].replace("-", "_"))
        return handler(method, segments[1:], query, body, if_match)

    def _auth(self, action: str, body: Body) -> Reply:
        if action == "register":
            taken = error(409, "conflict", "the username 'ann' is taken")
            return taken if body["username"] == "ann" else (201, {}, {"user": {**USER, "username": body["username"]}})
        if action == "login":
            is_right = body == {"grant_type": "password", "username": "ann", "password": "correct horse"}
            return self._tokens() if is_right else error(401, "unauthenticated", "username or password is wrong")
        if action == "logout":
            self.refresh_token = "none"
            return 200, {}, {}
        self.refreshes += 1
        self.during_refresh()
        is_known = body["refresh_token"] == self.refresh_token
        return self._tokens() if is_known else error(401, "unauthenticated", "the refresh token is not in force")

    def _tokens(self) -> Reply:
        number = self.refreshes + 1
        self.access_token, self.refresh_token = f"access-{number}", f"refresh-{number}"
        tokens = {"access_token": self.access_token, "refresh_token": self.refresh_token}
        return 200, {}, {**tokens, "token_type": "bearer", "expires_in": 900}

    def _jobs(self, method: str, rest: list[str], query: dict[str, str], body: Body, if_match: str | None) -> Reply:
        if not rest and method == "GET":
            found = [job for job in self.jobs.values() if query.get("namespace") in (None, job["namespace"])]
            return 200, {}, {"jobs": found, "count": len(found), "source": "git", "problems": self.problems}
        path = "/".join(rest) or f"{body.get('namespace', 'default')}/{body.get('name')}"
        if method == "POST":
            return self._created(path, body)
        if path not in self.jobs:
            return error(404, "not_found", f"no job {path}")
        job = self.jobs[path]
        if method == "GET":
            return (
                200,
                {"ETag": f'"{self.etag or job["sha"]}"'},
                {"job": job, "manifest": self.manifest or f"# {path}\nkind: Job\n"},
            )
        if if_match not in (None, f'"{job["sha"]}"'):
            return error(409, "conflict", f"the job {path} changed since it was read; read it again")
        del self.jobs[path]
        return (200, {}, {"commit": "c0ffee00c0ffee00"}) if method == "DELETE" else (200, {}, self._stored(path, body))

    def _created(self, path: str, body: Body) -> Reply:
        if path in self.jobs:
            return error(409, "conflict", f"the job {path} exists already")
        if len(body["schedule"].split()) != 5:
            return error(422, "invalid", "1 problem", {"spec.schedule": "needs 5 fields"})
        return 201, {}, self._stored(path, body)

    def _stored(self, path: str, body: Body) -> Body:
        made = {
            "id": "5f0c7e9a-6a57-4a0e-9a39-0d4c1f3a9b11",
            "path": f"{path}.yaml",
            "sha": "abc123",
            "url": "http://forge/edit",
        }
        defaults = {"namespace": "default", "args": [], "env": {}, "labels": {}, "annotations": {}, "shell": "/bin/sh"}
        rest = {
            "working_dir": None,
            "timeout": None,
            "output": "tail",
            "max_output_bytes": 10240,
            "enabled": True,
            "paused": False,
        }
        self.jobs[path] = {**defaults, **rest, **body, **made}
        return {"job": self.jobs[path], "commit": "c0ffee00c0ffee00"}

    def _runs(self, method: str, rest: list[str], query: dict[str, str], body: Body, if_match: str | None) -> Reply:
        if rest:
            found = next((run for run in self.runs if run["run_id"] == rest[0]), None)
            return (200, {}, {"run": found}) if found else error(404, "not_found", f"no run {rest[0]}")
        wanted = {"job": "job_name", "namespace": "namespace", "endpoint_id": "endpoint_id", "status": "status"}
        matching = [run for run in self.runs if all(run[wanted[key]] == query[key] for key in wanted if key in query)]
        start, size = int(query.get("next", 0)), min(int(query["limit"]), 100)
        following = str(start + size) if len(matching) > start + size else None
        page = [{key: value for key, value in run.items() if key != "output"} for run in matching[start : start + size]]
        return 200, {}, {"runs": page, "total": len(matching), "page_size": size, "next": following}

    def _endpoints(self, *_: object) -> Reply:
        return 200, {}, {"endpoints": self.endpoints, "agents": self.endpoints, "total": len(self.endpoints), "next": None}

    def _enrollment_tokens(self, method: str, rest: list[str], query: object, body: Body, if_match: object) -> Reply:
        if method == "GET":
            return 200, {}, {"enrollment_tokens": self.enrollment_tokens, "next": None}
        if method == "DELETE":
            return 200, {}, {}
        made = {"id": "et-1", "name": body["name"], "max_uses": body["max_uses"], "used_count": 0}
        self.enrollment_tokens.append({**made, "expires_at": AT, "created_at": AT})
        return 201, {}, {"enrollment_token": self.enrollment_tokens[-1], "token": "cet_secret"}


@contextmanager
def serving() -> Iterator[Api]:
    """Serve an API on a free port of this machine."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_form = (self.headers.get("Content-Type") or "").startswith("application/x-www-form-urlencoded")
            form = {key: values[0] for key, values in parse_qs(raw.decode()).items()} if is_form else {}
            body = form or (json.loads(raw) if raw else {})
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            with api.lock:
                status, headers, answer = api.answer(self.command, self.path, token, body, self.headers.get("If-Match"))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that was interrupted on purpose

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
