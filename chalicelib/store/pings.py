"""The pings table: for each job one item that a ping URL leads to, and the job's last hundred pings beside it.

The item is a copy of what the manifest says, made anew whenever that changes, and the state that pings have told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.domain import times, tokens
from chalicelib.domain.checks import Check, Definition, Flip, Start, State
from chalicelib.domain.pings import Kept
from chalicelib.domain.runs import RETENTION, Run
from chalicelib.store import runs as run_store
from chalicelib.store.tables import (
    MomentAttribute,
    Table,
    WholeNumber,
    is_condition_failure,
    put_together,
    store_errors,
    table_name,
)

KEPT_PINGS = 100
# A job that was taken away by mistake finds its state again.
KEPT_AFTER_RETIREMENT = timedelta(days=90)
_STATE_SLOT = 0
_WAITING = "resume"
PROJECTED = ["job_id", "namespace", "path", "sha", "followed_at", "is_resumed"]


class TenantIndex(GlobalSecondaryIndex["PingItem"]):
    """What is listed without its state: a ping changes nothing in here."""

    class Meta:
        index_name = "tenant"
        projection = IncludeProjection(PROJECTED)

    tenant_id = UnicodeAttribute(hash_key=True)
    slug = UnicodeAttribute(range_key=True)


class WaitingIndex(GlobalSecondaryIndex["PingItem"]):
    """The few checks whose pause a ping has ended and whose file does not say so yet."""

    class Meta:
        index_name = "waiting"
        projection = KeysOnlyProjection()

    waiting = UnicodeAttribute(hash_key=True)
    tenant_id = UnicodeAttribute(range_key=True)


class PingItem(Table):
    """Slot 0 is the check, slots 1 to 100 its last pings in a ring."""

    class Meta:
        table_name = table_name("pings")

    check_key = UnicodeAttribute(hash_key=True)
    slot = WholeNumber(range_key=True)
    # Of the check. When it is retired it loses tenant_id, and with it its place in the index; owner stays.
    owner = UnicodeAttribute(null=True)
    tenant_id = UnicodeAttribute(null=True)
    slug = UnicodeAttribute(null=True)
    job_id = UnicodeAttribute(null=True)
    namespace = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    path = UnicodeAttribute(null=True)
    sha = UnicodeAttribute(null=True)
    followed_at = MomentAttribute(null=True)
    is_pinged = BooleanAttribute(null=True)
    is_paused = BooleanAttribute(null=True)
    is_resumed_by_hand = BooleanAttribute(null=True)
    is_post_only = BooleanAttribute(null=True)
    schedule = UnicodeAttribute(null=True)
    zone = UnicodeAttribute(null=True)
    period_s = WholeNumber(null=True)
    grace_s = WholeNumber(null=True)
    keep_bytes = WholeNumber(null=True)
    count = WholeNumber(null=True)
    last_ping_at = MomentAttribute(null=True)
    result = UnicodeAttribute(null=True)
    last_duration_ms = WholeNumber(null=True)
    open_run_id = UnicodeAttribute(null=True)
    open_rid = UnicodeAttribute(null=True)
    starts: ListAttribute[str] = ListAttribute(of=UnicodeAttribute, null=True)
    flips: ListAttribute[float] = ListAttribute(of=NumberAttribute, null=True)
    is_resumed = BooleanAttribute(null=True)
    waiting = UnicodeAttribute(null=True)
    # of a ping
    number = WholeNumber(null=True)
    kind = UnicodeAttribute(null=True)
    at = MomentAttribute(null=True)
    method = UnicodeAttribute(null=True)
    scheme = UnicodeAttribute(null=True)
    remote_addr = UnicodeAttribute(null=True)
    user_agent = UnicodeAttribute(null=True)
    rid = UnicodeAttribute(null=True)
    duration_ms = WholeNumber(null=True)
    run_id = UnicodeAttribute(null=True)
    body = BinaryAttribute(null=True, legacy_encoding=False)
    has_body = BooleanAttribute(null=True)
    ttl = WholeNumber(null=True)
    tenant_index = TenantIndex()
    waiting_index = WaitingIndex()


_DEFINED = [field.name for field in fields(Definition) if field.name != "tenant_id"]
_KEPT = [field.name for field in fields(Kept)]


@dataclass(frozen=True, slots=True)
class Entry:
    """A check as it is listed. slug: what it is called in a ping URL. is_resumed: Git does not know yet that it is."""

    job_id: str
    namespace: str
    slug: str
    path: str
    sha: str
    followed_at: datetime
    is_resumed: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What stands under a job's id. is_retired: the job was taken away; its state is kept for when it comes back."""

    check: Check
    is_retired: bool


def find(job_id: str) -> Found | None:
    """Return the check of this id, retired or not, or None."""
    try:
        with store_errors():
            return _found(PingItem.get(_key(job_id), _STATE_SLOT, consistent_read=True))
    except PingItem.DoesNotExist:
        return None


def load_many(job_ids: Iterable[str]) -> dict[str, Check]:
    """Return those of these checks that are there, by job_id. 100 cost one call."""
    with store_errors():
        found = [_found(item) for item in PingItem.batch_get([(_key(job_id), _STATE_SLOT) for job_id in job_ids])]
    return {one.check.definition.job_id: one.check for one in found if not one.is_retired}


def entries(tenant_id: str, slug: str | None = None) -> list[Entry]:
    """Return the tenant's checks, or those of one slug, as the index knows them: it lags behind by a moment."""
    condition = None if slug is None else PingItem.slug == slug
    with store_errors():
        return [_entry(item) for item in PingItem.tenant_index.query(tenant_id, condition)]


