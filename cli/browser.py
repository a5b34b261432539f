"""The person's browser."""

import sys
import webbrowser
from collections.abc import Mapping


def open_browser(address: str, environ: Mapping[str, str]) -> bool:
    """Open the address in the person's browser. False where there is no desktop: one that runs in a terminal would take it."""
    # It comes from the server: nothing but a page may be opened on its word, no file and no other program.
    if not address.startswith(("https://", "http://")):
        return False
    if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
