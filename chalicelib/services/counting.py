"""What was counted, by job and endpoint: the open days in the instances, the closed ones in the days table. No run is read."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.domain.instances import PING_ENDPOINT, Day, Instance
from chalicelib.domain.runs import RunStatus
from chalicelib.domain.tallies import Tally
from chalicelib.domain.windows import Window
from chalicelib.store import days as day_store
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import instances as instance_store

# The client keeps ten connections open.
_AT_ONCE = 8
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Counted:
    """One job on one endpoint, and its runs in a window. is_current: there is an instance; else it was there once."""

    job_id: str
    job_name: str
    namespace: str
    endpoint_id: str
    tally: Tally
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs. job: part of its name; the others are exact. None takes all."""

    namespace: str | None = None
    job: str | None = None
    endpoint_id: str | None = None
    status: RunStatus | None = None

    def takes(self, job_name: str, namespace: str, endpoint_id: str) -> bool:
        return (
            self.namespace in (None, namespace)
            and (self.job is None or self.job.lower() in job_name.lower())
            and self.endpoint_id in (None, endpoint_id)
        )


def count(tenant_id: str, window: Window, wanted: RunFilter, endpoint_ids: Iterable[str] | None = None) -> list[Counted]:
    """Return what ran in the window, and the instances in which nothing did.

    One Query for each endpoint, one for each date, and one for the list of endpoints unless that is given.
    """
    if endpoint_ids is None:
        endpoint_ids = [wanted.endpoint_id] if wanted.endpoint_id else endpoint_ids_of(tenant_id)
    instances = each(lambda one: instance_store.counts_of_endpoint(tenant_id, one), endpoint_ids)
    dates = [] if window.hour is not None else window.dates[1:]
    days = each(lambda date: list(day_store.list_of_date(tenant_id, date)), dates)
    rows = _together(window, (one for some in instances for one in some), (day for some in days for day in some))
    return [_narrowed(row, wanted.status) for row in rows if wanted.takes(row.job_name, row.namespace, row.endpoint_id)]


def endpoint_ids_of(tenant_id: str) -> list[str]:
    """Return the ids of the tenant's endpoints, and the one of runs that came by ping URL."""
    return [*(endpoint.endpoint_id for endpoint in endpoint_store.list_of_tenant(tenant_id)), PING_ENDPOINT]


def _together(window: Window, instances: Iterable[Instance], days: Iterable[Day]) -> Iterator[Counted]:
    rows: dict[tuple[str, str], Counted] = {}
    open_days: dict[tuple[str, str], str | None] = {}
    for instance in instances:
        key = (instance.job_id, instance.endpoint_id)
        open_days[key] = instance.day
        tally = _of_instance(instance, window)
        rows[key] = Counted(key[0], instance.job_name, instance.namespace, key[1], tally, is_current=True)
    for day in sorted(days, key=lambda day: day.date):
        key = (day.job_id, day.endpoint_id)
        # An instance knows all of its open day; the table may hold what was there when it was last removed.
        if open_days.get(key) == day.date:
            continue
        row = rows.get(key) or Counted(day.job_id, day.job_name, day.namespace, day.endpoint_id, Tally())
        names = (row.job_name, row.namespace) if row.is_current else (day.job_name, day.namespace)
        rows[key] = Counted(row.job_id, *names, row.endpoint_id, row.tally + day.tally, row.is_current)
    yield from rows.values()


def _of_instance(instance: Instance, window: Window) -> Tally:
    if window.hour is not None:
        return instance.hours.since(window.hour)
    return instance.today if instance.day in window.dates else Tally()


def _narrowed(row: Counted, status: RunStatus | None) -> Counted:
    if status is None:
        return row
    return Counted(row.job_id, row.job_name, row.namespace, row.endpoint_id, row.tally.only(status), row.is_current)


def each(read: Callable[[K], V], keys: Iterable[K]) -> list[V]:
    """Return what `read` says to each key, in order; some at a time, since each waits for an answer."""
    keys = list(keys)
    if len(keys) < 2:
        return [read(key) for key in keys]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, keys))
