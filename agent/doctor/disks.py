"""How much room there is."""

import os
import sys
from pathlib import Path

from agent.doctor.facts import Disk


def disk_of(path: Path) -> Disk | None:
    """Return how much room there is, None if it cannot be told."""
    if sys.platform == "win32":
        return None
    try:
        found = os.statvfs(path)
    except (OSError, AttributeError):
        return None
    inodes = found.f_favail if found.f_files else None
    flags = found.f_flag
    return Disk(found.f_bavail * found.f_frsize, inodes, bool(flags & os.ST_RDONLY), bool(flags & getattr(os, "ST_NOEXEC", 8)))
