"""The local forge as a child process, ready when the constructor returns: what tests start."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Self, cast

ROOT = Path(__file__).resolve().parents[3]
_READY = "forge ready on "


class ForgeProcess:
    """url: where it listens."""

    def __init__(self, data: Path, admin_user: str, password_file: Path, port: int = 0) -> None:
        """port: 0 takes a free one. Raise RuntimeError, with its last words, if it ends before it is ready."""
        command = [sys.executable, "-m", "infra.local.forge", "--data", str(data), "--port", str(port)]
        command += ["--admin-user", admin_user, "--admin-password-file", str(password_file)]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        words = cast(IO[str], self._process.stderr)
        self.url = _await_ready(words)
        threading.Thread(target=_pass_on, args=(words,), daemon=True).start()

    def stop(self) -> int:
        """Ask it to end and wait. Return its exit code."""
        self._process.terminate()
        return self._process.wait(timeout=30)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._process.kill()
        self._process.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()


def _await_ready(words: IO[str]) -> str:
    heard = []
    for line in words:
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
        heard.append(line)
    raise RuntimeError(f"the forge did not start: {''.join(heard[-5:])}")


def _pass_on(words: IO[str]) -> None:
    with words:
        for line in words:
            sys.stderr.write(line)
