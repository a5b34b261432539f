"""The days table: the counters of one instance and one day, written when the day is over."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain import times
from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import Day
from chalicelib.domain.recent import Recent
from chalicelib.domain.tallies import Tally
from chalicelib.store.tables import Table, WholeNumber, is_condition_failure, read_partition, store_errors, table_name

KEPT = timedelta(days=400)


class DayItem(Table):
    class Meta:
        table_name = table_name("days")

    day_key = UnicodeAttribute(hash_key=True)
    instance_key = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    namespace = UnicodeAttribute()
    tally = UnicodeAttribute()
    recent = BinaryAttribute(null=True, legacy_encoding=False)
    rev = WholeNumber()
    ttl = WholeNumber()


# What a report reads: the rest would only be decoded to be thrown away.
_COUNTED = ("instance_key", "name", "namespace", "tally")


def find_many(tenant_id: str, endpoint_id: str, job_id: str, dates: Iterable[str]) -> Mapping[str, Day]:
    """Return an instance's counters of these dates, as far as there are any, by date."""
    keys = [(_day_key(tenant_id, date), _instance_key(job_id, endpoint_id)) for date in dates]
    with store_errors():
        found = [_day(item) for item in DayItem.batch_get(keys, consistent_read=True)] if keys else []
    return {day.date: day for day in found}


def save(day: Day) -> None:
    """Write a day's counters in place of those that `day` was read with. Raise Conflict if they have changed since."""
    condition = DayItem.rev == day.rev if day.rev else DayItem.rev.does_not_exist()
    try:
        with store_errors():
            _item(day).save(condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"the counters of {day.date} changed since they were read; try again") from e


def _item(day: Day) -> DayItem:
    return DayItem(
        _day_key(day.tenant_id, day.date),
        _instance_key(day.job_id, day.endpoint_id),
        name=day.job_name,
        namespace=day.namespace,
        tally=day.tally.to_text(),
        recent=day.recent.to_bytes(),
        rev=day.rev + 1,
        ttl=_ttl(day.date),
    )


def list_of_date(tenant_id: str, date: str) -> Iterator[Day]:
    """Yield the counters of all instances that ran on this date, without what they were counted from; one Query a megabyte."""
    for item in read_partition(DayItem, _day_key(tenant_id, date), _COUNTED):
        job_id, _, endpoint_id = item["instance_key"]["S"].partition("#")
        names = (item["name"]["S"], item["namespace"]["S"])
        yield Day(tenant_id, date, job_id, endpoint_id, *names, tally=Tally.from_text(item["tally"]["S"]))


def _ttl(date_text: str) -> int:
    end = times.from_text(f"{date.fromisoformat(date_text).isoformat()}T00:00:00Z") + timedelta(days=1)
    return int((end + KEPT).timestamp())


def _day_key(tenant_id: str, date: str) -> str:
    return f"{tenant_id}#{date}"


def _instance_key(job_id: str, endpoint_id: str) -> str:
    return f"{job_id}#{endpoint_id}"


def _day(item: DayItem) -> Day:
    tenant_id, _, date = item.day_key.partition("#")
    job_id, _, endpoint_id = item.instance_key.partition("#")
    return Day(
        tenant_id=tenant_id,
        date=date,
        job_id=job_id,
        endpoint_id=endpoint_id,
        job_name=item.name,
        namespace=item.namespace,
        tally=Tally.from_text(item.tally),
        recent=Recent.from_bytes(item.recent or b""),
        rev=item.rev or 0,
    )
