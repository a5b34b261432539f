"""The minute's look at pauses that pings have ended: nobody pushes because of a ping, so no webhook tells of it."""

from chalicelib.domain.errors import CrontopusError, Unavailable
from chalicelib.logs import log
from chalicelib.services import tending
from chalicelib.services.polling import Poll
from chalicelib.services.repository import Repository
from chalicelib.store import pings as ping_store

MAX_AT_ONCE = 50


def tend_waiting(poll: Poll) -> int:
    """Tend the tenants whose files do not say yet what a ping has ended, and return how many there were.

    Without any it costs one query. What fails is the next minute's again. Raise Unavailable if the forge is down.
    """
    waiting = ping_store.tenants_waiting()[:MAX_AT_ONCE]
    for tenant_id in waiting:
        try:
            tending.tend(Repository(poll.forge, poll.organization, tenant_id), poll.random, poll.request_id)
        except Unavailable:
            raise
        except CrontopusError as e:
            log.warning("a resumed job was not committed", extra={"tenant_id": tenant_id, "why": e.message})
    return len(waiting)
