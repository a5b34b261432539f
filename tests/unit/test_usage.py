"""Metering: what is gathered, when it is written, and what is not lost."""

from datetime import timedelta

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.usage import Usage
from chalicelib.services.usage import Meter
from tests.fixtures.builders import NOON

CALL = Usage(calls=1)


class Book:
    """What was written down."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, Usage]] = []
        self.is_closed = False

    def add(self, tenant_id, month, used, now) -> None:
        if self.is_closed:
            raise Unavailable("closed")
        self.entries.append((tenant_id, month, used))


def test_a_hundred_calls_are_one_write():
    book = Book()
    meter = Meter(book.add)

    for _ in range(250):
        meter.note("ada", CALL, NOON)

    assert book.entries == [("ada", "2026-11", Usage(100))] * 2


def test_what_is_five_minutes_old_is_written_with_the_next_request_whoever_sends_it():
    book = Book()
    meter = Meter(book.add)
    meter.note("ada", Usage(1, 2, 300), NOON)
    meter.note("eve", CALL, NOON + timedelta(minutes=4))

    meter.note("eve", CALL, NOON + timedelta(minutes=5))

    assert book.entries == [("ada", "2026-11", Usage(1, 2, 300))]


def test_a_request_costs_one_write_at_most():
    book = Book()
    meter = Meter(book.add)
    for name in ("ada", "eve", "bea"):
        meter.note(name, CALL, NOON)

    meter.note("ada", CALL, NOON + timedelta(hours=1))

    assert len(book.entries) == 1


def test_a_new_month_is_counted_by_itself():
    book = Book()
    meter = Meter(book.add)
    meter.note("ada", CALL, NOON)

    for day in (11, 12, 13):
        meter.note("ada", CALL, NOON + timedelta(days=day))

    assert [(month, used.calls) for _, month, used in book.entries] == [("2026-11", 1), ("2026-12", 2)]


def test_what_could_not_be_written_is_kept_and_not_tried_with_each_request():
    book = Book()
    meter = Meter(book.add)
    book.is_closed = True
    for _ in range(150):
        meter.note("ada", CALL, NOON)

    book.is_closed = False
    meter.note("ada", CALL, NOON + timedelta(seconds=29))
    assert book.entries == []
    meter.note("ada", CALL, NOON + timedelta(seconds=30))

    assert book.entries == [("ada", "2026-11", Usage(152))]
