"""Part of run-job: following a started job until it has ended, without ever blocking on its output or on our own."""

import _signal as signal  # type: ignore[import-not-found]  # the public module builds enums: 3 ms
import posix
import select
import time

KILL_GRACE_S = 10.0  # between SIGTERM and SIGKILL
DRAIN_S = 5.0  # for output still to come once the job has ended: a daemon may hold the pipe for ever
STALL_S = 30.0  # for whoever reads our output to take some of it; then the job goes on unheard
CHUNK = 65536
NEVER = float("inf")


class Stream:
    """A pipe from the job, and the descriptor of ours on which its bytes go on.

    source is -1 when the job's end is closed, sink when nobody listens any more.
    """

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self.pending = memoryview(b"")
        self.give_up_at = NEVER
        self.room = select.poll()
        self.room.register(sink, select.POLLOUT)
        # A pipe with room takes PIPE_BUF bytes without blocking, and not one more for sure. A plain file always has room.
        self.step = CHUNK if posix.fstat(sink).st_mode & 0o170000 == 0o100000 else select.PIPE_BUF

    def take(self) -> bytes:
        """Read what has come, and note it for passing on."""
        chunk = posix.read(self.source, CHUNK)
        if not chunk:
            posix.close(self.source)
            self.source = -1
        self.pending = memoryview(chunk if self.sink >= 0 else b"")
        return chunk

    def pass_on(self, now: float) -> None:
        """Write what can be written without blocking; stop listening to a sink that is broken or stuck."""
        try:
            while self.pending and self.room.poll(0):
                self.pending = self.pending[posix.write(self.sink, self.pending[: self.step]) :]
                self.give_up_at = NEVER
        except BlockingIOError:
            pass
        except OSError:  # its reader has gone, or the disk behind it is full
            self.give_up_at = now
        if now >= self.give_up_at:
            self.sink, self.pending = -1, memoryview(b"")
        self.give_up_at = min(self.give_up_at, now + STALL_S) if self.pending else NEVER


class Watch:
    """Follows a job and keeps the end of its output.

    pid: the job's process, leader of its group. signals: where the numbers of arriving signals can be read.
    limit: how many bytes of output are worth keeping.
    """

    def __init__(self, pid: int, streams: "list[Stream]", signals: int, timeout_s: "float | None", limit: int) -> None:
        self.pid = pid
        self.streams = streams
        self.signals = signals
        self.limit = limit
        self.started = time.monotonic()
        self.timeout_at = self.started + timeout_s if timeout_s else NEVER
        self.kill_at = self.drain_until = NEVER
        self.code: int | None = None  # negative: the signal that ended it
        self.timed_out = False
        self.remark = ""
        self.was_told = False  # to stop, by a signal
        self.duration_ms = 0
        self.output_bytes = 0
        self.tail = bytearray()

    def follow(self) -> None:
        now = self.started
        while not self.is_over(now):
            ready = self.wait(now)
            now = time.monotonic()
            if self.signals in ready:
                self.take_signals(now)
            for stream in self.streams:
                if stream.source in ready:
                    self.keep(stream.take())
                stream.pass_on(now)
            self.keep_time(now)

    def is_over(self, now: float) -> bool:
        if self.code is None or (self.kill_at < NEVER and self.send(0)):
            return False
        return now >= self.drain_until or not any(stream.source >= 0 or stream.pending for stream in self.streams)

    def wait(self, now: float) -> "set[int]":
        """Return the descriptors on which something can be done; none when it is time for something else."""
        poll = select.poll()
        poll.register(self.signals, select.POLLIN)
        moments = [self.timeout_at, self.kill_at, self.drain_until, now + 86400]
        for stream in self.streams:
            moments.append(stream.give_up_at)
            if stream.pending:
                poll.register(stream.sink, select.POLLOUT)
            elif stream.source >= 0:
                poll.register(stream.source, select.POLLIN)
        if self.code is not None and self.kill_at < NEVER:
            moments.append(now + 0.05)  # nothing tells us when the last process of the group has gone
        return {fd for fd, _ in poll.poll(max(0.0, min(moments) - now) * 1000)}

    def take_signals(self, now: float) -> None:
        """Learn that the job has ended, or pass on what was meant to stop it."""
        for number in posix.read(self.signals, CHUNK):
            if number != signal.SIGCHLD:
                self.remark = f"told to stop by signal {number}, which was passed on to the job"
                self.was_told = True
                self.send(number)
            elif self.code is None:
                pid, status = posix.waitpid(self.pid, posix.WNOHANG)
                if pid:
                    self.code = posix.waitstatus_to_exitcode(status)
                    self.duration_ms = round((now - self.started) * 1000)
                    self.timeout_at, self.drain_until = NEVER, now + DRAIN_S

    def keep(self, chunk: bytes) -> None:
        self.output_bytes += len(chunk)
        self.tail += chunk
        if len(self.tail) > 2 * self.limit:  # not at every chunk: a job may write byte by byte
            del self.tail[: len(self.tail) - self.limit]

    def keep_time(self, now: float) -> None:
        if now >= self.timeout_at:
            self.timed_out, self.remark = True, "the job ran into its timeout and was stopped"
            self.timeout_at, self.kill_at = NEVER, now + KILL_GRACE_S
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)  # a stopped job would not hear it
        if now >= self.kill_at:
            self.kill_at, self.drain_until = NEVER, now + DRAIN_S
            self.send(signal.SIGKILL)

    def send(self, number: int) -> bool:
        """Signal the job's process group; tell whether there still is one."""
        try:
            posix.killpg(self.pid, number)
        except OSError as e:
            return isinstance(e, PermissionError)  # sudo: the group is there, but no longer ours
        return True


def catch_signals() -> int:
    """Return the descriptor on which the number of each signal that concerns a run can be read, one byte each."""
    reader, writer = posix.pipe()
    posix.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if number == signal.SIGCHLD or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    return reader
