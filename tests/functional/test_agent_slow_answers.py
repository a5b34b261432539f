"""An API, or a proxy before it, that begins an answer and does not end it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.client import Api
from chalicelib.domain.errors import Unavailable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
Talk = Callable[[socket.socket, threading.Event], object]


@contextmanager
def saying(talk: Talk) -> Iterator[str]:
    """Accept one connection on loopback and talk on it."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(HEAD)
            talk(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(5)


def drip(connection: socket.socket, over: threading.Event) -> None:
    try:
        while not over.wait(0.02):
            connection.sendall(b" ")
    except OSError:
        pass


def hang_up(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b'{"results": [')


def fall_silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(5)


@pytest.mark.parametrize("talk", [drip, fall_silent])
def test_an_answer_that_drips_is_given_up(talk: Talk) -> None:
    began = time.monotonic()

    with saying(talk) as url, pytest.raises(Unavailable):
        Api(url, "cte_x", timeout_s=(3, 0.2), patience_s=0.3).check_in([])

    assert time.monotonic() - began < 3


def test_an_answer_that_breaks_off_means_waiting() -> None:
    with saying(hang_up) as url, pytest.raises(Unavailable):
        Api(url, "cte_x").check_in([])
