"""What a check says."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """why: what was found. command: what mends it, to be typed as it stands or, where that cannot be, in words."""

    name: str
    level: Level
    why: str
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def ok(name: str, why: str) -> Check:
    return Check(name, "ok", why)


def warn(name: str, why: str, command: str | None = None) -> Check:
    return Check(name, "warn", why, command)


def fail(name: str, why: str, command: str | None = None) -> Check:
    return Check(name, "fail", why, command)


def size(count: float) -> str:
    """Return a number of bytes for a person."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
