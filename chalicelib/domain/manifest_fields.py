"""The fields of a job manifest: for each its rule, and the same rule as JSON Schema.

A field stands here once the agent and the wrapper honour it, not before: a manifest never promises what nothing keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain import durations, ids, names, schedule

MAX_COMMAND_BYTES = 8 * 1024
MAX_OUTPUT_BYTES = 64 * 1024
DEFAULT_OUTPUT_BYTES = 10 * 1024
MAX_LABELS = 32
MAX_ENV = 64
MAX_ENV_BYTES = 4 * 1024
MAX_ARGS = 256
OUTPUTS = ("tail", "none")

Rule = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """read: gives the value the job holds; raises ValueError in words. schema: the same rule for editors."""

    read: Rule
    schema: Mapping[str, object] = field(default_factory=dict)
    required: bool = False


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text; put {value!r} in quotes" if isinstance(value, int | float) else "must be text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def command(value: Any) -> str:
    if not text(value).strip():
        raise ValueError("must not be empty")
    if len(value.encode()) > MAX_COMMAND_BYTES:
        raise ValueError(f"at most {MAX_COMMAND_BYTES} bytes; put longer programs into a file")
    if "\0" in value:
        raise ValueError("must not hold a NUL byte")
    return str(value)


def name(value: Any) -> str:
    if problem := names.name_problem(text(value)):
        raise ValueError(problem)
    return str(value)


def uuid4(value: Any) -> str:
    if not ids.is_uuid(text(value), 4):
        raise ValueError("must be a UUID of version 4 in lower case; leave it out and one is made")
    return str(value)


def cron(value: Any) -> str:
    if problem := schedule.problem(text(value)):
        raise ValueError(problem)
    return str(value)


def absolute_path(value: Any) -> str:
    if not text(value).startswith("/") or "\0" in value:
        raise ValueError("must be an absolute path")
    return str(value)


def duration(value: Any) -> int:
    return durations.seconds(text(value))


def arguments(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    if len(value) > MAX_ARGS:
        raise ValueError(f"at most {MAX_ARGS} arguments")
    if any("\0" in text(item) for item in value):
        raise ValueError("must not hold a NUL byte")
    return tuple(value)


def text_map(limit: int) -> Rule:
    """Return the rule for a map of text to text with at most `limit` entries."""

    def read(value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValueError("must be a map")
        if len(value) > limit:
            raise ValueError(f"at most {limit} entries, this has {len(value)}")
        for key, item in value.items():
            if not isinstance(item, str):
                raise ValueError(f"the value of {key} must be text; put it in quotes")
        return dict(value)

    return read


def environment(value: Any) -> dict[str, str]:
    values: dict[str, str] = text_map(MAX_ENV)(value)
    for key, item in values.items():
        if not key.replace("_", "a").isalnum() or not key.isascii() or key[0].isdigit():
            raise ValueError(f"{key!r} is no name of a variable: letters, digits and _ only, no digit first")
        if key.startswith("CRONTOPUS_"):
            raise ValueError(f"{key!r}: names that begin with CRONTOPUS_ are ours")
        if len(item.encode()) > MAX_ENV_BYTES or "\0" in item:
            raise ValueError(f"the value of {key} must be at most {MAX_ENV_BYTES} bytes and hold no NUL")
    return values


def output(value: Any) -> str:
    if value not in OUTPUTS:
        raise ValueError(f"must be one of {', '.join(OUTPUTS)}")
    return str(value)


def output_size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_OUTPUT_BYTES:
        raise ValueError(f"must be a number of bytes from 1 to {MAX_OUTPUT_BYTES}")
    return value


_TEXT = {"type": "string"}
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": names.MAX_NAME}


def _map_schema(limit: int) -> dict[str, object]:
    return {"type": "object", "additionalProperties": _TEXT, "maxProperties": limit}


METADATA: dict[str, Field] = {
    "id": Field(uuid4, {"type": "string", "format": "uuid"}),
    "name": Field(name, _NAME, required=True),
    "namespace": Field(text, _NAME),
    "tenant": Field(text, _TEXT),
    "labels": Field(text_map(MAX_LABELS), _map_schema(MAX_LABELS)),
    "annotations": Field(text_map(MAX_LABELS), _map_schema(MAX_LABELS)),
}

CHECKIN: dict[str, Field] = {
    "output": Field(output, {"enum": list(OUTPUTS), "default": "tail"}),
    "maxOutput": Field(output_size, {"type": "integer", "minimum": 1, "maximum": MAX_OUTPUT_BYTES}),
}

SPEC: dict[str, Field] = {
    "schedule": Field(cron, {"type": "string", "maxLength": schedule.MAX_LENGTH}, required=True),
    "command": Field(command, {"type": "string", "minLength": 1, "maxLength": MAX_COMMAND_BYTES}, required=True),
    "args": Field(arguments, {"type": "array", "items": _TEXT, "maxItems": MAX_ARGS}),
    "workingDir": Field(absolute_path, {"type": "string", "pattern": "^/"}),
    "env": Field(environment, _map_schema(MAX_ENV)),
    "shell": Field(absolute_path, {"type": "string", "pattern": "^/", "default": "/bin/sh"}),
    "timeout": Field(duration, {"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$"}),
    "enabled": Field(flag, {"type": "boolean", "default": True}),
    "paused": Field(flag, {"type": "boolean", "default": False}),
}


def schema() -> dict[str, object]:
    """Return the manifest as JSON Schema (2020-12), for editors and other tools."""

    def section(fields: Mapping[str, Field], **more: object) -> dict[str, object]:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: dict(entry.schema) for key, entry in fields.items()} | more,
            "required": [key for key, entry in fields.items() if entry.required],
        }

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Crontopus job manifest v1",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "v1"},
            "kind": {"const": "Job"},
            "metadata": section(METADATA),
            "spec": section(SPEC, checkin=section(CHECKIN)),
        },
    }
