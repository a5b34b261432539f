"""The sweep: once a minute, look at every instance whose moment has come, in the order of the minutes, each minute whole.

Whatever breaks off is done again by the next sweep, and nothing of it counts twice: tickets fall on tickets, and what was
decided about a slot is written once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain import signals, slots
from chalicelib.domain.due import CATCH_UP, ENDPOINT, MINUTE, SHARDS, Ticket, due_minute, minute_of, rule_of
from chalicelib.domain.endpoints import Endpoint, state
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.domain.instances import Instance
from chalicelib.domain.slots import REPLAY, Seen, Settled, Standing, Window
from chalicelib.logs import log
from chalicelib.services import alerting, watching
from chalicelib.services.alerting import Random
from chalicelib.services.counting import each
from chalicelib.store import due as due_store
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.store import slots as slot_store
from chalicelib.store.due import Lease
from chalicelib.store.slots import Noted

# A sweep that died frees the way for the next but one.
LEASE = timedelta(seconds=75)
# A minute or two late is how schedules of AWS are; from here on it was an outage.
MAX_LAG = timedelta(minutes=3)
PARKED = timedelta(hours=1)
ENOUGH = timedelta(seconds=10)
# What is worth keeping: silence, and what excuses it.
_KEPT = frozenset({"missed", "unknown", "paused", "maintenance"})
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Swept:
    """counts: word -> how many tickets it became of. lag: how far behind the clock the last whole minute is."""

    counts: dict[str, int] = field(default_factory=dict)
    minutes: int = 0
    lag: timedelta = timedelta()

    def count(self, words: Iterable[str]) -> None:
        for word in words:
            self.counts[word] = self.counts.get(word, 0) + 1


def sweep(clock: Clock, owner: str, time_left: Callable[[], timedelta], random: Random) -> Swept:
    """Look at all that is due up to the minute of now. time_left: until the sweep has to stop; the next one goes on.

    owner: names this sweep among others at the same time, of which only one looks. random: as many bytes as asked for.
    """
    now, done = clock(), Swept()
    lease = due_store.take_lease(owner, now, now + LEASE)
    if lease is None:
        done.count(["elsewhere"])
        return done
    try:
        lease = _catch_up(lease, now, time_left, done, random)
    finally:
        with suppress(Conflict):
            due_store.give_back(lease)
    done.lag = minute_of(now) - (lease.reached_at or minute_of(now))
    return done


def _catch_up(lease: Lease, now: datetime, time_left: Callable[[], timedelta], done: Swept, random: Random) -> Lease:
    windows = _outages(lease, now)
    minute = _first_minute(lease, now)
    while minute <= minute_of(now) and time_left() > ENOUGH:
        for shard in range(SHARDS):
            done.count(_look_at_all(list(due_store.list_of(minute, shard)), windows, now, random))
        lease = due_store.advance(lease, minute)
        done.minutes += 1
        minute += MINUTE
    return lease


def _first_minute(lease: Lease, now: datetime) -> datetime:
    """Return the first minute that has not been swept; what lies further back than a day is given up."""
    if lease.reached_at is None:
        return minute_of(now)
    return max(lease.reached_at + MINUTE, minute_of(now) - CATCH_UP)


def _outages(lease: Lease, now: datetime) -> tuple[Window, ...]:
    """Return the times in which nobody swept, this very one among them."""
    known = due_store.outages(now, CATCH_UP)
    if lease.reached_at is not None and now - lease.reached_at > MAX_LAG:
        outage = Window("outage", lease.reached_at, now)
        # One that a catch-up in several goes finds again has been noted with its real end.
        if not any(window.since <= outage.since and (window.until or now) > outage.since for window in known):
            due_store.note_outage(outage, now + CATCH_UP + REPLAY)
            known.append(outage)
    return tuple(known)


def _look_at_all(tickets: Sequence[Ticket], windows: tuple[Window, ...], now: datetime, random: Random) -> list[str]:
    if not tickets:
        return []
    instances = instance_store.find_many(
        (one.tenant_id, one.endpoint_id, one.job_id) for one in tickets if one.job_id != ENDPOINT
    )
    endpoints = endpoint_store.find_many({(one.tenant_id, one.endpoint_id) for one in tickets})
    look = partial(_look_safely, instances=instances, endpoints=endpoints, windows=windows, now=now, random=random)
    return each(look, tickets)


def _look_safely(
    ticket: Ticket,
    instances: Mapping[tuple[str, str, str], Instance],
    endpoints: Mapping[tuple[str, str], Endpoint],
    windows: tuple[Window, ...],
    now: datetime,
    random: Random,
) -> str:
    """Look at one instance and return what came of it. One that cannot be judged is put aside for an hour; the others go on."""
    instance = instances.get((ticket.tenant_id, ticket.endpoint_id, ticket.job_id))
    endpoint = endpoints.get((ticket.tenant_id, ticket.endpoint_id))
    try:
        if ticket.job_id == ENDPOINT:
            return watching.look(ticket, endpoint, windows, now, random)
        return _look(ticket, instance, endpoint, windows, now, random)
    except Unavailable:
        raise
    except Conflict:
        # Others keep writing what this one concerns; looked at again from where it began, it finds the same.
        due_store.put(_later(ticket, now, now))
        return "contended"
    except Exception:
        log.exception("an instance cannot be judged", extra={"job_id": ticket.job_id, "endpoint_id": ticket.endpoint_id})
        due_store.put(_later(ticket, now + PARKED, now))
        return "parked"


def _look(
    ticket: Ticket,
    instance: Instance | None,
    endpoint: Endpoint | None,
    windows: tuple[Window, ...],
    now: datetime,
    random: Random,
) -> str:
    expected = instance.reported.expected if instance and instance.reported else None
    if instance is None or endpoint is None or expected is None or rule_of(expected) != ticket.rule:
        return "stale"
    if endpoint.is_revoked:
        return "revoked"
    found = slots.settle(expected, ticket.after, _seen(instance, ticket.after, now), _standing(endpoint, windows, now), now)
    told, missed = signals.of_slots(instance, found.slots, ticket.missed, endpoint.problems)
    # The next ticket first: a sweep that dies in between looks again, and finds the same.
    if found.look_at:
        due_store.put(_later(replace(ticket, after=found.through, missed=missed), found.look_at, now))
    word = _keep(ticket, found, now)
    named = [replace(one, subject=replace(one.subject, endpoint_name=endpoint.facts.name)) for one in told]
    alerting.take(named, now, random)
    return word


def _keep(ticket: Ticket, found: Settled, now: datetime) -> str:
    kept = [slot for slot in found.slots if slot.state in _KEPT]
    for slot in kept:
        slot_store.note(ticket.tenant_id, ticket.job_id, Noted(ticket.endpoint_id, slot, now))
    if not found.slots:
        return "waiting"
    return kept[-1].state if kept else "on time"


def _later(ticket: Ticket, look_at: datetime, now: datetime) -> Ticket:
    return replace(ticket, due_at=due_minute(look_at, now, lead=MINUTE))


def arm(instance: Instance, now: datetime) -> None:
    """Have an instance looked at when its first slot is over; one write, none for a job that never runs by the clock."""
    expected = instance.reported.expected if instance.reported else None
    first = slots.next_look(expected, expected.since, ()) if expected else None
    if expected and first:
        due_at = due_minute(first, now)
        ids = (instance.tenant_id, instance.endpoint_id, instance.job_id)
        due_store.put(Ticket(*ids, due_at, expected.since, rule_of(expected)))


def _seen(instance: Instance, after: datetime, now: datetime) -> list[Seen]:
    """Return the instance's runs since a moment: as a rule the item itself knows them."""
    known = slots.seen_recently(instance.recent, after)
    if known is not None:
        return known
    runs = run_store.list_of_span(instance.tenant_id, instance.job_id, after - slots.EARLY, now)
    return slots.seen_of(run for run in runs if run.endpoint_id == instance.endpoint_id)


def _standing(endpoint: Endpoint, windows: tuple[Window, ...], now: datetime) -> Standing:
    is_offline = state(endpoint, now) == "offline"
    return Standing(endpoint.last_heartbeat_at, is_offline, endpoint.oldest_unsent_at, windows)
