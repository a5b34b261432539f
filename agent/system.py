"""What differs between operating systems: `system` is the module for this one. Both have the same names."""

import sys

if sys.platform == "win32":
    from agent import system_windows as system
else:
    from agent import system_posix as system

__all__ = ["system"]
