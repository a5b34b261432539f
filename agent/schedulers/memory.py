"""A crontab in memory, for tests and for trying things out."""

from pathlib import Path

from chalicelib.domain.errors import Stalled


class MemoryTable:
    """content: the table, None where there is none. writes: how often it was replaced.

    is_strict: refuse a table without a final newline, as Debian's crontab does and busybox' does not.
    """

    def __init__(self, content: bytes | None = None, *, is_strict: bool = True) -> None:
        self.content = content
        self.is_strict = is_strict
        self.writes = 0

    def read(self) -> bytes:
        return self.content or b""

    def install(self, file: Path) -> None:
        content = file.read_bytes()
        if self.is_strict and content and not content.endswith(b"\n"):
            raise Stalled("crontab refused the new table: new crontab file is missing newline before EOF", code="table_refused")
        self.content = content
        self.writes += 1

    def clear(self) -> None:
        self.content = None
        self.writes += 1
