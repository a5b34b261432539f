"""What `crontopus-agent install` writes, as examples for docs/deploy/."""

from pathlib import Path

from agent.services.base import Setup
from agent.services.launchd import Launchd
from agent.services.systemd import Systemd

_PROGRAM = ("/usr/local/bin/crontopus-agent",)
ROOT = Setup(_PROGRAM, Path("/root/.crontopus"), 0, "root", Path("/root"))
ADA = Setup(("/home/ada/.local/bin/crontopus-agent",), Path("/home/ada/.crontopus"), 1000, "ada", Path("/home/ada"))
MAC = Setup(_PROGRAM, Path("/var/root/.crontopus"), 0, "root", Path("/var/root"))


def examples() -> dict[str, str]:
    """Return the text of each example by its file's name."""
    made = {
        "crontopus-agent.service": Systemd().file(ROOT),
        "crontopus-agent.user.service": Systemd().file(ADA),
        "com.crontopus.agent.plist": Launchd().file(MAC),
    }
    return {name: file.content.decode() for name, file in made.items()}
