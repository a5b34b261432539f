"""Showing a long result through the person's pager."""

import shlex
import subprocess
from collections.abc import Mapping

# Go on without a key where it fits on one screen, pass colours on, leave the text standing. As git and gh do.
_LESS = {"LESS": "FRX", "LV": "-c"}


def page(shown: str, command: str, environ: Mapping[str, str]) -> bool:
    """Show the text, and return when the person has seen it. False: there is no such pager, nothing was shown."""
    try:
        pager = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, env={**_LESS, **environ})
    except (OSError, ValueError):
        return False
    while True:
        try:
            # Who leaves the pager before the end has seen enough.
            pager.communicate(shown.encode(errors="backslashreplace"))
            return True
        except KeyboardInterrupt:
            continue  # the pager got it too, and decides
