"""For how long a tenant's runs are kept. Endpoints' tokens carry it, so that taking a report in asks nobody."""

from datetime import timedelta

from chalicelib.domain.runs import RETENTION
from chalicelib.services.sessions import Caller
from chalicelib.store import tokens as token_store


def of(caller: Caller) -> timedelta:
    """Return for how long the runs that this endpoint reports are kept."""
    days = caller.credential.retention_days if caller.credential else None
    return timedelta(days=days) if days else RETENTION


def spread(tenant_id: str, days: int) -> None:
    """Tell the tokens of all endpoints. Runs that are stored keep the time they were given; repeating does no harm."""
    for credential in token_store.list_of_tenant(tenant_id, "endpoint"):
        token_store.set_retention(credential, days)
