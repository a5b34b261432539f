"""Webhooks: signed, sent once by one thread, five seconds each, never again."""

import hmac
import json
import logging
import queue
import threading
import uuid
from dataclasses import dataclass
from fnmatch import fnmatchcase

import requests

from infra.local.forge.database import Database
from infra.local.forge.repositories import Repository

log = logging.getLogger(__name__)

TIMEOUT_S = 5
EVENT = "push"


@dataclass(frozen=True, slots=True)
class Delivery:
    url: str
    secret: str
    authorization: str
    body: bytes

    def headers(self, delivery_id: str) -> dict[str, str]:
        """Return the headers Forgejo sends. Without a secret the signatures are there, but empty."""
        sha256 = self._signature("sha256")
        headers = {"Content-Type": "application/json", "X-Hub-Signature": f"sha1={self._signature('sha1')}"}
        headers["X-Hub-Signature-256"] = f"sha256={sha256}"
        for system in ("Forgejo", "Gitea", "Gogs"):
            headers[f"X-{system}-Delivery"] = delivery_id
            headers[f"X-{system}-Event"] = EVENT
            headers[f"X-{system}-Event-Type"] = EVENT
            headers[f"X-{system}-Signature"] = sha256
        if self.authorization:
            headers["Authorization"] = self.authorization
        return headers

    def _signature(self, algorithm: str) -> str:
        return hmac.new(self.secret.encode(), self.body, algorithm).hexdigest() if self.secret else ""


class Deliveries:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
        self._thread.start()

    def announce(self, repository: Repository, ref: str, payload: dict[str, object]) -> None:
        """Queue one delivery for each hook that wants this ref."""
        branch = ref.removeprefix("refs/heads/")
        for hook in self._db.rows("SELECT * FROM hooks WHERE repository_id = ? AND is_active", repository.id):
            if ref.startswith("refs/heads/") and not fnmatchcase(branch, hook["branch_filter"]):
                continue
            body = json.dumps(payload).encode()
            self._waiting.put(Delivery(hook["url"], hook["secret"], hook["authorization"], body))

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for delivery in iter(self._waiting.get, None):
                _send(session, delivery)


def _send(session: requests.Session, delivery: Delivery) -> None:
    headers = delivery.headers(str(uuid.uuid4()))
    try:
        answer = session.post(delivery.url, delivery.body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as e:
        log.warning("webhook not delivered: %s", type(e).__name__)
        return
    if not answer.ok:
        log.warning("webhook answered %s", answer.status_code)
