"""Snapshots are whole: what a killed writer left is never read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.snapshots import Snapshots


class Killed(Exception):
    pass


def files(text: str, *, killed_after: int = 3) -> Iterator[tuple[str, str]]:
    for number in range(3):
        if number == killed_after:
            raise Killed
        yield f"service-{number}.json", text


def contents(snapshots: Snapshots) -> set[str]:
    newest = snapshots.newest()
    return {path.read_text() for path in newest.iterdir()} if newest else set()


def test_there_is_none_before_the_first(tmp_path: Path):
    assert Snapshots(tmp_path / "s").newest() is None


def test_the_newest_replaces_the_one_before(tmp_path: Path):
    snapshots = Snapshots(tmp_path)
    for text in ("one", "two", "three"):
        snapshots.write(files(text))

    assert contents(snapshots) == {"three"}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_a_writer_killed_half_way_leaves_the_one_before(tmp_path: Path, killed_after: int):
    snapshots = Snapshots(tmp_path)
    snapshots.write(files("whole"))

    with pytest.raises(Killed):
        snapshots.write(files("half", killed_after=killed_after))

    assert contents(Snapshots(tmp_path)) == {"whole"}


def test_the_next_one_clears_away_what_a_killed_writer_left(tmp_path: Path):
    snapshots = Snapshots(tmp_path)
    with pytest.raises(Killed):
        snapshots.write(files("half", killed_after=1))

    snapshots.write(files("whole"))

    assert [path.name for path in tmp_path.iterdir()] == ["0000000001"]


def test_more_than_nine_are_still_in_order(tmp_path: Path):
    snapshots = Snapshots(tmp_path)
    for number in range(12):
        snapshots.write(files(str(number)))

    assert contents(snapshots) == {"11"}
