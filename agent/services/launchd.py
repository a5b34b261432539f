"""launchd, of macOS: a daemon for root's agent, an agent of the login session for anybody else's."""

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.services.base import Remove, Run, Setup, Step, Write

LABEL = "com.crontopus.agent"
PLIST = f"{LABEL}.plist"
THROTTLE_S = 30
_ROOT_LOG = Path("/Library/Logs/crontopus-agent.log")


@dataclass(frozen=True, slots=True)
class Launchd:
    """A LaunchDaemon or a LaunchAgent."""

    @property
    def name(self) -> str:
        return "launchd"

    def file(self, setup: Setup) -> Write:
        # launchd refuses a description that others may write.
        folder = Path("/Library/LaunchDaemons") if setup.is_root else setup.user_home / "Library" / "LaunchAgents"
        return Write(folder / PLIST, plistlib.dumps(description(setup), sort_keys=False))

    def install(self, setup: Setup, *, is_new: bool) -> Sequence[Step]:
        if not is_new:
            return self.start(setup)
        return (
            Run(("launchctl", "bootout", _service(setup)), may_fail=True),
            Run(("launchctl", "enable", _service(setup))),
            Run(("launchctl", "bootstrap", _domain(setup), str(self.file(setup).path))),
        )

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        return (*self.stop(setup), Remove(self.file(setup).path))

    def start(self, setup: Setup) -> Sequence[Step]:
        # It is there already unless it was stopped; kickstart then makes sure that it runs.
        return (
            Run(("launchctl", "bootstrap", _domain(setup), str(self.file(setup).path)), may_fail=True),
            Run(("launchctl", "kickstart", _service(setup))),
        )

    def stop(self, setup: Setup) -> Sequence[Step]:
        # KeepAlive would start it again after a mere signal.
        return (Run(("launchctl", "bootout", _service(setup)), may_fail=True),)

    def restart(self, setup: Setup) -> Sequence[Step]:
        return (
            Run(("launchctl", "bootstrap", _domain(setup), str(self.file(setup).path)), may_fail=True),
            Run(("launchctl", "kickstart", "-k", _service(setup))),
        )

    def hints(self, setup: Setup) -> Sequence[str]:
        log = f"what it says before it can log: {_output(setup)}"
        if setup.is_root:
            return (log,)
        return ("a LaunchAgent runs while you are logged in; for a machine that nobody logs in to, install as root", log)


def description(setup: Setup) -> dict[str, Any]:
    """Return what the property list says; see launchd.plist(5)."""
    told: dict[str, Any] = {
        "Label": LABEL,
        "ProgramArguments": [*setup.command, "run", "--as-service"],
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": THROTTLE_S,
        "ExitTimeOut": 30,
        "ProcessType": "Background",
        "Umask": 0o077,
        "StandardErrorPath": str(_output(setup)),
    }
    if setup.folder:
        told["WorkingDirectory"] = str(setup.folder)
    if setup.environ:
        told["EnvironmentVariables"] = dict(sorted(setup.environ.items()))
    return told


def _output(setup: Setup) -> Path:
    """Return where its standard error goes. launchd makes the file, not the folder."""
    return _ROOT_LOG if setup.is_root else setup.user_home / "Library" / "Logs" / _ROOT_LOG.name


def _domain(setup: Setup) -> str:
    return "system" if setup.is_root else f"gui/{setup.uid}"


def _service(setup: Setup) -> str:
    return f"{_domain(setup)}/{LABEL}"
