"""What `doctor` makes of cron. Pure."""

from collections.abc import Callable, Iterator

from agent.doctor.checks import Check, fail, ok, size, warn
from agent.doctor.facts import CronFacts, Facts
from agent.errors import remedy

_NEARLY_FULL = 0.9
_START = {"debian": "systemctl enable --now cron", "cronie": "systemctl enable --now crond", "busybox": "crond"}


def program(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    if found.path is None:
        yield fail("crontab", f"there is no program {found.program!r}", remedy("program_missing"))
    elif found.denied_by:
        what = "does not name" if found.denied_by.endswith("allow") else "names"
        yield fail("crontab", f"{found.denied_by} {what} this user", f"as root: $EDITOR {found.denied_by}")
    else:
        own = ", a program of your own" if found.is_own else ""
        yield ok("crontab", f"{found.path}, of {found.flavour or 'an unknown cron'}{own}; this user may use it")


def readable(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    if found.path is None:
        return
    if found.trouble:
        hint = f"; {found.confined_by} confines this process" if found.confined_by else ""
        look = "ausearch -m avc -ts recent" if found.confined_by == "SELinux" else f"{found.program} -l"
        yield fail("readable", f"{found.trouble.message}{hint}", f"{look}; {remedy(found.trouble.code)}")
    else:
        yield ok("readable", f"`{found.program} -l` gave {found.table_lines} lines")


def writable(facts: Facts) -> Iterator[Check]:
    """Judge by modes and mounts: a table is never written to find out."""
    found = facts.cron
    if found.path is None:
        return
    proof = f"; the last table was written at {found.last_write}" if found.last_write else ""
    disk = found.spool_disk
    if disk and disk.is_read_only:
        yield fail("writable", f"{found.spool} is mounted read-only", f"mount | grep {found.spool}")
    elif disk and (disk.free_bytes < 1_000_000 or disk.free_inodes == 0):
        yield fail("writable", f"the disk of {found.spool} is full: {size(disk.free_bytes)} free", f"df -h {found.spool}")
    elif found.fits_spool is False:
        why = f"{found.path} may not write into {found.spool}: it lacks the right to become another user or group"
        yield fail("writable", why, "reinstall cron, whose package sets it (Debian: apt install --reinstall cron)")
    elif found.fits_spool:
        yield ok(
            "writable", f"by their modes {found.path} may write into {found.spool}; nothing was written to find out{proof}"
        )
    else:
        yield ok("writable", f"only a round can tell: nothing is written to find out{proof}")


def daemon(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    if found.path is None:
        return
    if found.life == "stopped":
        yield fail(
            "daemon", "no cron runs here: none of the jobs will be started", _START.get(found.flavour or "", "start cron")
        )
    elif found.life == "unknown":
        yield ok("daemon", _unknown_daemon(found))
    else:
        yield ok("daemon", "cron is running")


def _unknown_daemon(found: CronFacts) -> str:
    if found.is_own:
        return "your own program's daemon is not known to us"
    return "whether cron runs cannot be told from here"


def privileges(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    trapped = [who for who in found.no_new_privs if found.is_privileged and facts.home.uid != 0]
    if trapped:
        why = f"{' and '.join(trapped)} may gain no privileges (NoNewPrivileges), so {found.path} may not write the table"
        unit = "systemctl edit crontopus-agent: no NoNewPrivileges=, and nothing that implies it (SystemCallFilter=, ...)"
        yield fail("privileges", why, unit)
    elif found.is_privileged:
        yield ok("privileges", f"{found.path} may become who it has to be")


def limits(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    if found.limit is None or found.table_lines is None:
        return
    told = f"{found.table_lines} of {found.limit} lines that {found.flavour or 'this cron'} reads"
    if found.table_lines >= found.limit:
        yield fail("limits", told, remedy("table_full"))
    elif found.table_lines >= found.limit * _NEARLY_FULL:
        yield warn("limits", told, remedy("table_full"))
    else:
        yield ok("limits", told)


def block(facts: Facts) -> Iterator[Check]:
    found = facts.block
    if found is None:
        return
    torn = [*found.notes]
    if found.missing:
        torn.append(f"{found.missing} of {found.expected} lines are missing or were edited")
    if torn:
        yield warn("block", "; ".join(torn), "crontopus-agent sync --once, or wait for the next round, which heals it")
    else:
        yield ok(
            "block", f"all {found.expected} lines stand as we wrote them" if found.expected else "no job of ours has a line yet"
        )
    if found.unknown:
        yield warn(
            "block", f"{found.unknown} lines in our block are not ours; they stay", "crontab -e, and move them above the block"
        )
    for other in found.others:
        why = f"a block of endpoint {other} stands in this table too"
        yield warn("block", why, "uninstall that agent; if it is gone: crontab -e, and take its block out")


def macos(facts: Facts) -> Iterator[Check]:
    allowed = facts.cron.full_disk_access
    how = "System Settings > Privacy & Security > Full Disk Access: add /usr/sbin/cron and your terminal"
    if allowed is False:
        yield fail("full-disk-access", "macOS does not let this process at the table", how)
    elif allowed:
        yield ok("full-disk-access", f"jobs that read people's folders need it: {how}")


def confinement(facts: Facts) -> Iterator[Check]:
    found = facts.cron
    if found.confined_by and not found.trouble:
        yield ok("confinement", f"{found.confined_by} is in force and has let the table be read")


CRON_CHECKS: tuple[Callable[[Facts], Iterator[Check]], ...] = (
    program,
    readable,
    writable,
    daemon,
    privileges,
    limits,
    block,
    confinement,
    macos,
)
