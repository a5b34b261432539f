import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import audit
from agent.audit import record, verify
from agent.audit_facts import of_table
from agent.home import Home

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def fill(home: Home, count: int, kind: audit.Kind = "round") -> None:
    for number in range(count):
        record(home, kind, {"commit": f"{number:040}"}, lambda: NOON)


def lines(home: Home) -> list[bytes]:
    return home.audit_log.read_bytes().splitlines(keepends=True)


def test_entries_follow_each_other(home: Home) -> None:
    fill(home, 3)

    verdict = verify(home)
    assert (verdict.checked, verdict.broken, verdict.last and verdict.last.seq) == (3, None, 3)
    assert stat.S_IMODE(home.audit_log.stat().st_mode) == 0o600


def test_nothing_recorded_is_nothing_broken(home: Home) -> None:
    assert verify(home) == audit.Verdict(0, None, None, None)


@pytest.mark.parametrize("kind", ["changed", "removed", "swapped", "doubled", "garbage", "first removed"])
def test_whatever_is_done_to_an_entry_is_noticed(home: Home, kind: str) -> None:
    fill(home, 5)
    one, two, three, four, five = lines(home)
    tampered = {
        "changed": [one, two, three.replace(b"0002", b"9992"), four, five],
        "removed": [one, two, four, five],
        "swapped": [one, three, two, four, five],
        "doubled": [one, two, two, three, four, five],
        "garbage": [one, two, b"hello\n", four, five],
        "first removed": [two, three, four, five],
    }
    home.audit_log.write_bytes(b"".join(tampered[kind]))

    assert verify(home).broken


def test_a_line_cut_short_by_a_crash_is_taken_away_and_noted(home: Home) -> None:
    fill(home, 2)
    whole = home.audit_log.read_bytes()
    for cut in range(1, len(lines(home)[1])):
        home.audit_log.write_bytes(whole[:-cut])
        fill(home, 1)

        entries = [json.loads(line) for line in lines(home)]
        assert [entry["kind"] for entry in entries] == ["round", "repaired", "round"]
        assert verify(home).broken is None


def test_a_line_cut_short_is_told_and_is_no_tampering(home: Home) -> None:
    fill(home, 2)
    home.audit_log.write_bytes(home.audit_log.read_bytes()[:-9])

    verdict = verify(home)

    assert (verdict.broken, verdict.checked) == (None, 1)
    assert verdict.torn > 0


def test_the_chain_goes_on_through_full_files_and_says_what_was_let_go(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_BYTES", 500)
    monkeypatch.setattr(audit, "KEPT_FILES", 2)
    fill(home, 20)

    verdict = verify(home)
    assert verdict.broken is None
    assert verdict.first and verdict.first.seq > 1
    home.audit_log.with_name("audit.log.2").unlink()
    assert "are missing" in str(verify(home).broken)


def test_a_crash_between_two_files_loses_nothing(home: Home) -> None:
    fill(home, 2)
    home.audit_log.rename(home.audit_log.with_name("audit.log.1"))
    fill(home, 1)

    assert (verify(home).checked, verify(home).broken) == (3, None)


def test_a_clock_that_goes_back_does_not_turn_the_order_round(home: Home) -> None:
    record(home, "round", {}, lambda: NOON)
    record(home, "round", {}, lambda: NOON - timedelta(hours=1))

    assert [json.loads(line)["at"] for line in lines(home)] == ["2026-11-20T12:00:00.000Z"] * 2


def test_work_goes_on_where_the_log_cannot_be_written(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.audit_log.mkdir()

    record(home, "round", {}, lambda: NOON)

    assert "cannot be written" in caplog.text


def test_a_change_of_the_table_is_told_by_ids_and_digests_alone() -> None:
    ids = [f"5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5{number}" for number in range(3)]
    line = "{} * * * * /h/bin/run-job CRONTOPUS:{}\n".format
    old = f"0 1 * * * secret --password x\n{line(1, ids[0])}{line(2, ids[1])}"
    new = f"{line(1, ids[0])}{line(3, ids[1])}{line(4, ids[2])}"

    facts = of_table(old.encode(), new.encode())

    assert (facts["added"], facts["changed"]) == ({"count": 1, "ids": [ids[2]]}, {"count": 1, "ids": [ids[1]]})
    assert facts["removed"] == {"count": 0, "ids": []}
    assert "password" not in str(facts)
