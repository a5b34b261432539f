import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.services.schedule_words import describe


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("*/5 * * * *", "Every 5 minutes"),
        ("@daily", "At 00:00"),
        ("30 3 * * mon-fri", "At 03:30, Monday through Friday"),
        ("0 0 * * 7", "At 00:00, only on Sunday"),
        ("0 0 * * 0", "At 00:00, only on Sunday"),
        ("0 3 1 * 1", "At 03:00, on day 1 of the month, or on Monday"),
        ("0 9 */2 * 1", "At 09:00, every 2 days, but only on Monday"),
        ("@reboot", "At every start of the machine"),
    ],
)
def test_a_schedule_is_told_as_cron_means_it(expression, words):
    assert describe(expression) == words


def test_what_is_no_schedule_has_no_words():
    with pytest.raises(Invalid):
        describe("* * * *")
