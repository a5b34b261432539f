"""What `crontopus-agent install` writes, as examples for docs/deploy/."""

from pathlib import Path

from agent.services.base import Setup
from agent.services.launchd import Launchd
from agent.services.systemd import Systemd
from agent.services.windows import WindowsTask

_PROGRAM = ("/usr/local/bin/crontopus-agent",)
ROOT = Setup(_PROGRAM, Path("/root/.crontopus"), 0, "root", Path("/root"))
ADA = Setup(("/home/ada/.local/bin/crontopus-agent",), Path("/home/ada/.crontopus"), 1000, "ada", Path("/home/ada"))
_PYTHON, _ARCHIVE = (
    "C:\\Program Files\\Python311\\python.exe",
    "C:\\Program Files\\Crontopus\\versions\\<SHA-256>\\crontopus-agent.pyz",
)
WINDOWS = Setup((_PYTHON, "-I", _ARCHIVE), Path("C:\\Program Files\\Crontopus\\.crontopus"), 0, "SYSTEM", Path())
MAC = Setup(_PROGRAM, Path("/var/root/.crontopus"), 0, "root", Path("/var/root"))


def examples() -> dict[str, str]:
    """Return the text of each example by its file's name."""
    made = {
        "crontopus-agent.service": Systemd().file(ROOT),
        "crontopus-agent.user.service": Systemd().file(ADA),
        "com.crontopus.agent.plist": Launchd().file(MAC),
    }
    # As `install` writes it, but for the encoding, which is UTF-16 there.
    task = WindowsTask().file(WINDOWS).content.decode("utf-16").replace(' encoding="UTF-16"', "")
    return {name: file.content.decode() for name, file in made.items()} | {"crontopus-agent-task.xml": task + "\n"}
