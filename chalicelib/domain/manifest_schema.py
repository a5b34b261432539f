"""The manifest as JSON Schema, for editors and other tools."""

from typing import Any

from chalicelib.domain.manifest_fields import FIELDS, children

_IS_PINGED = {"properties": {"checkin": {"properties": {"by": {"const": "ping"}}, "required": ["by"]}}, "required": ["checkin"]}
_WHEN = {"oneOf": [{"required": ["schedule"]}, {"required": ["period"]}]}


def schema() -> dict[str, object]:
    """Return the manifest as JSON Schema (2020-12)."""
    spec = _section("spec")
    spec |= {"if": _IS_PINGED, "then": _WHEN, "else": {"required": ["schedule", "command"], "not": {"required": ["period"]}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Crontopus job manifest v1",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "v1"},
            "kind": {"const": "Job"},
            "metadata": _section("metadata"),
            "spec": spec,
        },
    }


def _section(path: str) -> dict[str, Any]:
    places = {key: f"{path}.{key}" for key in children(path)}
    properties = {key: dict(FIELDS[place].schema) if place in FIELDS else _section(place) for key, place in places.items()}
    required = [key for key, place in places.items() if place in FIELDS and FIELDS[place].is_required]
    found: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return found | ({"required": required} if required else {})
