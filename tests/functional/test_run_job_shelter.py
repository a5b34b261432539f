"""A disk that is full, read-only or hangs: the result finds another place, and the job does not wait."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.functional.run_job_host import Host, installed

JOB = "echo out; echo err >&2; exit 3"
DONE = (3, b"out\n", b"err\n")
UID = os.geteuid()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """What /dev/shm is on a real machine."""
    folder = tmp_path / "shm"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.fixture
def host(tmp_path: Path, base: Path) -> Host:
    return installed(tmp_path / "D", SYSLOG=(), SHELTERS=("/no/such/place", str(base)))


def unusable(host: Host) -> Host:
    host.spool.rmdir()
    host.spool.write_text("a file")
    return host


def sheltered(host: Host, base: Path) -> list[Path]:
    about = host.directory.stat()
    folder = base / f"crontopus-{UID}" / f"{about.st_dev}-{about.st_ino}"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def result_in(files: list[Path]) -> dict[str, Any]:
    (path,) = [path for path in files if path.suffix == ".json"]
    found: dict[str, Any] = json.loads(path.read_bytes())
    assert path.name == f"{found['run_id']}.end.json"
    return found


def lost(host: Host) -> int:
    path = host.directory / "lost-results"
    return path.stat().st_size if path.exists() else 0


def hanging(host: Host, *calls: str) -> Host:
    """Let these system calls hang where a path of the spool or a lock is concerned, or whatever they are asked."""
    late = "".join(f"posix.{call} = hung(posix.{call})\n" for call in calls)
    patch = f"""
