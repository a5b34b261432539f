"""Install, start, stop and remove the agent's service, whatever manager this machine has."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.home import Home
from agent.overview import running_pid
from agent.services import steps
from agent.services.base import Manager, Setup, Step
from chalicelib.domain.errors import CrontopusError, Stalled

_LOOKS, _LOOK_EVERY_S = 60, 0.25
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Control:
    """One agent and the manager that is to run it. say: hears of each step."""

    manager: Manager
    setup: Setup
    home: Home
    environ: Mapping[str, str]
    say: Say
    sleep: Callable[[float], None] = time.sleep

    @property
    def path(self) -> Path:
        return self.manager.file(self.setup).path

    def is_installed(self) -> bool:
        """Tell whether this very agent is a service; one of another folder of the same user is none of our business."""
        found = _read(self.path)
        return found is not None and is_of(found, self.setup)

    def installing(self) -> list[Step]:
        """Return what `install` would do: no file is written that is there already."""
        file = self.manager.file(self.setup)
        is_new = _read(file.path) != file.content
        return [*([file] if is_new else []), *self.manager.install(self.setup, is_new=is_new)]

    def install(self) -> None:
        """Raise Stalled if an agent runs here that no service started: two would be in each other's way."""
        if self.path.exists() and not self.is_installed():
            raise Stalled(f"{self.path} is the service of an agent with another folder", code="service_taken")
        pid = running_pid(self.home)
        if pid is not None and not self.is_installed():
            raise Stalled(f"an agent that is no service runs here already (process {pid}); stop it first", code="locked")
        self._carry_out(self.installing())
        self._wait_until_it_runs()

    def start(self) -> None:
        self._need_installed()
        self._carry_out(self.manager.start(self.setup))
        self._wait_until_it_runs()

    def restart(self) -> None:
        self._need_installed()
        self._carry_out(self.manager.restart(self.setup))
        self._wait_until_it_runs()

    def stop(self) -> None:
        """Raise Stalled if an agent still runs: then it is not the service's."""
        self._need_installed()
        self._carry_out(self.manager.stop(self.setup))
        if not self._look(lambda: running_pid(self.home) is None):
            pid = running_pid(self.home)
            raise Stalled(f"an agent that is not the service's goes on (process {pid}); stop it where it runs", code="locked")

    def uninstall(self) -> None:
        self._carry_out(self.manager.uninstall(self.setup))

    def _need_installed(self) -> None:
        if not self.is_installed():
            raise Stalled(f"the agent is no service here: {self.path} is missing", code="not_installed")

    def _carry_out(self, todo: Sequence[Step]) -> None:
        try:
            steps.carry_out(todo, self.environ, self.say, steps.session(self.environ, self.setup.uid))
        except CrontopusError as e:
            pid = running_pid(self.home)
            if pid is not None and e.code == "service_refused":
                raise Stalled(f"{e.message}; an agent runs here already (process {pid})", code=e.code) from e
            raise

    def _wait_until_it_runs(self) -> None:
        """Not every manager says whether what it started stays."""
        if not self._look(lambda: running_pid(self.home) is not None):
            raise Stalled(f"{self.manager.name} has started the agent, but it does not run", code="service_failed")

    def _look(self, is_so: Callable[[], bool]) -> bool:
        for _ in range(_LOOKS):
            if is_so():
                return True
            self.sleep(_LOOK_EVERY_S)
        return is_so()


def is_of(content: bytes, setup: Setup) -> bool:
    """Tell whether a service's file starts the agent of this folder: it names the folder unless it is the usual one."""
    text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", errors="replace")
    if not setup.environ:
        return "CRONTOPUS_HOME" not in text
    return all(re.search(rf"{re.escape(value)}(?![\w./-])", text) for value in setup.environ.values())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
