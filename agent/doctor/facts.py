"""What `doctor` looks at, as plain values: gathered in one place, judged in another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from agent.schedulers.alive import Life


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error as it was met. code: of agent.errors, by which its remedy is found."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Disk:
    """free_inodes: None where the file system has no such limit."""

    free_bytes: int
    free_inodes: int | None
    is_read_only: bool = False
    is_noexec: bool = False


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """The agent's folder. exposed: names of files with credentials that others may read. write: why a file of ours could not
    be written and read back, None if it could.
    """

    path: str
    exists: bool = True
    uid: int = 0
    owner: int = 0
    mode: int = 0o700
    exposed: tuple[str, ...] = ()
    disk: Disk | None = None
    write: str | None = None


@dataclass(frozen=True, slots=True)
class CronFacts:
    """The program that holds the table, and the daemon that reads it.

    program: as configured. path: where it was found. is_privileged: it runs as another user or group than we.
    denied_by: the file by which this user may not use it. table_lines: None where it cannot be read.
    spool: the folder of the tables, if it is the usual one. fits_spool: the program may write there, None if we cannot tell.
    last_write: when it took a table from us last. is_own: somebody named a program of their own.
    """

    program: str = "crontab"
    path: str | None = None
    flavour: str | None = None
    is_privileged: bool = False
    is_own: bool = False
    denied_by: str | None = None
    table_lines: int | None = None
    trouble: Trouble | None = None
    limit: int | None = None
    spool: str | None = None
    fits_spool: bool | None = None
    spool_disk: Disk | None = None
    last_write: str | None = None
    life: Life = "unknown"
    no_new_privs: tuple[str, ...] = ()
    full_disk_access: bool | None = None
    confined_by: str | None = None


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """Our block in the table. notes: what of it is torn. missing, unknown: lines that should stand in it, and that should not.

    others: endpoints whose blocks stand in the same table.
    """

    expected: int = 0
    notes: tuple[str, ...] = ()
    missing: int = 0
    unknown: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunJobFacts:
    """code, said: how it answered to a wrong argument; None if it could not be started, and then `said` is why."""

    path: str
    exists: bool = True
    interpreter: str = ""
    code: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """pid: of the agent of this folder, None if none runs. running_version: what that one said it is.

    processes: other agents of this user. folders: where this user is enrolled besides. units: services that would start one.
    """

    version: str
    pid: int | None = None
    running_version: str | None = None
    processes: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


Step = Literal["address", "proxy", "dns", "connect", "timeout", "tls", "other"]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a request got. failed: at which step, None if an answer came. words: what went wrong there.

    proxy: host of the proxy in between. skew_s: how far our clock is ahead of theirs.
    """

    url: str
    host: str = ""
    proxy: str | None = None
    failed: Step | None = None
    words: str = ""
    status: int | None = None
    took_s: float = 0.0
    skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class NetFacts:
    """token, forge: what their hosts said to our credentials, None if they took them; asked only if the API was reached."""

    api: Reach
    forge_url: str
    token: Trouble | None = None
    is_token_asked: bool = False
    forge: Trouble | None = None
    head: str | None = None


@dataclass(frozen=True, slots=True)
class SpoolFacts:
    depth: int = 0
    oldest_at: datetime | None = None
    quarantined: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. config: why there is none that can be used. variables: settings of the environment that look misspelt, with
    what was probably meant. zone: cron's, None if it cannot be told.
    """

    now: datetime
    platform: str
    home: HomeFacts
    cron: CronFacts
    run_job: RunJobFacts
    agent: AgentFacts
    is_enrolled: bool = True
    config: Trouble | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()
    block: BlockFacts | None = None
    net: NetFacts | None = None
    spool: SpoolFacts = field(default_factory=SpoolFacts)
    zone: str | None = None
    has_zone: bool = True