def hung(call):
    def wait(*arguments):
        path = posix.readlink('/proc/self/fd/%d' % arguments[0]) if isinstance(arguments[0], int) else arguments[0]
        if '/spool' in path or '/locks' in path:
            time.sleep(60)
        return call(*arguments)
    return wait
{late}
if __name__ == "__main__":
"""
    text = host.run_job.read_text()
    before, found, after = text.rpartition('if __name__ == "__main__":\n')
    assert found
    host.run_job.write_text(before.replace("import posix\n", "import posix\nimport time\n", 1) + patch.lstrip("\n") + after)
    return host


def test_a_result_that_the_spool_does_not_take_goes_to_the_shelter(host: Host, base: Path):
    done = unusable(host).run(JOB)

    files = sheltered(host, base)
    assert (done.code, done.stdout, done.stderr) == DONE
    assert (result_in(files)["exit_code"], lost(host)) == (3, 0)
    assert [path.read_bytes() for path in files if path.suffix == ".out"] == [b"out\nerr\n"]
    assert {path.stat().st_mode & 0o777 for path in (files[0].parent, files[0].parent.parent)} == {0o700}


def test_a_run_that_goes_on_is_known_from_the_shelter(host: Host, base: Path, tmp_path: Path):
    os.mkfifo(tmp_path / "gate")
    unusable(host).job(f"echo > {tmp_path}/gate; read x < {tmp_path}/gate")
    process = host.start()
    (tmp_path / "gate").read_text()

    names = [path.name[36:] for path in sheltered(host, base)]
    (tmp_path / "gate").write_text("go\n")
    process.communicate(timeout=10)

    assert names == [".start.json"]
    assert [path.name[36:] for path in sheltered(host, base)] == [".end.json"]


def test_the_shelter_takes_only_the_end_of_a_long_output(host: Host, base: Path):
    unusable(host).run("head -c 30000 /dev/zero | tr '\\0' x; echo end")

    files = sheltered(host, base)
    record = result_in(files)
    (output,) = [path.read_bytes() for path in files if path.suffix == ".out"]
    assert (record["output_bytes"], record["output_truncated"], len(output)) == (30004, True, 8192)
    assert output.endswith(b"xend\n")


def plant_link(base: Path, elsewhere: Path) -> None:
    (base / f"crontopus-{UID}").symlink_to(elsewhere)


def plant_open_folder(base: Path, elsewhere: Path) -> None:
    (base / f"crontopus-{UID}").mkdir()
    (base / f"crontopus-{UID}").chmod(0o777)


def plant_foreign_folder(base: Path, elsewhere: Path) -> None:
    if UID:
        pytest.skip("needs root to make a folder of somebody else's")
    (base / f"crontopus-{UID}").mkdir(mode=0o700)
    os.chown(base / f"crontopus-{UID}", 4711, 4711)


def plant_file(base: Path, elsewhere: Path) -> None:
    (base / f"crontopus-{UID}").write_text("")


def open_base(base: Path, elsewhere: Path) -> None:
    base.chmod(0o777)


@pytest.mark.parametrize("plant", [plant_link, plant_open_folder, plant_foreign_folder, plant_file, open_base])
def test_a_place_that_others_could_have_made_is_not_used(host: Host, base: Path, tmp_path: Path, plant: Any):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    plant(base, tmp_path / "elsewhere")

    done = unusable(host).run(JOB)

    assert (done.code, done.stdout, done.stderr) == DONE
    assert lost(host) == 1
    assert [path for path in tmp_path.rglob("*.json") if "jobs" not in path.parts] == []


def test_a_full_shelter_takes_no_more(host: Host, base: Path):
    text = host.run_job.read_text()
    host.run_job.write_text(text.replace("MAX_SHELTERED = 10_000", "MAX_SHELTERED = 1"))
    unusable(host).run("true")

    host.run("true")

    assert (len(sheltered(host, base)), lost(host)) == (1, 1)


def test_where_nothing_can_be_written_the_shelter_counts_what_is_lost(host: Host, base: Path):
    text = host.run_job.read_text()
    host.run_job.write_text(text.replace('(".end.json", content))):', '(".no/such/folder", content))):'))
    (host.directory / "lost-results").mkdir()

    done = unusable(host).run(JOB)

    assert (done.code, done.stdout, done.stderr) == DONE
    assert [path.stat().st_size for path in sheltered(host, base) if path.name == "lost-results"] == [1]


@pytest.mark.parametrize("calls", [("fsync",), ("rename",), ("mkdir", "fsync", "rename", "unlink")])
def test_a_disk_that_hangs_delays_the_job_by_half_a_second_at_most_and_costs_no_result(
    host: Host, base: Path, calls: tuple[str, ...]
):
    hanging(host, *calls).job("date +%s%N; echo err >&2; exit 3")
    before = time.time_ns()

    done = host.run()

    assert (
        int(done.stdout) - before
    ) / 1e9 < 5.0  # half a second, and what a busy machine takes for the rest; the disk hangs for 60
    assert (time.time_ns() - int(done.stdout)) / 1e9 < 5.0
    assert (done.code, done.stderr) == (3, b"err\n")
    assert result_in(sheltered(host, base))["exit_code"] == 3


def test_a_hanging_disk_keeps_a_job_that_must_not_overlap_neither_from_starting_nor_from_stopping(host: Host):
    hanging(host, "open", "fsync", "lockf", "pwrite")
    host.job("exec sleep 60", concurrency="forbid", timeout_s=0.1)

    done = host.run()

    assert done.code == 124


def test_a_process_that_may_have_no_thread_writes_as_ever(host: Host):
    text = host.run_job.read_text()
    refused = "def start_new_thread(*_):\n    raise RuntimeError\n\n\ndef shelter_of("
    host.run_job.write_text(text.replace("def shelter_of(", refused, 1))

    assert host.run(JOB).code == 3
    assert host.record()["exit_code"] == 3


def test_a_start_that_the_disk_takes_late_does_not_spoil_the_result(host: Host, base: Path):
    """The start's file is opened while the result's is being written."""
    text = host.run_job.read_text()
    slow = """
real_open, real_sync, waits = open_or_make, posix.fsync, [0.6]


def open_or_make(folder, path, mode):
    time.sleep(waits.pop() if waits else 0)
    return real_open(folder, path, mode)


def slow_sync(handle):
    time.sleep(0.4)
    real_sync(handle)


posix.fsync = slow_sync
if __name__ == "__main__":
"""
    before, _, after = text.rpartition('if __name__ == "__main__":\n')
    host.run_job.write_text(before + slow.lstrip("\n") + after)

    host.run("exit 3")

    ends = list(host.spool.glob("*.end.json")) + [path for path in sheltered(host, base) if path.name.endswith(".end.json")]
    assert {json.loads(path.read_bytes())["exit_code"] for path in ends} == {3}
