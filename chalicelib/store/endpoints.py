"""The endpoints table."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, JSONAttribute, ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action

from chalicelib.domain.clones import Seat
from chalicelib.domain.endpoints import Approval, Endpoint, Facts, Held
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.store.tables import (
    MomentAttribute,
    Table,
    is_condition_failure,
    store_errors,
    suppress_condition_failure,
    table_name,
)


class EndpointItem(Table):
    class Meta:
        table_name = table_name("endpoints")

    tenant_id = UnicodeAttribute(hash_key=True)
    endpoint_id = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    hostname = UnicodeAttribute()
    platform = UnicodeAttribute()
    version = UnicodeAttribute()
    machine_id = UnicodeAttribute()
    timezone = UnicodeAttribute(null=True)
    scheduler = UnicodeAttribute(null=True)
    enrolled_at = MomentAttribute()
    last_heartbeat_at = MomentAttribute(null=True)
    commit_sha = UnicodeAttribute(null=True)
    spool_depth = NumberAttribute(default=0)
    oldest_unsent_at = MomentAttribute(null=True)
    clock_at = MomentAttribute(null=True)
    results_lost = NumberAttribute(default=0)
    instance_id = UnicodeAttribute(null=True)
    boot_id = UnicodeAttribute(null=True)
    seat: MapAttribute[str, str] = MapAttribute(null=True)
    late_returns = NumberAttribute(null=True)
    duplicate_since = MomentAttribute(null=True)
    duplicate_at = MomentAttribute(null=True)
    duplicate_from = UnicodeAttribute(null=True)
    problems = ListAttribute(of=UnicodeAttribute, default=list)
    token_digest = UnicodeAttribute()
    git_token_name = UnicodeAttribute()
    is_revoked = BooleanAttribute(default=False)
    labels: MapAttribute[str, str] = MapAttribute(default=dict)
    instances_digest = UnicodeAttribute(null=True)
    previous_token_digest = UnicodeAttribute(null=True)
    released_until = MomentAttribute(null=True)
    is_transferred = BooleanAttribute(default=False)
    held: JSONAttribute = JSONAttribute(null=True)
    # What approvals are made of; in attributes of their own, because conditions look at them.
    held_head = UnicodeAttribute(null=True)
    held_digest = UnicodeAttribute(null=True)
    approved_head = UnicodeAttribute(null=True)
    approved_digest = UnicodeAttribute(null=True)
    suspended_since = MomentAttribute(null=True)
    suspended_until = MomentAttribute(null=True)
    is_watched = BooleanAttribute(null=True)


IS_REVOKED = EndpointItem.is_revoked == True  # noqa: E712 - a condition for DynamoDB


def save(endpoint: Endpoint) -> None:
    """Store an endpoint as enrolled now. The same machine of the same tenant has the same key, so it is replaced."""
    facts = endpoint.facts
    item = EndpointItem(
        endpoint.tenant_id,
        endpoint.endpoint_id,
        name=facts.name,
        hostname=facts.hostname,
        platform=facts.platform,
        version=facts.version,
        machine_id=facts.machine_id,
        timezone=facts.timezone,
        scheduler=facts.scheduler,
        enrolled_at=endpoint.enrolled_at,
        token_digest=endpoint.token_digest,
        git_token_name=endpoint.git_token_name,
        is_revoked=endpoint.is_revoked,
        labels=dict(endpoint.labels),
        suspended_since=endpoint.suspended_since,
        suspended_until=endpoint.suspended_until,
    )
    with store_errors():
        item.save()


def find(tenant_id: str, endpoint_id: str, *, is_consistent: bool = False) -> Endpoint | None:
    """Return the endpoint, or None. is_consistent: as it is this moment, at twice the price."""
    try:
        with store_errors():
            return endpoint_of(EndpointItem.get(tenant_id, endpoint_id, consistent_read=is_consistent))
    except EndpointItem.DoesNotExist:
        return None


def find_many(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Endpoint]:
    """Return the endpoints by tenant and id, as far as they are there; one read for each hundred of them."""
    with store_errors():
        found = map(endpoint_of, EndpointItem.batch_get(keys, consistent_read=True))
        return {(one.tenant_id, one.endpoint_id): one for one in found}


def list_of_tenant(tenant_id: str) -> Iterator[Endpoint]:
    """Yield the tenant's endpoints by id; one Query a megabyte."""
    with store_errors():
        for item in EndpointItem.query(tenant_id):
            yield endpoint_of(item)


def count_of_tenant(tenant_id: str) -> int:
    """Return how many endpoints the tenant has; one Query a megabyte."""
    with store_errors():
        return int(EndpointItem.count(tenant_id))


