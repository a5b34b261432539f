"""The releases of the agent as the local stack serves them: the files of one folder, whole, and nothing else.

Standard library only: it runs inside the emulator's environment.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

PREFIX = "/releases/"
_NAME = re.compile(r"(?:[0-9][0-9A-Za-z.+]*/)?[A-Za-z0-9][A-Za-z0-9._+-]*")
Send = Callable[[dict[str, Any]], Awaitable[None]]


def find(folder: Path, path: str) -> Path | None:
    """Return the file that a request's path means, None if there is none."""
    name = path.removeprefix(PREFIX)
    found = folder / name
    return found if path.startswith(PREFIX) and _NAME.fullmatch(name) and found.is_file() else None


async def give(file: Path, send: Send) -> None:
    """Answer a request with a file."""
    body = file.read_bytes()
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
