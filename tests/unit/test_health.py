import pytest

from chalicelib.domain.health import health


@pytest.mark.parametrize(
    ("successes", "failures", "word"),
    [
        (0, 0, "unknown"),
        (1, 0, "healthy"),
        (95, 5, "healthy"),
        (19, 1, "healthy"),
        (94, 6, "degraded"),
        (9499, 501, "degraded"),
        (70, 30, "degraded"),
        (69, 31, "warning"),
        (0, 1, "warning"),
    ],
)
def test_health_is_the_share_of_successes(successes, failures, word):
    assert health(successes, failures) == word
