"""Which ports the stack listens on: asked for, remembered, or free."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from infra.local.layout import DEFAULT_PORTS, Ports
from infra.local.stopped import Stopped

_VARIABLES = {"front": "CRONTOPUS_PORT", "aws": "CRONTOPUS_AWS_PORT", "forge": "CRONTOPUS_FORGE_PORT"}
_TRIED = 50


def choose_ports(
    noted: Path, wanted: Mapping[str, int], is_taken: Callable[[int], bool], is_ours: Callable[[str], bool]
) -> Ports:
    """Return the ports to listen on, and note them: the agent, the CLI and clones keep their addresses.

    wanted: ports that the person asked for by name. is_ours: whether our own process for that name runs.
    Raise Stopped if a port that cannot change is taken by somebody else.
    """
    kept = read_ports(noted)
    ports = _with_wanted(kept, wanted)
    for name, port in asdict(ports).items():
        is_promised = name not in wanted and port in wanted.values()
        if not is_promised and (not is_taken(port) or is_ours(name)):
            continue
        if kept:
            raise Stopped(f"port {port} of this stack is taken by another process (`ss -ltnp` names it): stop that one")
        if name in wanted:
            raise Stopped(
                f"port {port} is taken by another process (`ss -ltnp` names it): set {_VARIABLES[name]} to a free one"
            )
        ports = replace(ports, **{name: _free_after(port, is_taken, set(asdict(ports).values()))})
    noted.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    noted.write_text(json.dumps(asdict(ports)))
    return ports


def read_ports(noted: Path) -> Ports | None:
    """Return the ports that were noted here, or None if none were."""
    return Ports(**json.loads(noted.read_text())) if noted.exists() else None


def _with_wanted(kept: Ports | None, wanted: Mapping[str, int]) -> Ports:
    ports = replace(kept or DEFAULT_PORTS, **wanted)
    if kept and ports != kept:
        names = " ".join(_VARIABLES[name] for name in wanted)
        raise Stopped(f"this stack listens on {asdict(kept)}: unset {names}, or start anew with `make reset`")
    return ports


def _free_after(port: int, is_taken: Callable[[int], bool], used: set[int]) -> int:
    for candidate in range(port + 1, port + _TRIED):
        if candidate not in used and not is_taken(candidate):
            return candidate
    raise Stopped(f"no free port between {port} and {port + _TRIED}")
