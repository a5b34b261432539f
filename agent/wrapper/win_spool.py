"""Part of run-job for Windows: the records of one run, as docs/run-job.md describes them."""

import json
import os
import time

from agent.wrapper.win_system import born_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ONE_BLOCK = 1024  # no start or end record is longer
REPLACE_TRIES = 20  # a file that somebody just reads cannot be replaced
REPLACE_PAUSE_S = 0.05


class Spool:
    """Where one run writes its records, D/spool/<run_id>.*; created if it is missing."""

    def __init__(self, directory: str, run_id: str) -> None:
        self.directory = directory
        self.folder = os.path.join(directory, "spool")
        self.path = os.path.join(self.folder, run_id)

    def start(self, record: "dict[str, object]") -> None:
        """Say that the job is about to start. A failure is not mentioned: what counts is the end."""
        attempt(os.makedirs, self.folder, 0o700, True)
        about = {"pid": os.getpid(), "pid_start": born_at(), "boot_id": None}
        attempt(self.put, ".start.json", json_of({**record, **about}))

    def end(self, record: "dict[str, object]", output: bytes) -> None:
        """Say how it ended."""
        attempt(os.makedirs, self.folder, 0o700, True)
        lost = attempt(self.put, ".out", output) if output else ""
        if lost:
            record = {**record, "output_truncated": True}
            lost = f"the output ({lost})"
        content = json_of(record)
        problem = attempt(self.put, ".end.json", content)
        # On a full disk one block is left that is ours: the start record's.
        if problem and attempt(self.put, ".end.json", content.ljust(ONE_BLOCK), ".start.json", "r+b"):
            lost = f"the result ({problem})"
        attempt(os.unlink, self.path + ".start.json")
        if lost:
            complain(self.directory)

    def put(self, suffix: str, content: bytes, beside: str = ".tmp", mode: str = "wb") -> None:
        """Create the file whole and on disk, or raise OSError and leave nothing. beside: suffix of the file it is made from."""
        try:
            with open(self.path + beside, mode) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            replace(self.path + beside, self.path + suffix)
        except OSError:
            attempt(os.unlink, self.path + beside)
            raise


def replace(source: str, path: str) -> None:
    for left in range(REPLACE_TRIES, 0, -1):
        try:
            os.replace(source, path)
            return
        except PermissionError:
            if left == 1:
                raise
            time.sleep(REPLACE_PAUSE_S)


def attempt(act: "Callable[..., object]", *args: object) -> str:
    """Do it. Return what went wrong, in words, or nothing."""
    try:
        act(*args)
    except OSError as e:
        return e.strerror or str(e)
    return ""


def complain(directory: str) -> None:
    """Add one byte to D/lost-results, whose size is the number of complaints. The agent tells of them."""
    attempt(count_one, os.path.join(directory, "lost-results"))


def count_one(path: str) -> None:
    with open(path, "ab", 0) as file:
        file.write(b".")


def words(text: str) -> bytes:
    """Return what run-job itself has to say, so that nobody takes it for the job's output."""
    return f"[run-job: {text}]\n".encode("utf-8", "replace") if text else b""


def json_of(record: "dict[str, object]") -> bytes:
    return (json.dumps(record) + "\n").encode()


def uuid7(now_ms: int) -> str:
    """Return a UUIDv7 (RFC 9562, 5.7) of this moment."""
    raw = bytearray(now_ms.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def now_ms() -> int:
    return max(0, time.time_ns() // 1_000_000)
