"""What the control plane says this machine is called and labelled, remembered so that a round needs no network for it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.home import read_json, write_file


@dataclass(frozen=True, slots=True)
class Standing:
    """labels: what people noted about the endpoint."""

    endpoint_id: str
    name: str
    labels: Mapping[str, str]


def read(told: object) -> Standing | None:
    """Return the standing that an answer to a heartbeat, or our file, tells; None if it tells none."""
    facts: dict[str, Any] = told if isinstance(told, dict) else {}
    endpoint_id, name, labels = facts.get("endpoint_id") or facts.get("id"), facts.get("name"), facts.get("labels")
    if not isinstance(endpoint_id, str) or not isinstance(name, str) or not isinstance(labels, dict):
        return None
    return Standing(endpoint_id, name, {str(key): str(value) for key, value in labels.items()})


def load(path: Path, endpoint_id: str) -> Standing | None:
    """Return what is remembered of this endpoint, None if that is nothing, or another one's."""
    known = read(read_json(path))
    return known if known and known.endpoint_id == endpoint_id else None


def remember(path: Path, standing: Standing) -> None:
    """Keep it; nothing is written if it is known already."""
    if load(path, standing.endpoint_id) != standing:
        write_file(path, json.dumps(asdict(standing)).encode())