def tenants_waiting() -> list[str]:
    """Return the tenants with a check whose pause a ping has ended and whose file does not say so yet, sorted."""
    with store_errors():
        return sorted({item.tenant_id for item in PingItem.waiting_index.query(_WAITING)})


def define(definition: Definition, state: State, now: datetime, *, expected: Check | None) -> bool:
    """Write what a manifest says now, and the state that follows; False if somebody else was faster.

    expected: the check as it was read, None where there was none in force.
    """
    actions = [PingItem.owner.set(definition.tenant_id), PingItem.tenant_id.set(definition.tenant_id)]
    actions += [PingItem.followed_at.set(now), PingItem.ttl.remove()]
    actions += _setting({name: getattr(definition, name) for name in _DEFINED})
    actions += _setting(_written(state))
    condition = _unchanged(expected) if expected else PingItem.tenant_id.does_not_exist()
    return _update(definition.job_id, actions, condition)


def advance(check: Check, state: State) -> bool:
    """Write the state that a ping has led to; False if another ping or a new definition was faster."""
    return _update(check.definition.job_id, _setting(_written(state)), _unchanged(check))


def retire(tenant_id: str, job_id: str, sha: str, now: datetime) -> None:
    """Take the job's check away; its state stays for a while. One that has changed hands or definition meanwhile stays."""
    expiry = int((now + KEPT_AFTER_RETIREMENT).timestamp())
    actions = [PingItem.tenant_id.remove(), PingItem.ttl.set(expiry)]
    _update(job_id, actions, (PingItem.tenant_id == tenant_id) & (PingItem.sha == sha))


def keep(job_id: str, ping: Kept, run: Run | None, retention: timedelta = RETENTION) -> None:
    """Put a ping into its place in the ring and, in the same call, what it says about a run into the ledger.

    retention: for how long both are kept.
    """
    item = {name: getattr(ping, name) for name in _KEPT} | {
        "check_key": _key(job_id),
        "slot": _slot(ping.number),
        "ttl": int((ping.at + retention).timestamp()),
    }
    puts: dict[type[Table], list[Mapping[str, Any]]] = {PingItem: [item]}
    if run:
        puts[run_store.RunItem] = [run_store._attributes(run, retention)]
    put_together(puts)


def list_kept(check: Check) -> list[Kept]:
    """Return the last pings, newest first, at most 100."""
    with store_errors():
        found = list(PingItem.query(_key(check.definition.job_id), PingItem.slot > _STATE_SLOT))
    # A ring that was begun anew may still hold pings from before.
    pings = [_kept(item) for item in found if item.number <= check.state.count]
    return sorted(pings, key=lambda ping: ping.number, reverse=True)


def find_kept(check: Check, number: int) -> Kept | None:
    """Return one ping, None if it was never there or has been overwritten."""
    try:
        with store_errors():
            item = PingItem.get(_key(check.definition.job_id), _slot(number))
    except PingItem.DoesNotExist:
        return None
    return _kept(item) if item.number == number <= check.state.count else None


def _slot(number: int) -> int:
    return (number - 1) % KEPT_PINGS + 1


def _key(job_id: str) -> str:
    return tokens.digest(job_id)


def _unchanged(check: Check) -> Any:
    is_its = PingItem.tenant_id == check.definition.tenant_id
    return is_its & (PingItem.count == check.state.count) & (PingItem.sha == check.definition.sha)


def _setting(values: Mapping[str, Any]) -> list[Any]:
    attributes = {name: getattr(PingItem, name) for name in values}
    return [attributes[name].remove() if value is None else attributes[name].set(value) for name, value in values.items()]


def _update(job_id: str, actions: Sequence[Any], condition: Any) -> bool:
    try:
        with store_errors():
            # A model's own update would have the whole item sent back and read again.
            PingItem._get_connection().update_item(_key(job_id), str(_STATE_SLOT), actions=list(actions), condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def _written(state: State) -> dict[str, Any]:
    return {
        "count": state.count,
        "last_ping_at": state.last_ping_at,
        "result": state.result,
        "last_duration_ms": state.last_duration_ms,
        "open_run_id": state.open.run_id if state.open else None,
        "open_rid": state.open.rid if state.open else None,
        "starts": [f"{start.run_id} {start.rid or ''}" for start in state.starts] or None,
        "flips": [times.to_millis(flip.at) * (1 if flip.is_up else -1) for flip in state.flips] or None,
        # Only the true one is written: the index holds it, and would be written at each ping.
        "is_resumed": state.is_resumed or None,
        "waiting": _WAITING if state.is_resumed else None,
    }


def _found(item: PingItem) -> Found:
    definition = Definition(tenant_id=item.owner, **{name: getattr(item, name) for name in _DEFINED})
    state = State(
        count=item.count,
        last_ping_at=item.last_ping_at,
        result=item.result,
        last_duration_ms=item.last_duration_ms,
        open=Start(item.open_run_id, item.open_rid) if item.open_run_id else None,
        starts=tuple(_start(text) for text in item.starts or ()),
        flips=tuple(Flip(times.from_millis(abs(int(millis))), millis > 0) for millis in item.flips or ()),
        is_resumed=bool(item.is_resumed),
    )
    return Found(Check(definition, state), is_retired=item.tenant_id is None)


def _start(text: str) -> Start:
    run_id, _, rid = text.partition(" ")
    return Start(run_id, rid or None)


def _entry(item: PingItem) -> Entry:
    return Entry(item.job_id, item.namespace, item.slug, item.path, item.sha, item.followed_at, bool(item.is_resumed))


def _kept(item: PingItem) -> Kept:
    return Kept(**{name: getattr(item, name) for name in _KEPT})
