"""What of this machine decides how the agent becomes a service: its manager, and the command that starts us."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.home import Home, find_home
from agent.services.base import Manager, Setup
from agent.services.launchd import Launchd
from agent.services.systemd import Systemd
from agent.services.windows import WindowsTask
from agent.system import system
from chalicelib.domain.errors import Stalled

_ROOT = Path("/")
# Who else may be in charge, told by what it leaves in the file system, and what of docs/services.md is for it.
_OTHERS = {"run/openrc": "OpenRC", "run/runit": "runit", "etc/service": "runit", "etc/init.d": "System V init"}


@dataclass(frozen=True, slots=True)
class Start:
    """What starts this program. folder: from where it has to be started. is_forking: see Setup."""

    command: tuple[str, ...]
    folder: Path | None = None
    is_forking: bool = False


def manager(platform: str, environ: Mapping[str, str], start: Start, root: Path = _ROOT) -> Manager:
    """Return this machine's service manager. Raise Stalled if it is none that we know, saying what to do instead."""
    if platform == "darwin":
        return Launchd()
    if sys.platform == "win32":
        sid = system.SYSTEM_SID if system.uid() == 0 else system.account()[1]
        return WindowsTask(system.program("schtasks.exe"), sid)
    if (root / "run/systemd/system").is_dir():
        config = environ.get("XDG_CONFIG_HOME", "")
        return Systemd(Path(config) if config.startswith("/") else None)
    other = next((name for place, name in _OTHERS.items() if (root / place).is_dir()), None)
    seen = f"this machine seems to run {other}" if other else "no service manager was found"
    raise Stalled(
        f"no systemd here ({seen}): have it start `{' '.join((*start.command, 'run', '--as-service'))}`",
        code="no_service_manager",
    )


def setup(home: Home, uid: int, start: Start, writable: Sequence[Path] = ()) -> Setup:
    """Return how the agent is to be started for this user. writable: folders outside D into which it writes."""
    user_home = find_home({}, uid).directory.parent
    base = home.directory.parent
    return Setup(
        command=start.command,
        home=home.directory,
        uid=uid,
        login=system.login_of(uid),
        user_home=user_home,
        folder=start.folder,
        # A service does not have our HOME: what it would not find by itself it is told.
        environ={} if base == user_home else {"CRONTOPUS_HOME": str(base)},
        writable=tuple(writable),
        is_forking=start.is_forking,
    )


def own_start(argv: Sequence[str], executable: str, module: str | None = None, *, is_frozen: bool = False) -> Start:
    """Return what starts the program that runs just now, by the paths it was called by: links survive an update.

    module: what `python -m` runs, None where it runs a file. is_frozen: the interpreter is in the program.
    """
    if is_frozen:
        return Start((executable,), is_forking=True)
    if module:
        return Start((executable, "-m", module), folder=Path(__file__).resolve().parents[2])
    isolated = ("-I",) if sys.flags.isolated else ()
    return Start((executable, *isolated, os.path.abspath(argv[0])))  # noqa: PTH100 - resolve() would follow the links


def this_start() -> Start:
    """Return what starts this very process."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    module = spec.name.removesuffix(".__main__") if spec and "." in spec.name else None
    return own_start(sys.argv, sys.executable, module, is_frozen=getattr(sys, "frozen", False))
