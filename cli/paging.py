"""Showing a long result through the person's pager."""

import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress

# Go on without a key where it fits on one screen, pass colours on, leave the text standing. As git and gh do.
_LESS = {"LESS": "FRX", "LV": "-c"}


def page(shown: str, command: str, environ: Mapping[str, str]) -> bool:
    """Show the text, and return when the person has seen it. False: there is no such pager, nothing was shown."""
    try:
        pager = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, env={**_LESS, **environ})
    except (OSError, ValueError):
        return False
    try:
        # Who leaves the pager before the end has seen enough: communicate() minds no broken pipe.
        pager.communicate(shown.encode(errors="backslashreplace"))
    except KeyboardInterrupt:
        _wait(pager)
    return True


def _wait(pager: subprocess.Popen[bytes]) -> None:
    """Wait for the pager, which got Ctrl-C too and decides what it means."""
    if pager.stdin:
        with suppress(OSError):
            pager.stdin.close()
    while True:
        try:
            pager.wait()
            return
        except KeyboardInterrupt:
            continue
