"""Which token speaks for an endpoint, which did before, and whether another tenant may take its machine over."""

from dataclasses import replace
from datetime import datetime

from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict
from chalicelib.store.endpoints import EndpointItem
from chalicelib.store.tables import is_condition_failure, store_errors


def put_successor(endpoint: Endpoint, digest: str) -> None:
    """Make the token with this digest the endpoint's; the one it had becomes its previous one.

    Raise Conflict if the endpoint's token changed, or it was revoked or deleted, meanwhile.
    """
    is_same = (EndpointItem.token_digest == endpoint.token_digest) & (EndpointItem.is_revoked == False)  # noqa: E712
    actions = [EndpointItem.token_digest.set(digest), EndpointItem.previous_token_digest.set(endpoint.token_digest)]
    try:
        with store_errors():
            EndpointItem(endpoint.tenant_id, endpoint.endpoint_id).update(actions=actions, condition=is_same)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"the token of endpoint {endpoint.endpoint_id} changed at the same moment") from e


def release(endpoint: Endpoint, until: datetime) -> Endpoint:
    """Write down that another tenant may take the machine over until then, and return the endpoint.

    Raise Conflict if it was revoked or deleted meanwhile.
    """
    item = EndpointItem(endpoint.tenant_id, endpoint.endpoint_id)
    condition = EndpointItem.endpoint_id.exists() & (EndpointItem.is_revoked == False)  # noqa: E712
    try:
        with store_errors():
            item.update(actions=[EndpointItem.released_until.set(until)], condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"endpoint {endpoint.endpoint_id} was revoked or deleted at the same moment") from e
    return replace(endpoint, released_until=until)
