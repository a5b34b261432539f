"""1,000 rounds over 9,000 foreign lines, each of which finds the table torn by hand: `python -m tests.bench.endurance`.

Prints what was done and how long it took; exits with 1 if a foreign byte is another one afterwards. The crontab is a file
behind a program, as on a real machine. Another number of rounds may be given.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.home import Home, make_private
from agent.schedulers.crontab import CrontabProgram
from agent.schedulers.memory import MemoryTable
from agent.uninstall import uninstall
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository, serving
from tests.fixtures.odd_table import odd_table
from tests.fixtures.rounds import Machine, manifests

# What a person does to the table between two rounds; each ends with the block as it was.
TEARS = (
    lambda table: table.replace(b"*/5 * * * * /", b"*/7 * * * * /"),
    lambda table: table.replace(b"# END CRONTOPUS ep-1\n", b""),
    lambda table: table.replace(b"# BEGIN CRONTOPUS ep-1\n", b""),
    lambda table: table + table[table.index(b"# BEGIN CRONTOPUS ep-1") :],
    lambda table: table[: table.index(b"# BEGIN CRONTOPUS ep-1")],
)


def main(rounds: int) -> int:
    folder = Path(tempfile.mkdtemp())
    home = Home(folder / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(folder / "forge")
    remote.commit(manifests(1, 2, 3))
    foreign = odd_table()
    # Its program insists on a final newline, as Debian's does; the table before us had none.
    fake = FakeCrontab(folder / "cron", foreign)
    with serving(folder / "forge") as forge:
        machine = Machine(home, MemoryTable(), remote, forge)
        sync = machine.sync(CrontabProgram(str(fake.program), os.environ))
        sync.source = GitSource(home.repo, forge.clone_url, "main", Door(forge.clone_url, USERNAME, TOKEN))
        sync.round()
        head = remote.head()
        sync.source.head = lambda: head  # type: ignore[method-assign]  # what is asked of the forge is not what this is about
        started, cpu = time.monotonic(), time.process_time()
        for number in range(rounds):
            fake.table.write_bytes(TEARS[number % len(TEARS)](fake.content or b""))
            sync.round()
        took, cpu = time.monotonic() - started, time.process_time() - cpu
        is_same = fake.content == foreign + b"\n" + machine.block(1, 2, 3)
        uninstall(home, machine.scheduler(CrontabProgram(str(fake.program), os.environ)), "ep-1")
    is_given_back = (fake.content or b"").removesuffix(b"\n") == foreign
    lines = foreign.count(b"\n") + 1
    print(f"{rounds} rounds, {lines} foreign lines, {len(foreign)} bytes, {fake.writes} writes")  # noqa: T201
    print(f"{took:.1f} s, {took / rounds * 1000:.1f} ms a round, {cpu / rounds * 1000:.1f} ms of CPU")  # noqa: T201
    print(f"foreign bytes the same: {is_same}; after uninstalling: {is_given_back}")  # noqa: T201
    return 0 if is_same and is_given_back else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
