"""How D/bin/run-job is made of its parts: one text that needs nothing but an interpreter."""

import marshal
import os
from collections.abc import Iterable
from importlib import resources
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from chalicelib.domain.errors import Stalled

_PARTS = (
    "run_shelter.py",
    "run_spool.py",
    "run_watch.py",
    "run_guard.py",
    "run_limits.py",
    "run_rules.py",
    "run_start.py",
    "run_retry.py",
    "run_job.py",
)
_WINDOWS_PARTS = (
    "run_guard.py",
    "win_guard.py",
    "win_system.py",
    "win_shell.py",
    "win_spool.py",
    "win_run.py",
    "win_job.py",
)
_MAX_SHEBANG = 127  # bytes of the first line that every Linux kernel reads

# Python compiles a script anew at each start, which would be a third of what run-job costs. So the program is only a text to
# the script, and what was made of it lies in a file beside, good for this version of Python and this very script.
_SCRIPT = """#!%s -ISE
# Installed by the Crontopus agent, which undoes changes made here. What you may rely on: docs/run-job.md
import marshal
import posix

PROGRAM = r\'\'\'
%s\'\'\'

code = None
try:
    from _frozen_importlib_external import MAGIC_NUMBER

    with open(__file__ + ".code", "rb") as file:
        made = file.read()
    about = posix.stat(__file__)
    key = MAGIC_NUMBER + f"{about.st_size} {about.st_mtime_ns} ".encode()
    if made.startswith(key):
        code = marshal.loads(made[len(key) :])
except (ImportError, OSError, EOFError, ValueError, TypeError):
    pass
exec(code or compile(PROGRAM, __file__, "exec"), {"__name__": "__main__", "__file__": __file__})
"""


def script(interpreter: Path) -> str:
    """Return the text of D/bin/run-job. Raise Stalled if no script can name this interpreter."""
    too_long = len(os.fsencode(f"#!{interpreter} -ISE")) > _MAX_SHEBANG
    if too_long or any(c.isspace() for c in str(interpreter)):
        raise Stalled(
            f"{interpreter} cannot run scripts: its path has a space or more than {_MAX_SHEBANG - 7} bytes; "
            "install the agent, or a link to its Python, under a shorter path without spaces"
        )
    return _SCRIPT % (interpreter, program())


def program() -> str:
    """Return run-job's parts as one text."""
    return _joined(_PARTS)


def windows_program() -> str:
    """Return the text of D/bin/run-job.py, run-job for Windows."""
    return _joined(_WINDOWS_PARTS)


def _joined(names: Iterable[str]) -> str:
    # The agent itself may run from one archive, so the parts are resources, not files.
    parts = [(resources.files("agent.wrapper") / name).read_text(encoding="utf-8") for name in names]
    lines = [line for part in parts for line in [*part.splitlines(), "", ""] if not line.startswith("from agent.")]
    return "\n".join(lines).rstrip() + "\n"


def key(path: Path) -> bytes:
    """Return what the compiled program must begin with to be taken for that of the script at `path`."""
    about = path.stat()
    return MAGIC_NUMBER + f"{about.st_size} {about.st_mtime_ns} ".encode()


def compiled(path: Path) -> bytes:
    """Return the compiled program for the script at `path`."""
    return key(path) + marshal.dumps(compile(program(), str(path), "exec"))
