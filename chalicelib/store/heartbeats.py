"""Heartbeats: what an agent says of itself, in the item of its endpoint."""

from datetime import datetime

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action

from chalicelib.domain import clones
from chalicelib.domain.clones import Process, Seat
from chalicelib.domain.endpoints import Endpoint, Heartbeat, Held
from chalicelib.domain.errors import Conflict, Gone, Unauthenticated
from chalicelib.store.endpoints import IS_REVOKED, EndpointItem, endpoint_of, find
from chalicelib.store.tables import is_condition_failure, store_errors


def record(tenant_id: str, endpoint_id: str, beat: Heartbeat, received_at: datetime, address: str = "") -> Endpoint:
    """Write down that the agent is alive and what it says, and return the endpoint; one write unit as a rule.

    address: where it comes from. Raise Gone if the endpoint was deleted, Unauthenticated if it was revoked: neither is brought
    back to life; Conflict if it comes from a copy of the machine.
    """
    actions = [
        EndpointItem.last_heartbeat_at.set(received_at),
        EndpointItem.clock_at.set(beat.clock_at),
        EndpointItem.version.set(beat.version),
        EndpointItem.spool_depth.set(beat.spool_depth),
        EndpointItem.results_lost.set(beat.results_lost),
        EndpointItem.problems.set(list(beat.problems)),
        EndpointItem.commit_sha.set(beat.commit) if beat.commit else EndpointItem.commit_sha.remove(),
        EndpointItem.timezone.set(beat.timezone) if beat.timezone else EndpointItem.timezone.remove(),
        EndpointItem.scheduler.set(beat.scheduler) if beat.scheduler else EndpointItem.scheduler.remove(),
        EndpointItem.oldest_unsent_at.set(beat.oldest_unsent_at)
        if beat.oldest_unsent_at
        else EndpointItem.oldest_unsent_at.remove(),
        *_held_actions(beat.held),
    ]
    item = EndpointItem(tenant_id, endpoint_id)
    is_there = EndpointItem.endpoint_id.exists() & ~IS_REVOKED
    is_same = (EndpointItem.instance_id == beat.process.instance_id) if beat.process else None
    try:
        with store_errors():
            item.update(actions=actions, condition=is_there & is_same if is_same is not None else is_there)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        found = find(tenant_id, endpoint_id, is_consistent=True)
        if found is None:
            raise Gone(f"endpoint {endpoint_id} has been deleted", code="endpoint_gone") from e
        if found.is_revoked or beat.process is None:
            raise Unauthenticated(f"endpoint {endpoint_id} has been revoked", code="endpoint_revoked") from e
        return _seat_another(found, beat, beat.process, actions, received_at, address)
    return endpoint_of(item)


def _seat_another(
    found: Endpoint, beat: Heartbeat, process: Process, actions: list[Action], received_at: datetime, address: str
) -> Endpoint:
    """Take the heartbeat of an agent that is not the one heard of last: as a rule it was restarted."""
    item = EndpointItem(found.tenant_id, found.endpoint_id)
    if clones.is_refused(found.seat, process):
        _note_duplicate(item, received_at, address)
        raise clones.refusal(found.endpoint_id)
    is_late = found.clock_at is not None and beat.clock_at <= found.clock_at
    seat = clones.take(found.seat, process, received_at, is_late=is_late)
    known = found.seat.instance_id
    is_as_read = EndpointItem.instance_id == known if known else EndpointItem.instance_id.does_not_exist()
    try:
        with store_errors():
            is_there = EndpointItem.endpoint_id.exists() & ~IS_REVOKED
            item.update(actions=actions + _seat_actions(seat), condition=is_there & is_as_read)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"endpoint {found.endpoint_id} was heard of twice at the same moment; try again") from e
    return endpoint_of(item)


def _seat_actions(seat: Seat) -> list[Action]:
    told = {"former": seat.former, "refused": seat.refused, "boots": seat.refused_boots}
    actions = [
        EndpointItem.instance_id.set(seat.instance_id),
        EndpointItem.seat.set({name: " ".join(numbers) for name, numbers in told.items()}),
        EndpointItem.late_returns.set(seat.late_returns),
        EndpointItem.boot_id.set(seat.boot_id) if seat.boot_id else EndpointItem.boot_id.remove(),
    ]
    if seat.duplicate_since and seat.duplicate_at:
        actions += [
            EndpointItem.duplicate_since.set(seat.duplicate_since),
            EndpointItem.duplicate_at.set(seat.duplicate_at),
        ]
    return actions


def _note_duplicate(item: EndpointItem, at: datetime, address: str) -> None:
    actions = [EndpointItem.duplicate_at.set(at)]
    if address:
        actions.append(EndpointItem.duplicate_from.set(address))
    try:
        with store_errors():
            item.update(actions=actions, condition=EndpointItem.duplicate_since.exists())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def _held_actions(held: Held | None) -> list[Action]:
    if held is None:
        # What was approved is done, or has become pointless.
        gone = ("held", "held_head", "held_digest", "approved_head", "approved_digest")
        return [getattr(EndpointItem, name).remove() for name in gone]
    told = {"code": held.code, "count": held.count, "job_ids": list(held.job_ids)}
    return [
        EndpointItem.held.set(told),
        EndpointItem.held_head.set(held.head),
        EndpointItem.held_digest.set(held.digest),
    ]
