"""What `doctor` makes of the facts: one check after another, in the order in which a person would mend them. Pure."""

from collections.abc import Callable, Iterator

from agent.doctor.checks import Check, fail, ok, size, warn
from agent.doctor.facts import Disk, Facts
from agent.doctor.judge_cron import CRON_CHECKS
from agent.doctor.judge_network import NETWORK_CHECKS
from agent.errors import remedy
from chalicelib.domain.times import to_text

LOW_BYTES, NO_BYTES = 100_000_000, 1_000_000
LOW_INODES, NO_INODES = 1000, 50
LATE_S = 600
DONE, BROKEN, NOT_ENROLLED = 0, 1, 2
Judge = Callable[[Facts], Iterator[Check]]


def judge(facts: Facts) -> list[Check]:
    """Return every check that applies to this machine."""
    return [check for judge_one in CHECKS for check in judge_one(facts)]


def exit_code(checks: list[Check], *, is_enrolled: bool) -> int:
    """Return 2 if this machine is not enrolled, 1 if something is broken; a warning alone is no failure."""
    if not is_enrolled:
        return NOT_ENROLLED
    return BROKEN if any(check.level == "fail" for check in checks) else DONE


def config(facts: Facts) -> Iterator[Check]:
    if not facts.is_enrolled:
        yield fail("config", "this machine is not enrolled", "crontopus-agent enroll --api-url URL --token-stdin < token")
    elif facts.config:
        yield fail("config", facts.config.message, "crontopus-agent validate" if facts.config.code == "config" else None)
    else:
        by = f"; overridden by {', '.join(facts.overridden)}" if facts.overridden else ""
        yield ok("config", f"config.yaml is good{by}")
    for name, near in sorted(facts.variables.items()):
        yield warn("config", f"the variable {name} means nothing; {near} was probably meant", f"unset {name}")


def home(facts: Facts) -> Iterator[Check]:
    found = facts.home
    if not found.exists:
        yield (warn if not facts.is_enrolled else fail)("home", f"{found.path} does not exist", remedy("not_enrolled"))
        return
    if found.owner != found.uid:
        yield fail("home", f"{found.path} belongs to user {found.owner}", f"chown -R {found.uid} {found.path}")
    elif found.mode & 0o077:
        yield fail("home", f"others may look into {found.path} (mode {found.mode:04o})", f"chmod 700 {found.path}")
    elif found.exposed:
        paths = " ".join(f"{found.path}/{name}" for name in found.exposed)
        yield fail("home", f"others may read {', '.join(found.exposed)}", f"chmod 600 {paths}")
    elif found.write:
        yield fail("home", f"a file could not be written: {found.write}", f"df -h {found.path}; ls -ld {found.path}")
    else:
        yield ok("home", f"{found.path} is ours alone, and a file was written and read back")


def disk(facts: Facts) -> Iterator[Check]:
    found = facts.home.disk
    if found is None:
        return
    if found.is_noexec:
        why = f"the file system of {facts.home.path} is mounted noexec, so cron cannot start run-job"
        yield fail("disk", why, "set CRONTOPUS_HOME to a folder where programs may run, and enroll again")
    yield room("disk", facts.home.path, found)


def room(name: str, path: str, found: Disk) -> Check:
    """Return whether there is room to write."""
    told = f"{size(found.free_bytes)} free" + ("" if found.free_inodes is None else f", {found.free_inodes} inodes")
    inodes = LOW_INODES if found.free_inodes is None else found.free_inodes
    if found.is_read_only:
        return fail(
            name,
            f"the file system of {path} is mounted read-only",
            f"mount -o remount,rw $(df --output=target {path} | tail -1)",
        )
    if found.free_bytes < NO_BYTES or inodes < NO_INODES:
        return fail(name, f"the disk of {path} is full: {told}", f"df -h {path}; df -i {path}")
    if found.free_bytes < LOW_BYTES or inodes < LOW_INODES:
        return warn(name, f"the disk of {path} is nearly full: {told}", f"df -h {path}; df -i {path}")
    return ok(name, told)


def run_job(facts: Facts) -> Iterator[Check]:
    found, expected = facts.run_job, facts.block.expected if facts.block else 0
    if not found.exists:
        level = fail if expected else warn
        yield level("run-job", f"{found.path} is not there yet", "crontopus-agent sync --once")
    elif found.code is None or found.code != 64:
        said = found.said or f"it ended with {found.code}"
        why = f"{found.path} does not work with {found.interpreter or 'its interpreter'}: {said}"
        yield fail("run-job", why, "crontopus-agent sync --once, which installs it anew")
    else:
        yield ok("run-job", f"it starts with {found.interpreter}")


def agent(facts: Facts) -> Iterator[Check]:
    if not facts.is_enrolled or facts.config:
        return
    found = facts.agent
    if found.pid is None:
        yield fail(
            "agent", "it is not running, so nothing is brought in line and no result is delivered", "crontopus-agent start"
        )
    elif found.running_version and found.running_version.partition("+")[0] != found.version:
        why = f"process {found.pid} runs version {found.running_version}, installed is {found.version}"
        yield warn("agent", why, "crontopus-agent restart")
    else:
        yield ok("agent", f"process {found.pid}, version {found.version}")
    for why in found.why:
        yield fail("work", why, "crontopus-agent logs --level warning")
    if found.pid is not None and not found.why:
        yield ok("work", "heartbeat, rounds and delivery report no error")


def others(facts: Facts) -> Iterator[Check]:
    found, is_alone = facts.agent, True
    for process in found.processes:
        is_alone = False
        yield fail("others", f"another agent of this user runs: {process}", f"kill {process.split()[1]}, or stop its service")
    for folder in found.folders:
        is_alone = False
        why = f"this user is enrolled in {folder} too; jobs of both would stand in one table"
        yield warn("others", why, f"CRONTOPUS_HOME={folder.rpartition('/')[0]} crontopus-agent uninstall, then remove {folder}")
    if len(found.units) > 1:
        is_alone = False
        why = "a service of the system and one of this user would both start an agent"
        yield warn("others", why, "systemctl --user disable --now crontopus-agent, or the same without --user")
    if is_alone:
        yield ok("others", "no other agent of this user")


def spool(facts: Facts) -> Iterator[Check]:
    found = facts.spool
    age_s = (facts.now - found.oldest_at).total_seconds() if found.oldest_at else 0
    if found.depth and age_s > LATE_S and found.oldest_at:
        why = f"{found.depth} results wait to be delivered, the oldest of {to_text(found.oldest_at)}"
        yield warn("spool", why, "crontopus-agent logs --level warning, which says why they do not leave")
    else:
        yield ok("spool", f"{found.depth} results wait to be delivered")
    if found.quarantined:
        why = f"{found.quarantined} results cannot be read or are refused; they lie in {facts.home.path}/spool/quarantine"
        yield warn("spool", why, f"ls {facts.home.path}/spool/quarantine, look at them, then remove them")
    if found.lost:
        why = f"{found.lost} results or outputs could not be written down by run-job"
        yield warn("spool", why, f"df -h {facts.home.path}; then remove {facts.home.path}/spool/lost")


CHECKS: tuple[Judge, ...] = (config, home, disk, *CRON_CHECKS, run_job, agent, others, *NETWORK_CHECKS, spool)
