"""What systemd is told of the agent, in the protocol of sd_notify(3). Anywhere else nobody listens and nothing is said."""

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress


class Notifier:
    """Says how the service is doing. ping_every_s: how often it has to show that it is alive, None if nobody watches."""

    def __init__(self, environ: Mapping[str, str], pids: tuple[int, ...] = (os.getpid(), os.getppid())) -> None:
        """pids: who we are to the manager: ourselves, or the starter of a program that unpacks itself."""
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watched, within_us = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
        is_watched = bool(address) and within_us.isdigit() and (not watched or watched in map(str, pids))
        self.ping_every_s = int(within_us) / 1_000_000 / 4 if is_watched else None
        self._status = ""

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={clock_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=stopping: parts finish what they are at")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, words: str) -> None:
        """One line for `systemctl status`; the same again is not sent."""
        if words != self._status:
            self._status = words
            self._send(f"STATUS={' '.join(words.split())}")

    def _send(self, *lines: str) -> None:
        if not self._address or sys.platform == "win32":
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.settimeout(1)
            door.sendto("\n".join(lines).encode(), self._address)
