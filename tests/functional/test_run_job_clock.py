"""A clock that is set while a job runs: how long it ran is measured by another one."""

from pathlib import Path

import pytest

from tests.functional.run_job_host import Host, installed

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def jumping(host: Host, jump_ms: int) -> Host:
    """Set the machine's clock by so much once the run has begun."""
    text = host.run_job.read_text()
    real = "    return max(0, time.time_ns() // 1_000_000)\n"
    assert real in text
    ours = f"    asked.append(1)\n    return time.time_ns() // 1_000_000 + (len(asked) > 1) * {jump_ms}\n"
    named = "def now_ms() -> int:"
    host.run_job.write_text(text.replace(real, ours).replace(named, "asked: list[int] = []\n\n\n" + named))
    return host


@pytest.mark.parametrize(
    ("jump_ms", "least_ms", "most_ms"), [(2 * HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS + 60_000), (-DAY_MS, 200, 60_000)]
)
def test_the_duration_is_that_of_the_job_whatever_the_clock_does(tmp_path: Path, jump_ms: int, least_ms: int, most_ms: int):
    host = jumping(installed(tmp_path / "D"), jump_ms)

    host.run("sleep 0.2")

    record = host.record()
    assert 200 <= record["duration_ms"] < 20_000
    # The end is by the clock as it is then, but never before the start.
    assert least_ms <= record["finished_at"] - record["started_at"] <= most_ms
