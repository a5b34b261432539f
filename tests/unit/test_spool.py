"""What the agent reads out of the spool, and what it never loses."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent import spool, spool_quota
from agent.spool import MAX_OUTPUT_JSON, Record
from chalicelib.domain.runs import MAX_OUTPUT_BYTES
from tests.fixtures.spooled import JOB_ID, STARTED, STARTED_MS, Spooled, run_id

NOW_MS = STARTED_MS + 3_600_000


def alive(pid: int, pid_start: int | None, boot_id: str | None) -> bool:
    return True


def dead(pid: int, pid_start: int | None, boot_id: str | None) -> bool:
    return False


@pytest.fixture
def spooled(tmp_path: Path) -> Spooled:
    return Spooled(tmp_path / "spool")


def only(spooled: Spooled, **options: Any) -> Record:
    (record,) = spool.list_records(spooled.path, NOW_MS, options.pop("process_alive", alive), **options)
    return record


def test_an_empty_or_missing_spool_has_no_records(tmp_path: Path):
    (tmp_path / "empty").mkdir()

    assert spool.list_records(tmp_path / "empty", NOW_MS, alive) == []
    assert spool.list_records(tmp_path / "missing", NOW_MS, alive) == []


def test_a_result_becomes_a_run_of_the_api(spooled: Spooled):
    spooled.ended(output=b"done\n", status="failure", exit_code=137, signal=9, commit="c" * 40)

    assert only(spooled).run == {
        "run_id": run_id(0), "job_id": JOB_ID, "job_name": "backup", "namespace": "default", "commit": "c" * 40,
        "status": "failure", "exit_code": 137, "signal": 9, "started_at": STARTED, "finished_at": "2026-02-02T02:40:00.164Z",
        "duration_ms": 40, "output": "done\n", "output_bytes": 5, "output_truncated": False,
    }  # fmt: skip


def test_records_come_oldest_first(spooled: Spooled):
    for number in (3, 1, 2):
        spooled.ended(number)

    listed = spool.list_records(spooled.path, NOW_MS, alive)

    assert [record.run_id for record in listed] == [run_id(1), run_id(2), run_id(3)]


def test_no_more_is_read_than_is_wanted(spooled: Spooled):
    for number in range(3):
        spooled.ended(number)

    assert len(spool.list_records(spooled.path, NOW_MS, alive, limit=2)) == 2


def test_a_run_without_output_has_none(spooled: Spooled):
    spooled.ended()

    assert (only(spooled).run["output"], only(spooled).run["output_truncated"]) == (None, False)


def test_bytes_that_are_no_text_are_replaced(spooled: Spooled):
    spooled.ended(output=b"tab\t nul\0 latin \xe4 esc\x1b[0m\r\n")

    assert only(spooled).run["output"] == "tab\t nul\ufffd latin \ufffd esc\x1b[0m\r\n"


def test_a_cut_output_begins_with_how_much_there_was_and_a_whole_character(spooled: Spooled):
    spooled.ended(output="🐙end".encode()[1:], output_bytes=10**9, output_truncated=True)

    assert only(spooled).run["output"] == "[truncated: the job wrote 1000000000 bytes]\nend"


@pytest.mark.parametrize("byte", [b"\0", b"\x01", b"\xff", "ж".encode(), "🐙".encode(), b'"', b"a"])
def test_no_output_is_larger_than_the_server_takes(spooled: Spooled, byte: bytes):
    raw = (byte * 65536)[-65536:]
    spooled.ended(output=raw, output_bytes=10**6, output_truncated=True)

    text = only(spooled).run["output"]

    assert len(text.encode()) <= MAX_OUTPUT_BYTES
    assert len(json.dumps(text)) <= MAX_OUTPUT_JSON + 100
    assert only(spooled).run["output_truncated"]


def test_an_output_at_the_limit_stays_whole(spooled: Spooled):
    raw = b"x" * (MAX_OUTPUT_BYTES - 100)
    spooled.ended(output=raw)

    assert (only(spooled).run["output"], only(spooled).run["output_truncated"]) == (raw.decode(), False)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 300, b'{"run_id": ', b"[]", b"null", b"{}", b'{"started_at": "now"}', b'{"started_at": 1e99}', b"\xff"],
)
@pytest.mark.parametrize("suffix", [".end.json", ".start.json"])
def test_a_damaged_record_is_put_aside_and_the_others_are_delivered(spooled: Spooled, content: bytes, suffix: str):
    spooled.ended(1)
    spooled.ended(2, output=b"of the damaged one")
    (spooled.path / f"{run_id(2)}.end.json").rename(spooled.path / f"{run_id(2)}{suffix}")
    (spooled.path / f"{run_id(2)}{suffix}").write_bytes(content)
    spooled.ended(3)

    listed = spool.list_records(spooled.path, NOW_MS, alive)

    assert [record.run_id for record in listed] == [run_id(1), run_id(3)]
    aside = {path.name for path in (spooled.path / "quarantine").iterdir()}
    assert aside == {f"{run_id(2)}{suffix}.bad", f"{run_id(2)}.out.bad"}


def test_files_that_are_not_run_jobs_are_left_alone(spooled: Spooled):
    names = {"README", ".end.json", f"{run_id(0)}.end.json.tmp", f"{run_id(0)}.txt", "x" * 36 + ".end.json"}
    for name in names:
        (spooled.path / name).write_text("?")

    assert spool.list_records(spooled.path, NOW_MS, alive) == []
    assert {path.name for path in spooled.path.iterdir()} == names


def test_a_run_that_goes_on_is_told_after_a_minute(spooled: Spooled):
    spooled.begun()

    young = spool.list_records(spooled.path, STARTED_MS + 29_999, alive)
    (old,) = spool.list_records(spooled.path, STARTED_MS + 30_000, alive)

    assert young == []
    assert (old.run["status"], old.run["started_at"], old.run["finished_at"]) == ("running", STARTED, None)
    assert old.is_going_on


def test_a_run_whose_start_is_known_is_not_told_again(spooled: Spooled):
    spooled.begun()

    assert spool.list_records(spooled.path, NOW_MS, alive, announced={run_id(0)}) == []


def test_a_run_whose_process_has_gone_is_a_failure(spooled: Spooled):
    spooled.begun()

    record = only(spooled, process_alive=dead, announced={run_id(0)})

    assert (record.run["status"], record.run["exit_code"], record.run["signal"]) == ("failure", None, None)
    assert record.run["output"] == "the machine stopped before the run could end"
    assert record.run["finished_at"] == STARTED
    assert record.is_urgent


def test_a_run_that_ended_while_we_looked_is_no_failure(spooled: Spooled):
    spooled.begun()

    def ends_now(pid: int, pid_start: int | None, boot_id: str | None) -> bool:
        spooled.ended()
        return False

    assert spool.list_records(spooled.path, NOW_MS, ends_now) == []
    assert only(spooled).run["status"] == "success"


def test_a_result_counts_even_if_its_start_was_not_cleared_away(spooled: Spooled):
    spooled.begun()
    spooled.ended()

    assert only(spooled, process_alive=dead).run["status"] == "success"


def test_nothing_is_left_of_a_run_that_was_confirmed(spooled: Spooled):
    spooled.begun()
    spooled.ended(output=b"x")

    spool.remove(spooled.path, run_id(0))
    spool.remove(spooled.path, run_id(0))

    assert spooled.names() == set()


def test_the_backlog_counts_what_is_over_and_waits(spooled: Spooled):
    spooled.begun(0)
    spooled.begun(1, pid=8)
    spooled.ended(2)
    spooled.ended(3)
    spool.quarantine(spooled.path, run_id(3), "because")
    (spooled.path.parent / "lost-results").write_bytes(b"..")

    found = spool.backlog(spooled.path, lambda pid, pid_start, boot_id: pid != 8)

    assert (found.depth, found.quarantined, found.lost) == (2, 1, 2)
    assert found.oldest_at
    assert round(found.oldest_at.timestamp() * 1000) == STARTED_MS + 1


def test_a_damaged_start_waits_too(spooled: Spooled):
    (spooled.path / f"{run_id(0)}.start.json").write_text("?")

    assert spool.backlog(spooled.path, alive).depth == 1


def test_an_empty_spool_has_no_backlog(tmp_path: Path):
    assert spool.backlog(tmp_path / "missing", alive) == spool.Backlog(0, None, 0, 0)


def test_over_the_quota_the_oldest_outputs_go_and_every_result_stays(spooled: Spooled):
    for number in range(6):
        spooled.ended(number, output=b"")
        with (spooled.path / f"{run_id(number)}.out").open("r+b") as file:
            file.truncate(10 * 1024 * 1024)

    dropped = spool_quota.tidy(spooled.path, 0)

    assert dropped == 2
    assert {path.name for path in spooled.path.glob("*.out")} == {f"{run_id(number)}.out" for number in (2, 3, 4, 5)}
    assert len(list(spooled.path.glob("*.end.json"))) == 6


def test_the_quota_counts_files_too(spooled: Spooled):
    for number in range(5001):
        spooled.ended(number, output=b"x")

    assert spool_quota.tidy(spooled.path, 0) == 2
    assert len(list(spooled.path.iterdir())) == 10_000
    assert spool_quota.tidy(spooled.path, 0) == 0


def test_a_run_whose_output_was_dropped_says_so(spooled: Spooled):
    spooled.ended(output=b"gone")
    (spooled.path / f"{run_id(0)}.out").unlink()

    assert (only(spooled).run["output"], only(spooled).run["output_truncated"]) == (None, True)


def test_what_a_crash_left_behind_is_cleared_away_after_an_hour(spooled: Spooled):
    spooled.ended(1, output=b"x")
    spooled.begun(2)
    for name in (f"{run_id(0)}.out", f"{run_id(3)}.end.json.tmp", f"{run_id(2)}.out"):
        (spooled.path / name).write_text("?")
    before = {path.name for path in spooled.path.iterdir()}
    written_s = (spooled.path / f"{run_id(0)}.out").stat().st_mtime

    spool_quota.tidy(spooled.path, written_s + 3599)
    early = {path.name for path in spooled.path.iterdir()}
    spool_quota.tidy(spooled.path, written_s + 3700)
    late = {path.name for path in spooled.path.iterdir()}

    assert early == before
    assert before - late == {f"{run_id(0)}.out", f"{run_id(3)}.end.json.tmp"}


def test_the_quarantine_does_not_fill_the_disk(spooled: Spooled):
    for number in range(1003):
        spooled.ended(number)
        spool.quarantine(spooled.path, run_id(number), "because")

    spool_quota.tidy(spooled.path, 0)

    left = sorted(path.name[:36] for path in (spooled.path / "quarantine").iterdir())
    assert (len(left), left[0]) == (1000, run_id(3))


def test_a_process_is_known_by_its_start_and_its_boot():
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    me, start = os.getpid(), int(stat[19])

    assert spool.process_alive(me, start, boot)
    assert not spool.process_alive(me, start + 1, boot)
    assert not spool.process_alive(me, start, "another boot")
    assert not spool.process_alive(2**22 + 1, start, boot)


def test_a_system_without_proc_knows_processes_by_number():
    assert spool.process_alive(os.getpid(), None, None)
    assert not spool.process_alive(2**22 + 1, None, None)
