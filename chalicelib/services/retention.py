"""For how long a tenant's runs are kept. Endpoints' tokens carry it, so that taking a report in asks nobody."""

from datetime import datetime, timedelta

from chalicelib.domain.runs import RETENTION
from chalicelib.services.sessions import Caller
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store

# Pings come without a token of ours: their tenant is asked now and then.
ASKED_AGAIN_AFTER = timedelta(minutes=5)
MAX_KNOWN = 10_000
known: dict[str, tuple[datetime, timedelta]] = {}


def of(caller: Caller) -> timedelta:
    """Return for how long the runs that this endpoint reports are kept."""
    days = caller.credential.retention_days if caller.credential else None
    return timedelta(days=days) if days else RETENTION


def of_tenant(tenant_id: str, now: datetime) -> timedelta:
    """Return for how long the tenant's runs are kept, as it was at most five minutes ago."""
    asked_at, kept = known.get(tenant_id, (None, RETENTION))
    if asked_at is None or now - asked_at > ASKED_AGAIN_AFTER:
        tenant = tenant_store.find(tenant_id)
        kept = timedelta(days=tenant.retention_days) if tenant else RETENTION
        if len(known) >= MAX_KNOWN:
            known.clear()
        known[tenant_id] = (now, kept)
    return kept


def spread(tenant_id: str, days: int) -> None:
    """Tell the tokens of all endpoints. Runs that are stored keep the time they were given; repeating does no harm."""
    for credential in token_store.list_of_tenant(tenant_id, "endpoint"):
        token_store.set_retention(credential, days)
