"""Pings: one request by URL becomes what it says about a check, and a run in the ledger. No forge is needed for that."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.domain import pings, tokens
from chalicelib.domain.checks import Check
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Conflict, NotFound, Unavailable
from chalicelib.domain.pings import Address, Ping, Step
from chalicelib.services import retention, usage
from chalicelib.store import pings as ping_store
from chalicelib.store import runs as run_store
from chalicelib.store import tokens as token_store

TRIES = 8


@dataclass(frozen=True, slots=True)
class Target:
    """Which check a ping is for. job_id: None where a slug names none, and the tenant may let it be made."""

    tenant_id: str
    slug: str | None
    job_id: str | None


def target_of(address: Address) -> Target:
    """Return the check that an address means.

    Raise NotFound for an unknown ping key, Conflict for a slug that several checks have.
    """
    if address.job_id:
        return Target("", None, address.job_id)
    if not address.ping_key or not address.slug:
        raise NotFound("not found")
    credential = token_store.find(tokens.digest(address.ping_key))
    if credential is None or credential.kind != "ping" or not _works(credential):
        raise NotFound("not found")
    namespace, _, slug = address.slug.rpartition(".")
    found = [entry for entry in ping_store.entries(credential.tenant_id, slug) if namespace in ("", entry.namespace)]
    if len(found) > 1:
        raise Conflict("ambiguous slug")
    return Target(credential.tenant_id, address.slug, found[0].job_id if found else None)


def _works(key: Credential) -> bool:
    return key.is_in_force(datetime.now(UTC)) and not key.is_suspended


def ping(job_id: str, make: Callable[[datetime], Ping]) -> Step:
    """Take one ping for a check. make: gives the ping at that moment. Raise NotFound if there is no such check.

    Two requests never count as one: the check's number of pings is the lock, and who comes second decides anew.
    """
    sent = make(datetime.now(UTC))
    for _ in range(TRIES):
        found = ping_store.find(job_id)
        if found is None or found.is_retired:
            raise NotFound("not found")
        step = pings.take(found.check, sent)
        if _write(found.check, sent, step):
            usage.note_ping(found.check.definition.tenant_id, step.run, datetime.now(UTC))
            return step
    raise Unavailable("too many pings at once for this check; try again")


def _write(check: Check, sent: Ping, step: Step) -> bool:
    """Write down a ping; False if another one was faster.

    A start stands in the ledger before anybody can end it, so that it never overwrites its own end. An end is only written by
    the one ping that took the start out of the state.
    """
    begun = step.run if step.run and not step.run.is_finished else None
    kept_for = retention.of_tenant(check.definition.tenant_id, datetime.now(UTC))
    if begun:
        run_store.record(begun, kept_for)
    if not ping_store.advance(check, step.state):
        return False
    kept = pings.kept(check, sent, step)
    ping_store.keep(check.definition.job_id, kept, None if begun else step.run, kept_for)
    return True
