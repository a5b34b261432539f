"""Part of run-job: the records of one run.

What cannot be written to D's disk goes to a shelter; what cannot be written at all is told to syslog and counted. It never
stops, delays or alters the job.
"""

import posix
import time

from agent.wrapper.run_shelter import attempt, shelter_of, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

SYSLOG = ("/dev/log", "/var/run/syslog")
ONE_BLOCK = 1024  # no start or end record is longer
START_WAIT_S = 0.2  # for a disk that hangs to take the start; the job does not wait longer
END_WAIT_S = 1.0
SHELTER_WAIT_S = 5.0  # memory does not hang: what takes longer than this is a busy machine
SHELTERED_OUTPUT = 8192  # bytes: a shelter is in memory
MAX_SHELTERED = 10_000  # files


class Spool:
    """Where one run writes its records, D/spool/<run_id>.*; created if it is missing."""

    def __init__(self, directory: str, run_id: str) -> None:
        self.directory = directory
        self.folder = f"{directory}/spool"
        self.run_id = run_id
        self.is_sheltered = False  # its start is in the shelter, too or alone

    def start(self, record: "dict[str, object]") -> None:
        """Say that the job is about to start. A failure is not mentioned: what counts is the end."""
        content = json_of(record)
        if within(START_WAIT_S, self.put, self.folder, ".start.json", content):
            self.is_sheltered = not within(START_WAIT_S, self.take_shelter, ((".start.json", content),))

    def end(self, record: "dict[str, object]", output: bytes) -> None:
        """Say how it ended: on the disk, else in the shelter, else without the output in the one block that is ours."""
        problem = within(END_WAIT_S, self.end_on_disk, json_of(record), output)
        if not problem:
            if self.is_sheltered:
                within(START_WAIT_S, self.leave_shelter)
            return
        short = output[-SHELTERED_OUTPUT:]
        content = json_of(record | {"output_truncated": record["output_truncated"] or len(short) < len(output)})
        if within(SHELTER_WAIT_S, self.take_shelter, ((".out", short), (".end.json", content))):
            content = json_of(record | {"output_truncated": True}).ljust(ONE_BLOCK)
            is_lost = within(END_WAIT_S, self.put, self.folder, ".end.json", content, ".start.json", "r+b")
            what = "result" if is_lost else "output"
            complain(self.directory, f"lost the {what} ({problem}) of run {self.run_id} of job {record['job_id']}")
        within(START_WAIT_S, posix.unlink, f"{self.folder}/{self.run_id}.start.json")

    def end_on_disk(self, content: bytes, output: bytes) -> None:
        """Write output and result, or raise OSError and leave neither."""
        try:
            if output:
                self.put(self.folder, ".out", output)
            self.put(self.folder, ".end.json", content)
        except OSError:
            attempt(posix.unlink, f"{self.folder}/{self.run_id}.out")
            raise
        attempt(posix.unlink, f"{self.folder}/{self.run_id}.start.json")

    def take_shelter(self, files: "tuple[tuple[str, bytes], ...]") -> None:
        """Write these to the shelter, or raise OSError."""
        folder = shelter_of(self.directory)
        if not self.is_sheltered and len(posix.listdir(folder)) >= MAX_SHELTERED:
            raise OSError(28, f"{folder} is full")
        for suffix, content in files:
            if content:
                self.put(folder, suffix, content)
        if files[-1][0] == ".end.json":
            attempt(posix.unlink, f"{folder}/{self.run_id}.start.json")

    def leave_shelter(self) -> None:
        posix.unlink(f"{shelter_of(self.directory)}/{self.run_id}.start.json")

    def put(self, folder: str, suffix: str, content: bytes, beside: str = "", mode: str = "wb") -> None:
        """Create the file whole and on disk, or raise OSError and leave nothing. beside: suffix of the file it is made from."""
        path = f"{folder}/{self.run_id}"
        # Each has its own: one that was given up may still be at it while the next is written.
        made_from = path + (beside or suffix + ".tmp")
        try:
            with open_or_make(folder, made_from, mode) as file:
                file.write(content)
                file.flush()
                posix.fsync(file.fileno())
            posix.rename(made_from, path + suffix)
        except OSError:
            attempt(posix.unlink, made_from)
            raise
        handle = posix.open(folder, posix.O_RDONLY)
        posix.fsync(handle)
        posix.close(handle)


def open_or_make(folder: str, path: str, mode: str) -> "BinaryIO":
    """Open a file in this folder, which is made if it is missing."""
    try:
        return open(path, mode)  # type: ignore[return-value]
    except FileNotFoundError:
        attempt(posix.mkdir, folder, 0o700)
        return open(path, mode)  # type: ignore[return-value]


def complain(directory: str, text: str) -> None:
    """Say it in one line of syslog, and add one byte to D/lost-results, whose size is the number of complaints."""
    from _socket import AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM, socket

    line = f"<11>run-job[{posix.getpid()}]: {text}".encode("utf-8", "replace")
    for path in SYSLOG:
        attempt(socket(AF_UNIX, SOCK_DGRAM).sendto, line, MSG_DONTWAIT, path)
    if within(START_WAIT_S, count_one, directory):
        within(SHELTER_WAIT_S, lambda: count_one(shelter_of(directory)))


def count_one(folder: str) -> None:
    with open(f"{folder}/lost-results", "ab", 0) as file:
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
