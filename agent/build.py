"""What this build of the agent is. A checkout is no build: it trusts no key and so takes no update."""

import base64
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from agent.machine import VERSION

FILE = "build.json"


@dataclass(frozen=True, slots=True)
class Build:
    """commit: what it was made from. keys: the public keys, 32 bytes each, updates are signed by: this one and the next."""

    commit: str | None = None
    keys: tuple[bytes, ...] = ()

    @property
    def version(self) -> str:
        """What the control plane is told: the version, and which build of it."""
        return f"{VERSION}+g{self.commit[:7]}" if self.commit else VERSION

    def text(self) -> str:
        """Return what the file in an archive says."""
        keys = [base64.b64encode(key).decode() for key in self.keys]
        return json.dumps({"commit": self.commit, "keys": keys}, indent=1) + "\n"


@cache
def load() -> Build:
    """Return what we are."""
    try:
        told = json.loads((resources.files("agent") / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Build()
    return Build(told["commit"], tuple(base64.b64decode(key) for key in told["keys"]))
