"""What 500 jobs a minute do to an agent: `python -m tests.bench.agent_load MINUTES`; not part of `make bench`.

A real agent with 500 jobs of a real repository, beside an API of this process; run-job is started as cron would start it, at
most 40 at a time. Prints memory and processor time of the agent at rest and for each minute, and at the end what arrived.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fixtures.fake_api import ControlPlane, answering
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository, serving
from tests.fixtures.rounds import job_id, manifests
from tests.functional.test_agent_cli import Place

JOBS, AT_ONCE = 500, 40


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def usage(pid: int) -> tuple[float, float]:
    """Return seconds of processor time and megabytes of memory."""
    facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def start_all(run_job: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    for number in range(JOBS):
        words = [str(run_job), f"CRONTOPUS:{job_id(number)}"]
        nowhere = subprocess.DEVNULL
        started.append(subprocess.Popen(words, env={}, stdin=nowhere, stdout=nowhere, stderr=nowhere))
        while sum(process.poll() is None for process in started[-2 * AT_ONCE :]) >= AT_ONCE:
            time.sleep(0.005)
    if failed := sum(process.wait() != 0 for process in started):
        say(f"{failed} runs failed")


def load(place: Place, agent: subprocess.Popen[bytes], plane: ControlPlane, minutes: int) -> None:
    while len(list((place.home / "jobs").glob("*.yaml"))) < JOBS:
        time.sleep(0.5)
    time.sleep(20)
    before, _ = usage(agent.pid)
    time.sleep(60)
    after, memory = usage(agent.pid)
    say(f"at rest: {(after - before) / 60:.2%} of a core, {memory:.1f} MB")
    for minute in range(1, minutes + 1):
        began, (before, _) = time.monotonic(), usage(agent.pid)
        start_all(place.home / "bin/run-job")
        took_s = time.monotonic() - began
        time.sleep(max(0.0, began + 60 - time.monotonic()))
        after, memory = usage(agent.pid)
        requests = len(plane.bodies("/check-in"))
        say(
            f"minute {minute}: all started in {took_s:.1f} s; {(after - before) / 60:.2%}, {memory:.1f} MB; {requests} requests"
        )
    time.sleep(15)
    sent = [run["run_id"] for body in plane.bodies("/check-in") for run in body["runs"]]
    left = sorted(path.name for path in (place.home / "spool").iterdir())
    say(f"{JOBS * minutes} runs; {len(sent)} sent, {len(set(sent))} of them distinct; in the spool: {left}")


def main(minutes: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        remote = BareRepository(folder / "forge")
        remote.commit(manifests(*range(JOBS)))
        with serving(folder / "forge") as forge, answering() as plane:
            plane.git = {"url": forge.clone_url, "branch": "main", "username": USERNAME, "token": TOKEN}
            place = Place(folder, plane, forge, remote, FakeCrontab(folder / "cron", b""))
            place.enroll()
            agent = subprocess.Popen([sys.executable, "-m", "agent", "run"], env=place.environment(), stderr=subprocess.DEVNULL)
            try:
                load(place, agent, plane, minutes)
            finally:
                agent.terminate()
                agent.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
