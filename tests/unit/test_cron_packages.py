"""Where the crons for the tests come from."""

import pytest

from infra.local.cron_packages import PACKAGES, mirror_in
from tests.e2e.cron_labs import lab


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        ("deb http://mirror.example/debian bookworm main\n", "http://mirror.example/debian"),
        (
            "# deb http://old/debian x\ndeb [arch=amd64] https://mirror.example/debian/ sid main\n",
            "https://mirror.example/debian",
        ),
        ("Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n", "http://mirror.example/debian"),
        ("deb http://mirror.example/ubuntu noble main\n", None),
        ("deb http://mirror.example/debian-security bookworm-security main\n", None),
        ("", None),
    ],
)
def test_packages_come_from_the_machines_own_mirror(sources: str, mirror: str | None) -> None:
    assert mirror_in(sources) == mirror


def test_every_lab_but_debians_has_its_packages() -> None:
    assert sorted(PACKAGES) == sorted(set(lab.FLAVOURS) - {"debian"})