def note_instances(tenant_id: str, endpoint_id: str, digest: str) -> None:
    """Write down which report about its jobs was taken. An endpoint that is gone stays gone."""
    try:
        with store_errors():
            EndpointItem(tenant_id, endpoint_id).update(
                actions=[EndpointItem.instances_digest.set(digest)], condition=EndpointItem.endpoint_id.exists()
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def set_watched(tenant_id: str, endpoint_id: str, *, is_on: bool) -> None:
    """Write down whether somebody will look soon if it is still there. An endpoint that is gone stays gone."""
    with store_errors(), suppress_condition_failure():
        EndpointItem(tenant_id, endpoint_id).update(
            actions=[EndpointItem.is_watched.set(is_on)], condition=EndpointItem.endpoint_id.exists()
        )


def amend(tenant_id: str, endpoint_id: str, name: str | None, labels: Mapping[str, str] | None) -> Endpoint:
    """Write down another name or other labels, None keeps them, and return the endpoint. Raise NotFound."""
    actions: list[Action] = []
    if name is not None:
        actions.append(EndpointItem.name.set(name))
    if labels is not None:
        actions.append(EndpointItem.labels.set(dict(labels)))
    return _update(tenant_id, endpoint_id, actions)


def _update(tenant_id: str, endpoint_id: str, actions: list[Action]) -> Endpoint:
    item = EndpointItem(tenant_id, endpoint_id)
    try:
        with store_errors():
            item.update(actions=actions, condition=EndpointItem.endpoint_id.exists())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise NotFound(f"no endpoint {endpoint_id!r}") from e
    return endpoint_of(item)


def mark_revoked(endpoint: Endpoint, *, is_transferred: bool = False) -> Endpoint:
    """Write down that the endpoint is revoked and return it. Raise Conflict if its token changed, or it went, meanwhile.

    is_transferred: because its machine went over to another tenant.
    """
    item = EndpointItem(endpoint.tenant_id, endpoint.endpoint_id)
    try:
        with store_errors():
            is_same = EndpointItem.token_digest == endpoint.token_digest
            actions = [EndpointItem.is_revoked.set(True), EndpointItem.is_transferred.set(is_transferred)]
            item.update(actions=actions, condition=is_same)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise _changed(endpoint) from e
    return endpoint_of(item)


def delete_revoked(endpoint: Endpoint) -> None:
    """Delete an endpoint that is revoked. Raise Conflict if it enrolled again, or went, meanwhile."""
    try:
        with store_errors():
            EndpointItem(endpoint.tenant_id, endpoint.endpoint_id).delete(condition=IS_REVOKED)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise _changed(endpoint) from e


def approve(tenant_id: str, endpoint_id: str, approval: Approval) -> Endpoint | None:
    """Write down what was approved and return the endpoint, None if just this is not held there any more."""
    is_held = (EndpointItem.held_head == approval.head) & (EndpointItem.held_digest == approval.digest)
    actions = [EndpointItem.approved_head.set(approval.head), EndpointItem.approved_digest.set(approval.digest)]
    item = EndpointItem(tenant_id, endpoint_id)
    try:
        with store_errors():
            item.update(actions=actions, condition=is_held)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return None
    return endpoint_of(item)


def suspend(tenant_id: str, endpoint_id: str, since: datetime | None, until: datetime | None) -> Endpoint:
    """Write down since and until when an endpoint is suspended, None and None for not at all. Raise NotFound."""
    actions = [
        EndpointItem.suspended_since.set(since) if since else EndpointItem.suspended_since.remove(),
        EndpointItem.suspended_until.set(until) if until else EndpointItem.suspended_until.remove(),
    ]
    return _update(tenant_id, endpoint_id, actions)


def _changed(endpoint: Endpoint) -> Conflict:
    return Conflict(f"endpoint {endpoint.endpoint_id} was enrolled again or deleted at the same moment; look, then try again")


def endpoint_of(item: EndpointItem) -> Endpoint:
    """Return the endpoint that an item of the table is."""
    facts = Facts(item.name, item.hostname, item.platform, item.version, item.machine_id, item.timezone, item.scheduler)
    return Endpoint(
        tenant_id=item.tenant_id,
        endpoint_id=item.endpoint_id,
        facts=facts,
        enrolled_at=item.enrolled_at,
        last_heartbeat_at=item.last_heartbeat_at,
        commit=item.commit_sha,
        spool_depth=int(item.spool_depth),
        problems=tuple(item.problems),
        token_digest=item.token_digest,
        git_token_name=item.git_token_name,
        is_revoked=item.is_revoked,
        labels=item.labels.as_dict(),
        instances_digest=item.instances_digest,
        previous_token_digest=item.previous_token_digest,
        released_until=item.released_until,
        is_transferred=bool(item.is_transferred),
        held=_held(item),
        approved=Approval(item.approved_head, item.approved_digest) if item.approved_head else None,
        suspended_since=item.suspended_since,
        suspended_until=item.suspended_until,
        oldest_unsent_at=item.oldest_unsent_at,
        is_watched=bool(item.is_watched),
        results_lost=int(item.results_lost or 0),
        clock_at=item.clock_at,
        seat=_seat(item),
    )


def _seat(item: EndpointItem) -> Seat:
    told = item.seat.as_dict() if item.seat else {}
    former, refused, boots = (tuple(told.get(name, "").split()) for name in ("former", "refused", "boots"))
    return Seat(
        instance_id=item.instance_id,
        former=former,
        refused=refused,
        refused_boots=boots,
        boot_id=item.boot_id,
        late_returns=int(item.late_returns or 0),
        duplicate_since=item.duplicate_since,
        duplicate_at=item.duplicate_at,
        duplicate_from=item.duplicate_from,
    )


def _held(item: EndpointItem) -> Held | None:
    if not item.held:
        return None
    told = item.held
    return Held(told["code"], item.held_head, told["count"], item.held_digest, tuple(told["job_ids"]))
