"""How instances go: what they have counted stays."""

from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import Instance, closing
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store

_TRIES = 3


def remove(instance: Instance) -> bool:
    """Close the instance's day and delete it; False if a run or a report of it came meanwhile: then it stays."""
    try:
        if instance.day is not None:
            dates = day_store.find_many(instance.tenant_id, instance.endpoint_id, instance.job_id, [instance.day])
            if day := closing(instance, dates.get(instance.day)):
                day_store.save(day)
        instance_store.delete(instance)
    except Conflict:
        return False
    return True


def remove_all(tenant_id: str, endpoint_id: str) -> None:
    """Remove all instances of an endpoint; those in which something still happens after a few tries stay."""
    for _ in range(_TRIES):
        left = [one for one in instance_store.list_of_endpoint(tenant_id, endpoint_id) if not remove(one)]
        if not left:
            return
