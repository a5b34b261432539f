from datetime import UTC, datetime

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.store import watermarks

pytestmark = pytest.mark.usefixtures("tables")
FIRST, SECOND = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)


def test_a_worker_that_has_not_begun_has_no_mark():
    assert watermarks.find("test") is None


def test_a_mark_is_moved_by_one_twin_only():
    watermarks.advance("test", None, FIRST)
    watermarks.advance("test", FIRST, SECOND)

    for before in (None, FIRST):
        with pytest.raises(Conflict):
            watermarks.advance("test", before, FIRST)
    assert watermarks.find("test") == SECOND
    assert watermarks.find("another") is None
