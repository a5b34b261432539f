"""What of this machine decides which jobs it has, and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.discovery.lines import Lines
from agent.guard import Keep, guarded


def _everywhere(zone: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Here:
    """facts: name, hostname, platform, endpoint. labels: what people noted about the endpoint, None while nobody has told us.

    timezone: the scheduler's, None if unknown. has_zone: whether run-job can read a zone's rules here. login: who the agent
    is. allowed_users: whom its jobs may run as besides, by this machine's own configuration; only root can. keep: how its
    scheduler keeps a schedule, see `guard.guarded`. theirs: what is remembered of lines in its table that are not ours.
    has_reboot: its scheduler knows @reboot.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] | None = field(default_factory=dict)
    timezone: str | None = None
    has_zone: Callable[[str], bool] = _everywhere
    login: str = ""
    is_root: bool = False
    allowed_users: frozenset[str] = frozenset()
    keep: Keep = guarded
    has_reboot: bool = True
    theirs: Lines = field(default_factory=Lines)
