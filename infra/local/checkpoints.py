"""Snapshots of a running emulator every few seconds, without stopping it.

Runs inside the emulator's environment: standard library only.
"""

import asyncio
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

_log = logging.getLogger("crontopus.checkpoints")
_MAX_DESCRIPTOR = 65536
_MAX_WRITE_S = 120


class Checkpoints:
    """Write a snapshot when something may have changed.

    write: store the state as it is now. It runs in a forked child, which has all of it, frozen at one moment, while this
    process goes on serving: copying it in place would stop the event loop, for 2.3 s at 50,000 items.
    lock: descriptor of the lock on the state folder; a child that outlives this process holds it until it is done.
    """

    def __init__(self, write: Callable[[], None], lock: int) -> None:
        self._write = write
        self._lock = lock
        self._changed = False
        self._writing = threading.Lock()

    def mark_changed(self) -> None:
        self._changed = True

    async def run(self, every_s: float) -> None:
        """Write a snapshot every `every_s` seconds in which something changed, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if self._changed and self._writing.acquire(blocking=False):
                self._changed = False
                await asyncio.to_thread(self._reap, self._fork(), time.monotonic())

    def finish(self) -> None:
        """Write the last snapshot and return when it is on disk."""
        self._writing.acquire()
        self._reap(self._fork(), time.monotonic())

    def _fork(self) -> int | None:
        try:
            child = os.fork()
        except OSError:
            _log.exception("no child for a checkpoint")
            return None
        if child == 0:
            _work_and_leave(self._write, self._lock)
        return child

    def _reap(self, child: int | None, started: float) -> None:
        try:
            status = 1 if child is None else os.waitpid(child, 0)[1]
        finally:
            self._writing.release()
        if status == 0:
            _log.info("checkpoint written in %.0f ms", (time.monotonic() - started) * 1000)
        else:
            self._changed = True
            _log.error("a checkpoint failed; the state on disk is the one before")


def _work_and_leave(work: Callable[[], None], lock: int) -> NoReturn:
    # The child has copies of every socket and pipe: no port and no Lambda worker may outlive the parent because of them.
    os.closerange(3, lock)
    os.closerange(lock + 1, _MAX_DESCRIPTOR)
    # A thread that does not exist here may have held a lock when the process was copied.
    signal.alarm(_MAX_WRITE_S)
    try:
        work()
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)
