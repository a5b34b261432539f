"""Device login (RFC 8628): the steps of the program that wants in and of the person who lets it."""

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import device, tokens
from chalicelib.domain.device import SLOWER_BY_S, Grant, Verdict
from chalicelib.domain.errors import Conflict, Forbidden, GrantRefused, Invalid, NotFound
from chalicelib.services import logins
from chalicelib.services.logins import Session, Signer
from chalicelib.store import device_grants
from chalicelib.store import tenants as tenant_store

_WORDS: dict[Verdict, str] = {
    "authorization_pending": "nobody has approved the code yet; ask again after the interval",
    "slow_down": "asked too soon; the interval is five seconds longer from now on",
    "access_denied": "the login was refused",
    "expired_token": "nobody approved the code in time; start again",
    "invalid_grant": "this device code is unknown or was exchanged already; start again",
}


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks. client: what it calls itself, for people; address: where from."""

    client_id: str
    client: str
    address: str


@dataclass(frozen=True, slots=True)
class Started:
    device_code: str
    user_code: str


def start(keys: Mapping[str, bytes], program: Program, random: Callable[[int], bytes], now: datetime) -> Started:
    """Begin a device login and return its two codes. keys: id -> key; the last one keys the digests of user codes."""
    plain = tokens.mint("device", random(32))
    grant = Grant(
        digest=tokens.digest(plain),
        client_id=program.client_id,
        client=program.client,
        address=program.address,
        created_at=now,
        expires_at=now + device.LIFE,
    )
    for _ in range(3):  # a code that is in use already: once in a million times with ten thousand logins under way
        code = device.new_code(random(16))
        with suppress(Conflict):
            device_grants.save(grant, _code_digests(keys, code)[0])
            return Started(plain, code)
    raise Conflict("no free code was found; try again")


def show(keys: Mapping[str, bytes], typed: str, now: datetime) -> Grant:
    """Return the device login that waits for this user code. Raise Invalid if it cannot be a code, NotFound if none waits."""
    code = device.read_code(typed)
    if code is None:
        raise Invalid.of({"user_code": "is eight letters, such as BCDF-GHJK; look at what the program shows"})
    found = [grant for digest in _code_digests(keys, code) if (grant := device_grants.find_by_code(digest))]
    if not found or found[0].state != "pending" or now >= found[0].expires_at:
        raise NotFound("no login waits for this code; it may have expired. Start again where you want to log in")
    return found[0]


def decide(keys: Mapping[str, bytes], tenant_id: str, typed: str, now: datetime, *, approves: bool) -> Grant:
    """Let the program in as this tenant, or turn it away, and return its login. Raise Invalid, NotFound or Conflict."""
    grant = show(keys, typed, now)
    device_grants.decide(grant, "approved" if approves else "denied", tenant_id, now)
    return grant


def exchange(signer: Signer, device_code: str, client_id: str | None, now: datetime) -> Session:
    """Return a new session for an approved device code, once. client_id: what the program said again, None if nothing.

    Raise GrantRefused, whose code is OAuth's word for why, as long as there is none.
    """
    grant = device_grants.find(tokens.digest(device_code)) if tokens.kind_of(device_code) == "device" else None
    if grant is None or (client_id is not None and client_id != grant.client_id):
        raise _refused("invalid_grant")
    verdict = device.judge(grant, now)
    if verdict in ("authorization_pending", "slow_down"):
        is_early = verdict == "slow_down"
        device_grants.note_poll(grant, grant.interval_s + (SLOWER_BY_S if is_early else 0), now)
    if verdict != "approved":
        raise _refused(verdict)
    return _open(signer, grant, now)


def _open(signer: Signer, grant: Grant, now: datetime) -> Session:
    tenant = tenant_store.find(grant.tenant_id or "")
    if tenant is None:
        raise _refused("access_denied")
    try:
        logins.refuse_inactive(tenant)
    except Forbidden as e:
        raise GrantRefused(e.message, code="access_denied") from e
    try:
        device_grants.use_up(grant)
    except Conflict as e:
        raise _refused("invalid_grant") from e
    return logins.begin(signer, tenant, grant.client, now)


def _refused(verdict: Verdict) -> GrantRefused:
    return GrantRefused(_WORDS[verdict], code=verdict)


def _code_digests(keys: Mapping[str, bytes], code: str) -> list[str]:
    # 35 bits could be guessed from a plain digest in a minute.
    return [hmac.digest(key, b"user code " + code.encode(), "sha256").hex() for key in reversed(list(keys.values()))]
