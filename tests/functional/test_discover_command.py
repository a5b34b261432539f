"""`discover` and the daemon's looks, as processes, against a control plane that answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.places import Place, machine

TABLE = b"# nightly\n0 3 * * *\t/usr/bin/dump %in\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with machine(tmp_path) as here:
        here.enroll()
        here.cron.table.write_bytes(TABLE)
        yield here


def ours(text: str) -> list[dict[str, object]]:
    """The lines of the crontab itself: root sees the system's tables too."""
    return [line for line in json.loads(text)["lines"] if line["table"] is None]


def test_a_dry_look_shows_what_is_there_and_tells_nobody(place: Place) -> None:
    done = place.agent("discover", "-o", "json")

    (line,) = ours(done.stdout)
    assert (line["schedule"], line["command"], line["where"]) == ("0 3 * * *", "/usr/bin/dump %in", "crontab:2")
    assert line["standing"] == "not told of yet"
    assert place.plane.bodies("/discovered-jobs") == []
    assert not (place.home / "discovered.json").exists()


def test_a_look_that_reports_tells_the_control_plane_and_changes_no_line(place: Place) -> None:
    done = place.agent("discover", "--report", "-o", "json")

    body = place.plane.bodies("/discovered-jobs")[0]
    (told,) = [job for job in body["jobs"] if "table" not in job]
    assert (told["command"], told["name"], body["is_complete"]) == ("/usr/bin/dump %in", "nightly", True)
    assert ours(done.stdout)[0]["standing"] == "refused: this is a test"
    assert place.cron.content == TABLE
