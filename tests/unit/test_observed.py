import logging
from collections.abc import Iterator

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.logs import log
from chalicelib.workers.observed import Done, Part, WorkFailed, observed, one_by_one


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    handler, logger = Lines(), logging.getLogger(log.name)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler.records
    logger.removeHandler(handler)
    logger.setLevel(level)


def busy() -> str:
    raise Unavailable("the database is away", code="store_unavailable")


def broken() -> str:
    raise KeyError("ctp_secret")


def test_an_invocation_is_one_line_with_what_was_done(lines):
    @observed
    def sweep(event):
        return Done({"late": 2})

    sweep({})

    (line,) = lines
    assert (line.worker, line.counts, line.failed) == ("sweep", {"late": 2}, 0)


def test_items_that_failed_are_given_again():
    @observed
    def follow(event):
        return one_by_one([Part(["1", "2"], busy), Part(["3"], lambda: "done")])

    assert follow({}) == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}


def test_what_was_done_and_what_failed_is_counted_by_its_word(lines):
    done = one_by_one([Part(["1"], busy), Part(["2"], broken), Part(["3"], lambda: "done"), Part(["4"], lambda: "done")])

    assert done.counts == {"store_unavailable": 1, "internal": 1, "done": 2}
    assert [line.levelname for line in lines] == ["WARNING", "ERROR"]


@pytest.mark.parametrize(("work", "code"), [(busy, "store_unavailable"), (broken, "internal")])
def test_lambda_hears_that_it_failed_and_nothing_that_could_be_secret(work, code):
    @observed
    def sweep(event):
        return Done({work(): 1})

    with pytest.raises(WorkFailed, match=f"^sweep: {code}$") as caught:
        sweep({})

    assert caught.value.__suppress_context__
