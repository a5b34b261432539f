"""Part of run-job: the records of one run.

What cannot be written is told to syslog and counted; it never stops or alters the job.
"""

import posix
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYSLOG = ("/dev/log", "/var/run/syslog")
ONE_BLOCK = 1024  # no start or end record is longer


class Spool:
    """Where one run writes its records, D/spool/<run_id>.*; created if it is missing."""

    def __init__(self, directory: str, run_id: str) -> None:
        self.directory = directory
        self.folder = f"{directory}/spool"
        self.path = f"{self.folder}/{run_id}"

    def start(self, record: "dict[str, object]") -> None:
        """Say that the job is about to start. A failure is not mentioned: what counts is the end."""
        attempt(posix.mkdir, self.folder, 0o700)
        attempt(self.put, ".start.json", json_of(record))

    def end(self, record: "dict[str, object]", output: bytes) -> None:
        """Say how it ended."""
        lost = attempt(self.put, ".out", output) if output else ""
        if lost:
            record["output_truncated"] = True
            lost = f"the output ({lost})"
        content = json_of(record)
        problem = attempt(self.put, ".end.json", content)
        # On a full disk one block is left that is ours: the start record's.
        if problem and attempt(self.put, ".end.json", content.ljust(ONE_BLOCK), ".start.json", "r+b"):
            lost = f"the result ({problem})"
        attempt(posix.unlink, self.path + ".start.json")
        if lost:
            complain(self.directory, f"lost {lost} of run {record['run_id']} of job {record['job_id']}")

    def put(self, suffix: str, content: bytes, beside: str = ".tmp", mode: str = "wb") -> None:
        """Create the file whole and on disk, or raise OSError and leave nothing. beside: suffix of the file it is made from."""
        try:
            with open(self.path + beside, mode) as file:
                file.write(content)
                file.flush()
                posix.fsync(file.fileno())
            posix.rename(self.path + beside, self.path + suffix)
        except OSError:
            attempt(posix.unlink, self.path + beside)
            raise
        folder = posix.open(self.folder, posix.O_RDONLY)
        posix.fsync(folder)
        posix.close(folder)


def attempt(act: "Callable[..., object]", *args: object) -> str:
    """Do it. Return what went wrong, in words, or nothing."""
    try:
        act(*args)
    except OSError as e:
        return e.strerror or str(e)
    return ""


def complain(directory: str, text: str) -> None:
    """Say it in one line of syslog, and add one byte to D/lost-results, whose size is the number of complaints."""
    from _socket import AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM, socket

    line = f"<11>run-job[{posix.getpid()}]: {text}".encode("utf-8", "replace")
    for path in SYSLOG:
        attempt(socket(AF_UNIX, SOCK_DGRAM).sendto, line, MSG_DONTWAIT, path)
    attempt(count_one, f"{directory}/lost-results")


def count_one(path: str) -> None:
    with open(path, "ab", 0) as file:
        file.write(b".")


def words(text: str) -> bytes:
    """Return what run-job itself has to say, so that nobody takes it for the job's output."""
    return f"[run-job: {text}]\n".encode("utf-8", "replace") if text else b""


def json_of(record: "dict[str, object]") -> bytes:
    """Return one JSON object. Its text is plain: names and ids; anything else in it becomes a question mark."""

    def value_of(value: object) -> str:
        if isinstance(value, str):
            return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in value) + '"'
        return "null" if value is None else str(value).lower()

    return ("{" + ", ".join(f'"{key}": {value_of(value)}' for key, value in record.items()) + "}\n").encode()


def uuid7(now_ms: int) -> str:
    """Return a UUIDv7 (RFC 9562, 5.7) of this moment."""
    raw = bytearray(now_ms.to_bytes(6, "big") + posix.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def this_process() -> "dict[str, object]":
    """Return what tells this process from a later one with its number; None where the system does not say."""
    facts: dict[str, object] = {"pid": posix.getpid(), "pid_start": None, "boot_id": None}
    try:
        with open("/proc/self/stat", "rb") as file:
            facts["pid_start"] = int(
                file.read().rpartition(b")")[2].split()[19]
            )  # field 22 of proc(5); field 2 may hold spaces
        with open("/proc/sys/kernel/random/boot_id") as file:
            facts["boot_id"] = file.read().strip()
    except OSError:
        pass
    return facts


def now_ms() -> int:
    return max(0, time.time_ns() // 1_000_000)
