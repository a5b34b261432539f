"""Keeping answers for callers who may ask again. Everything kept is sealed: an answer may show a secret for the only time."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from chalicelib.domain import idempotency
from chalicelib.domain.errors import CrontopusError
from chalicelib.logs import log
from chalicelib.services.sessions import Caller
from chalicelib.store import idempotency as idempotency_store
from chalicelib.vault import Vault


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given. body: its text."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Once:
    """One caller's key, for one request."""

    vault: Vault
    tenant_id: str
    key: str
    fingerprint: str

    def begin(self, now: datetime) -> KeptAnswer | None:
        """Return the answer that was given already, None if this is the first request.

        Raise Invalid if the key was sent with another request, Conflict while the first one is under way.
        """
        kept = idempotency_store.claim(self.key, self.fingerprint, now)
        if kept is None:
            return None
        sealed = idempotency.refuse_unless_answered(kept, self.fingerprint)
        return _opened([self.vault.unseal_bytes(self.tenant_id, piece) for piece in sealed])

    def finish(self, answer: KeptAnswer) -> None:
        """Keep the answer. Never raises: the caller has it, and who asks again is told that it was carried out."""
        try:
            idempotency_store.finish(self.key, self._sealed(answer))
        except CrontopusError as e:
            log.warning("an answer was not kept", extra={"why": e.message})

    def _sealed(self, answer: KeptAnswer) -> list[bytes]:
        pieces = idempotency.pieces(zlib.compress(json.dumps(asdict(answer)).encode()))
        try:
            return [self.vault.seal_bytes(self.tenant_id, piece) for piece in pieces or ()]
        except CrontopusError as e:
            log.warning("an answer was not sealed", extra={"why": e.message})
            return []

    def release(self) -> None:
        """Let the next request with this key run. Never raises."""
        try:
            idempotency_store.release(self.key)
        except CrontopusError as e:
            log.warning("an idempotency key was not given back", extra={"why": e.message})


def once(vault: Callable[[], Vault], caller: Caller, key: str, fingerprint: str) -> Once:
    """Return the caller's key; two callers' equal keys are two keys. Raise Invalid if it is no key."""
    holder = caller.credential.token_id if caller.kind == "enroll" and caller.credential else caller.name
    name = "\0".join((caller.tenant_id, caller.kind, holder, idempotency.checked(key)))
    return Once(vault(), caller.tenant_id, hashlib.sha256(name.encode()).hexdigest(), fingerprint)


def _opened(pieces: list[bytes]) -> KeptAnswer:
    return KeptAnswer(**json.loads(zlib.decompress(b"".join(pieces))))
