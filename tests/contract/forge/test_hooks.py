"""Webhooks: a push is told, signed over the very bytes that arrive."""

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chalicelib.forgejo.files import FileChange
from tests.contract.forge.git import commit_all, git
from tests.contract.forge.world import AUTHOR, Repository, World

SECRET = "only between us"
Event = tuple[dict[str, str], bytes]


class Listener:
    """A web server that keeps what was posted to it."""

    def __init__(self) -> None:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                events.put((dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self._events = events
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def next_event(self, world: World) -> Event:
        try:
            return self._events.get(timeout=10)
        except queue.Empty:
            if world.is_local:
                raise
            pytest.skip("this forge sends no webhooks to loopback; add it to webhook.ALLOWED_HOST_LIST")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def test_a_commit_is_told_with_a_signature(world: World, repository: Repository, listener: Listener) -> None:
    _hook(world, repository, listener)
    forge = world.client()
    before = forge.head(repository.owner, repository.name)

    made = forge.commit(repository.owner, repository.name, [FileChange("default/a.yaml", b"a")], "Add", AUTHOR)
    headers, body = listener.next_event(world)

    told = json.loads(body)
    assert headers["X-Forgejo-Event"] == "push"
    assert headers["X-Forgejo-Delivery"]
    assert headers["X-Forgejo-Signature"] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert (told["ref"], told["before"], told["after"]) == ("refs/heads/main", before, made.sha)
    assert told["commits"][0]["added"] == ["default/a.yaml"]
    assert told["repository"]["full_name"] == f"{repository.owner}/{repository.name}"


def test_a_push_by_git_is_told(world: World, repository: Repository, listener: Listener, tmp_path: Path) -> None:
    _hook(world, repository, listener)
    git("clone", "-q", world.git_url(repository, world.bot, world.token), "work", cwd=tmp_path)
    (tmp_path / "work" / "default" / ".gitkeep").write_text("changed")
    pushed = commit_all(tmp_path / "work")

    git("push", "-q", "origin", "main", cwd=tmp_path / "work")
    _, body = listener.next_event(world)

    told = json.loads(body)
    assert told["after"] == pushed
    assert told["commits"][0]["modified"] == ["default/.gitkeep"]
    assert told["pusher"]["login"] == world.bot


def test_a_hook_does_not_show_its_secret_and_can_be_deleted(world: World, repository: Repository, listener: Listener) -> None:
    made = _hook(world, repository, listener)

    shown = world.api("GET", f"{repository.path}/hooks")
    deleted = world.api("DELETE", f"{repository.path}/hooks/{made}")

    assert SECRET not in shown.text
    assert deleted.status_code == 204
    assert world.api("GET", f"{repository.path}/hooks").json() == []


@pytest.mark.parametrize("change", [{"type": "carrier pigeon"}, {"config": {"url": "gopher://x", "content_type": "json"}}])
def test_a_hook_that_makes_no_sense_is_refused(world: World, repository: Repository, change: dict[str, object]) -> None:
    body = {"type": "forgejo", "config": {"url": "http://127.0.0.1:1/", "content_type": "json"}, "active": True, **change}

    assert world.api("POST", f"{repository.path}/hooks", body).status_code == 422


def test_a_hook_that_is_made_again_takes_the_place_of_the_first(
    world: World, repository: Repository, listener: Listener
) -> None:
    for secret in ("first", SECRET):
        world.client().ensure_hook(repository.owner, repository.name, listener.url, secret)

    assert len(world.api("GET", f"{repository.path}/hooks").json()) == 1


def test_a_verdict_stands_at_its_commit(world: World, repository: Repository) -> None:
    forge = world.client()
    head = forge.head(repository.owner, repository.name)
    assert head is not None

    for state in ("failure", "success"):
        forge.set_status(repository.owner, repository.name, head, state, "crontopus/manifests", "all good")

    told = world.api("GET", f"{repository.path}/statuses/{head}").json()
    assert sorted(one["status"] for one in told) == ["failure", "success"]


def _hook(world: World, one: Repository, listener: Listener) -> int:
    config = {"url": listener.url, "content_type": "json", "secret": SECRET}
    body = {"type": "forgejo", "config": config, "events": ["push"], "branch_filter": "main", "active": True}
    made = world.api("POST", f"{one.path}/hooks", body)
    assert made.status_code == 201
    return int(made.json()["id"])
