"""The crons there are: how one is told from the others, and what is true of each.

Nothing else asks which cron this is; it asks for what the cron can do. Where a figure comes from a run against the cron itself,
tests/e2e/test_crons.py runs it again. What their schedules mean is in chalicelib/domain/dialects.py.
"""

import re
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from agent import proc
from chalicelib.domain.errors import CrontopusError, Stalled

_ROOT = Path("/")
# What is said of a table that is not there; any other failure must never be taken for one.
_NO_CRONTAB = re.compile(rb"(?:crontab: )?no crontab for \S+\s*")
_CANNOT_OPEN = re.compile(rb"crontab: can't open '[^'\n/]+': No such file or directory\s*")
_DOES_NOT_EXIST = re.compile(rb"bcrontab: Fatal: Crontab does not exist\s*")
_GENERATORS = tuple(f"{base}/systemd/system-generators/systemd-crontab-generator" for base in ("usr/lib", "lib"))
_BUSYBOX = ("busybox", "bbsuid")


@dataclass(frozen=True, slots=True)
class Flavour:
    """What is true of one cron.

    max_lines, max_lines_of_users: how many lines it reads of root's and of anybody's table, None without a limit; of entries
    alone, without comments and blank lines, where counts_entries. max_command: bytes of a line behind its schedule.
    is_checking: a table with a line that it cannot read is refused as a whole, rather than that line being passed over.
    needs_newline: a table whose last line has no end is refused.
    is_escaping: `-l` shows carriage returns and backspaces as `\\r` and `\\b`.
    is_text: its program takes tables of UTF-8 only, and turns every kind of line end into a newline.
    no_table: exit code and words of `-l` where there is no table. needs_login: its program asks the environment who we are.
    zone_variables: set the zone of the lines below them. delay_variable: puts lines below off by up to so
    many minutes.
    has_reboot: it knows @reboot. daemons: the names its process goes by.
    """

    name: str
    max_lines: int | None = None
    max_lines_of_users: int | None = None
    counts_entries: bool = False
    max_command: int | None = 998
    is_checking: bool = True
    needs_newline: bool = True
    is_escaping: bool = False
    is_text: bool = False
    no_table: tuple[int, re.Pattern[bytes]] = (1, _NO_CRONTAB)
    needs_login: bool = False
    zone_variables: tuple[str, ...] = ()
    delay_variable: str | None = None
    has_reboot: bool = True
    daemons: tuple[str, ...] = ("cron", "crond")

    def line_limit(self, *, is_root: bool) -> int | None:
        """Return how many lines a table may have."""
        return self.max_lines if is_root else self.max_lines_of_users


DEBIAN = Flavour("debian", max_lines=10_000, max_lines_of_users=10_000, is_escaping=True, daemons=("cron",))
CRONIE = Flavour(
    "cronie",
    max_lines=10_000,
    max_lines_of_users=10_000,
    counts_entries=True,
    max_command=131_071,
    zone_variables=("CRON_TZ",),
    delay_variable="RANDOM_DELAY",
    daemons=("crond", "cron"),
)
BUSYBOX = Flavour(
    "busybox",
    max_lines=65_534,
    max_lines_of_users=255,
    counts_entries=True,
    max_command=None,
    is_checking=False,
    needs_newline=False,
    no_table=(1, _CANNOT_OPEN),
    daemons=("crond", "busybox"),
)
SYSTEMD_CRON = Flavour(
    "systemd-cron",
    max_command=None,
    needs_newline=False,
    is_text=True,
    delay_variable="RANDOM_DELAY",
    daemons=(),
)
BCRON = Flavour(
    "bcron",
    max_command=None,
    is_checking=False,
    needs_newline=False,
    no_table=(111, _DOES_NOT_EXIST),
    needs_login=True,
    has_reboot=False,
    daemons=("bcron-sched",),
)
MACOS = Flavour("vixie-macos", daemons=("cron",))
VIXIE = Flavour("vixie")

FLAVOURS: Mapping[str, Flavour] = MappingProxyType(
    {flavour.name: flavour for flavour in (DEBIAN, CRONIE, BUSYBOX, SYSTEMD_CRON, BCRON, MACOS, VIXIE)}
)


def of(name: str | None) -> Flavour:
    """Return what is known of a cron by its name; of an unknown one, what is true of most."""
    return FLAVOURS.get(name or "", VIXIE)


def here(name: str | None, root: Path = _ROOT) -> Flavour:
    """Return what is true of this machine's cron, where versions of one name differ: systemd-cron 2 heeds zones."""
    flavour = of(name)
    if flavour is SYSTEMD_CRON and any(_speaks_of(root / path, b"CRON_TZ") for path in _GENERATORS):
        return replace(flavour, zone_variables=("CRON_TZ", "TZ"))
    return flavour


def _speaks_of(program: Path, word: bytes) -> bool:
    try:
        return word in program.read_bytes()
    except OSError:
        return False


def refuse_oversize(table: bytes, flavour: Flavour, *, is_root: bool) -> None:
    """Raise Stalled if cron would not read the whole table."""
    limit = flavour.line_limit(is_root=is_root)
    if limit is None or table.count(b"\n") < limit:
        return
    lines = table.removesuffix(b"\n").split(b"\n")
    if flavour.counts_entries:
        lines = [line for line in lines if line.strip() and not line.lstrip().startswith(b"#")]
    if len(lines) > limit:
        what = "entries" if flavour.counts_entries else "lines"
        raise Stalled(
            f"the table would have {len(lines)} {what}, {flavour.name} reads {limit}; nothing was written", code="table_full"
        )


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells crons apart.

    program: the name of `crontab` where links end. version: what `crontab -V` says, all of it. running: names of the cron
    daemons that run here. files: which of the files that mark a system are there.
    """

    program: str
    version: bytes = b""
    running: Collection[str] = ()
    platform: str = "linux"
    has_generator: bool = False
    is_debian: bool = False


def tell(signs: Signs) -> str:
    """Return whose cron this is.

    The program speaks for itself where it can: it is what takes the table. Where it does not, what runs does.
    """
    said = signs.version.lower()
    if signs.program.startswith(_BUSYBOX) or b"busybox" in said:
        return "busybox"
    if signs.platform == "darwin":
        return "vixie-macos"
    if b"cronie" in said:
        return "cronie"
    if signs.program == "bcrontab" or b"bcrontab" in said:
        return "bcron"
    if signs.has_generator and not {"cron", "crond"} & set(signs.running):
        return "systemd-cron"
    return "debian" if signs.is_debian else "vixie"


def detect(
    crontab: str, environ: Mapping[str, str], running: Collection[str] = (), root: Path = _ROOT, platform: str = sys.platform
) -> str | None:
    """Return whose cron this machine has, None if it has no such program.

    crontab: the program, by name or path. running: names of the cron daemons that are known to run.
    """
    found = shutil.which(crontab, path=environ.get("PATH"))
    if found is None:
        return None
    try:
        said = proc.run([found, "-V"], environ=environ, timeout_s=5)
    except Stalled:
        return None
    except CrontopusError:
        version = b""
    else:
        version = said.output + said.errors
    return tell(
        Signs(
            program=Path(found).resolve().name,
            version=version,
            running=running,
            platform=platform,
            has_generator=any((root / name).exists() for name in _GENERATORS),
            is_debian=(root / "etc/debian_version").exists(),
        )
    )
