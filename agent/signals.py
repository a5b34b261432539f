"""What signals ask of the agent."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGTERM, signal.SIGINT)
RELOADING = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()  # Windows has none


@contextmanager
def heeding_signals(stop: threading.Event, reload: threading.Event) -> Iterator[None]:
    """Set `stop` on SIGTERM and SIGINT, `reload` on SIGHUP.

    The handlers do nothing: an event must not be set from one, for the main thread may hold its lock just then. The number
    of the signal comes out of a socket instead, where a thread waits for it.
    """
    reading, writing = socket.socketpair()  # a pipe would not do on Windows
    writing.setblocking(False)
    previous_fd = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    previous = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, *RELOADING)}

    def wait() -> None:
        while number := reading.recv(1):
            (reload if number[0] in RELOADING else stop).set()

    thread = threading.Thread(target=wait, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_fd)
        writing.close()
        thread.join()
        reading.close()
