"""What is remembered of lines that are not ours, as far as a round needs it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lines:
    """ids: SHA-256 of a line of the agent's own table -> the jobs that lines of these bytes are, in their order.

    marks: likewise, of lines that could bear a mark and do not yet. renamed: id in a mark -> the one to put there instead.
    elsewhere: id of a job whose line stands in a table that is not ours to write -> which. is_known: somebody has looked since
    the agent's folder was made.
    """

    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    is_known: bool = False


def line_hash(raw: bytes) -> str:
    """Return by what a line without mark is recognized. raw: without newline and mark."""
    return hashlib.sha256(raw).hexdigest()
