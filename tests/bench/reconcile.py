"""Rounds at 1,000 manifests: nothing changed, and one changed. The forge runs in a process of its own; its CPU is not ours."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.home import Home, make_private
from agent.schedulers.crontab import Crontab, CrontabProgram
from agent.sync import Sync
from agent.wrapper.command import crontab_command
from chalicelib.domain import yaml_source
from chalicelib.domain.ids import uuid4_from
from tests.bench.figures import Figure, calibrated
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository

MANIFESTS = 1000
ROUNDS = 25
_FOREIGN = b"MAILTO=root\n" + b"0 1 * * * /usr/local/bin/backup\n" * 20


def measure() -> list[Figure]:
    """Return the figures of both rounds. CPU is this process' own; that of `crontab` stands beside it."""
    folder = Path(tempfile.mkdtemp())
    try:
        remote = BareRepository(folder / "forge")
        remote.commit({f"default/job-{number}.yaml": _manifest(number) for number in range(MANIFESTS)})
        with _forge(folder / "forge") as url:
            fake = FakeCrontab(folder / "cron", _FOREIGN)
            sync = _sync(folder, url, fake)
            sync.round()
            time.sleep(1.1)  # a folder that was changed within the last second is looked through once more
            sync.round()
            return [*_unchanged(sync, fake), *_changed(sync, remote, fake)]
    finally:
        shutil.rmtree(folder)


def _unchanged(sync: Sync, fake: FakeCrontab) -> list[Figure]:
    tally = _Tally(fake)
    with tally.counting():
        spent_ms = calibrated(lambda: tally.timed(sync.round), ROUNDS)
    return [
        Figure("reconcile_unchanged_1000_cpu", spent_ms, "ms", 3),
        Figure("reconcile_unchanged_1000_child_cpu", median(tally.children_ms), "ms", None),
        Figure("reconcile_unchanged_1000_parses", tally.parses, "parses", 0),
        Figure("reconcile_unchanged_1000_writes", tally.writes, "writes", 0),
    ]


def _changed(sync: Sync, remote: BareRepository, fake: FakeCrontab) -> list[Figure]:
    tally = _Tally(fake)
    numbers = iter(range(MANIFESTS))

    def change_one() -> float:
        number = next(numbers)
        remote.commit({f"default/job-{number}.yaml": _manifest(number, "59 23 * * *")})
        return tally.timed(sync.round)

    with tally.counting():
        spent_ms = calibrated(change_one, ROUNDS)
    rounds = len(tally.children_ms)
    return [
        Figure("reconcile_one_of_1000_cpu", spent_ms, "ms", 25),
        Figure("reconcile_one_of_1000_child_cpu", median(tally.children_ms), "ms", None),
        Figure("reconcile_one_of_1000_parses", tally.parses / rounds, "parses", 1),
        Figure("reconcile_one_of_1000_writes", tally.writes / rounds, "writes", 1),
    ]


class _Tally:
    """What rounds cost: YAML documents read, tables written, CPU of the `crontab` processes."""

    def __init__(self, fake: FakeCrontab) -> None:
        self.fake = fake
        self.parses = 0
        self.writes = 0
        self.children_ms: list[float] = []

    def timed(self, act: Callable[[], object]) -> float:
        """Act and return the CPU milliseconds of this process."""
        children = _children_ms()
        own = time.process_time()
        act()
        own = time.process_time() - own
        self.children_ms.append(_children_ms() - children)
        return own * 1000

    @contextmanager
    def counting(self) -> Iterator[None]:
        load, writes = yaml_source.load, self.fake.writes

        def counted(text: bytes) -> yaml_source.Source:
            self.parses += 1
            return load(text)

        yaml_source.load = counted
        try:
            yield
        finally:
            yaml_source.load = load
            self.writes = self.fake.writes - writes


def _children_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def _sync(folder: Path, url: str, fake: FakeCrontab) -> Sync:
    home = Home(folder / "home" / ".crontopus")
    make_private(home.directory)
    scheduler = Crontab(
        CrontabProgram(str(fake.program), os.environ),
        endpoint_id="ep-bench",
        command_of=lambda job_id: crontab_command(home.directory, job_id),
        backups=home.backups,
        lock=home.directory,
    )
    source = GitSource(home.repo, url, "main", Door(url, USERNAME, TOKEN))
    sync = Sync(
        home,
        endpoint_id="ep-bench",
        tenant_id="demo",
        source=source,
        scheduler=scheduler,
        edition="bench",
        now=lambda: datetime.now(UTC),
    )
    sync.files.install()
    return sync


def _manifest(number: int, schedule: str = "*/5 * * * *") -> bytes:
    job_id = uuid4_from(number.to_bytes(16, "big"))
    metadata = f"{{id: {job_id}, name: job-{number}, labels: {{team: ops, kind: backup}}}}"
    command = "/usr/local/bin/report --since yesterday --format csv | gzip > /var/tmp/report.csv.gz"
    return (
        f'apiVersion: v1\nkind: Job\nmetadata: {metadata}\nspec:\n  schedule: "{schedule}"\n  command: "{command}"\n'.encode()
    )


@contextmanager
def _forge(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.fixtures.git_http", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the forge has no pipes")
        yield server.stdout.readline().strip()
        server.stdin.close()
