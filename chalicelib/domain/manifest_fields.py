"""The fields of a job manifest, in one table: where each stands, what the job calls it, its rule, and the rule as JSON Schema.

Reading, writing, the API's body and the schema for editors all come from here. A field stands here once something keeps
what it says, not before: a manifest never promises what nothing keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from chalicelib.domain import durations, names, schedule, sizes, zones
from chalicelib.domain import manifest_values as rules
from chalicelib.domain.manifest_job import DEFAULT_OUTPUT_BYTES as DEFAULT_OUTPUT_BYTES
from chalicelib.domain.manifest_job import Job
from chalicelib.domain.manifest_values import MAX_ARGS, MAX_COMMAND_BYTES, MAX_ENV, MAX_LIST, YEAR_S, Rule

MAX_OUTPUT_BYTES = 64 * 1024
MAX_LABELS = 32
MAX_RETRIES = 5
MAX_RETRY_DELAY_S = 3600


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """One field. attribute: of Job. read: what YAML gave -> what the job holds. write: the way back.

    schema: the rule for editors. is_quoted: written in quotes always, so that no reader takes it for a number or an alias.
    """

    attribute: str
    read: Rule
    schema: Mapping[str, object] = field(default_factory=dict)
    write: Callable[[Any], Any] = _same
    is_required: bool = False
    is_quoted: bool = False


def _selector_text(selector: Mapping[str, tuple[str, ...]]) -> dict[str, str | list[str]]:
    return {key: values[0] if len(values) == 1 else list(values) for key, values in selector.items()}


_TEXT = {"type": "string"}
_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": names.MAX_NAME}
_PATH = {"type": "string", "pattern": rules.ABSOLUTE}
_SHELL = {"type": "string", "pattern": f"{rules.ABSOLUTE}|^({'|'.join(rules.SHELLS)})$", "default": "/bin/sh"}
_SPAN = {"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$"}


def _map(limit: int, values: Mapping[str, object] = _TEXT) -> dict[str, object]:
    return {"type": "object", "additionalProperties": values, "maxProperties": limit}


def _list(items: Mapping[str, object] = _TEXT, limit: int = MAX_LIST, *, is_unique: bool = True) -> dict[str, object]:
    return {"type": "array", "items": items, "maxItems": limit} | ({"uniqueItems": True} if is_unique else {})


def _one_of(attribute: str, *words: str) -> Field:
    default = getattr(_DEFAULTS, attribute)
    return Field(attribute, rules.choice(*words), {"enum": list(words)} | ({"default": default} if default else {}))


def _whole(attribute: str, low: int, high: int, what: str = "a whole number") -> Field:
    return Field(attribute, rules.whole(low, high, what), {"type": "integer", "minimum": low, "maximum": high})


def _span(attribute: str, low_s: int = 1, high_s: int = YEAR_S) -> Field:
    default_s = getattr(_DEFAULTS, attribute)
    default = {"default": durations.text_of(default_s)} if default_s else {}
    return Field(attribute, rules.duration(low_s, high_s), _SPAN | default, durations.text_of)


def _flag(attribute: str) -> Field:
    return Field(attribute, rules.flag, {"type": "boolean", "default": getattr(_DEFAULTS, attribute)})


_DEFAULTS = Job(None, "", "")
_LABELS = _map(MAX_LABELS)
_SELECTOR = _map(MAX_LIST, {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_LIST}]})
_REFERENCE = {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_MEMORY = {"type": "string", "pattern": "^[1-9][0-9]{0,9}[KMG](i|iB|B)?$"}
_LOGIN = {"type": "string", "pattern": "^[a-z_][a-z0-9_-]{0,30}[a-z0-9_$-]?$"}
_COMMAND = {"type": "string", "minLength": 1, "maxLength": MAX_COMMAND_BYTES}

# In the order in which they are written.
FIELDS: dict[str, Field] = {
    "metadata.id": Field("id", rules.uuid4, {"type": "string", "format": "uuid"}),
    "metadata.name": Field("name", rules.name, _NAME, is_required=True, is_quoted=True),
    "metadata.namespace": Field("namespace", rules.text, _NAME),
    "metadata.tenant": Field("tenant", rules.text, _TEXT),
    "metadata.labels": Field("labels", rules.text_map(MAX_LABELS), _LABELS, dict),
    "metadata.annotations": Field("annotations", rules.text_map(MAX_LABELS), _LABELS, dict),
    "spec.schedule": Field("schedule", rules.cron, {"type": "string", "maxLength": schedule.MAX_LENGTH}, is_quoted=True),
    "spec.timezone": Field("timezone", rules.zone, {"type": "string", "maxLength": zones.MAX_LENGTH}),
    "spec.period": _span("period_s", 60),
    "spec.command": Field("command", rules.command, _COMMAND, is_quoted=True),
    "spec.args": Field("args", rules.arguments, _list(limit=MAX_ARGS, is_unique=False), list, is_quoted=True),
    "spec.workingDir": Field("working_dir", rules.absolute_path, _PATH),
    "spec.env": Field("env", rules.environment, _map(MAX_ENV), dict, is_quoted=True),
    "spec.user": Field("user", rules.login, _LOGIN),
    "spec.shell": Field("shell", rules.shell, _SHELL),
    "spec.timeout": _span("timeout_s"),
    "spec.grace": _span("grace_s"),
    "spec.maxRuntime": _span("max_runtime_s"),
    "spec.minRuntime": _span("min_runtime_s"),
    "spec.concurrency": _one_of("concurrency", "allow", "forbid"),
    "spec.retry.attempts": _whole("retry_attempts", 0, MAX_RETRIES),
    "spec.retry.backoff": _one_of("retry_backoff", "fixed", "exponential"),
    "spec.retry.delay": _span("retry_delay_s", 1, MAX_RETRY_DELAY_S),
    "spec.agent.selector": Field("selector", rules.selector, _SELECTOR, _selector_text),
    "spec.checkin.enabled": _flag("is_reported"),
    "spec.checkin.by": _one_of("checkin_by", "agent", "ping"),
    "spec.checkin.methods": _one_of("checkin_methods", "any", "post"),
    "spec.checkin.resume": _one_of("checkin_resume", "any", "manual"),
    "spec.checkin.output": _one_of("output", "tail", "none"),
    "spec.checkin.maxOutput": _whole("max_output_bytes", 1, MAX_OUTPUT_BYTES, "a number of bytes"),
    "spec.alerts.rules": Field("alert_rules", rules.list_of(rules.name), _list(_NAME), list),
    "spec.alerts.channels": Field("alert_channels", rules.list_of(rules.name), _list(_NAME), list),
    "spec.resources.nice": _whole("nice", -20, 19),
    "spec.resources.ioClass": _one_of("io_class", "best-effort", "idle", "realtime"),
    "spec.resources.memory": Field("memory_bytes", rules.memory, _MEMORY, sizes.text_of),
    "spec.resources.cpu": _whole("cpu", 1, 1024, "a number of whole processors"),
    "spec.dependsOn": Field("depends_on", rules.list_of(rules.job_reference), _list(_REFERENCE), list),
    "spec.enabled": _flag("enabled"),
    "spec.paused": _flag("paused"),
}

# What a caller of the API calls a field, where that is not the job's own word for it.
_BODY_WORDS = {"is_reported": "checkin_enabled", "memory_bytes": "memory"}
# Body of the API -> place in the manifest. Id and tenant are not the caller's to set.
IN_MANIFEST: dict[str, str] = {
    _BODY_WORDS.get(entry.attribute, entry.attribute.removesuffix("_s")): place
    for place, entry in FIELDS.items()
    if place not in ("metadata.id", "metadata.tenant")
}


_attributes = attrgetter(*(FIELDS[place].attribute for place in IN_MANIFEST.values()))
_translated = tuple((key, FIELDS[place].write) for key, place in IN_MANIFEST.items() if FIELDS[place].write is not _same)


def body_of(job: Job) -> dict[str, Any]:
    """Return the job as the API's body shows it: every field by its name there, None where the job has none."""
    body = dict(zip(IN_MANIFEST, _attributes(job), strict=True))
    for key, write in _translated:
        if body[key] is not None:
            body[key] = write(body[key])
    return body


@cache
def children(section: str) -> tuple[str, ...]:
    """Return the keys that a section may have: those of fields and of sections within it."""
    prefix = f"{section}."
    return tuple(dict.fromkeys(place[len(prefix) :].split(".")[0] for place in FIELDS if place.startswith(prefix)))


@cache
def entries(section: str) -> tuple[tuple[str, str, Field | None], ...]:
    """Return key, place and field of what a section may have; None for a section within it."""
    return tuple((key, f"{section}.{key}", FIELDS.get(f"{section}.{key}")) for key in children(section))


def written(job: Job, place: str) -> Any:
    """Return a field of the job as YAML and JSON show it, None where the job has none."""
    entry = FIELDS[place]
    value = getattr(job, entry.attribute)
    return value if value is None or entry.write is _same else entry.write(value)


def is_default(job: Job, place: str) -> bool:
    """Tell whether a manifest without the field would say the same."""
    attribute = FIELDS[place].attribute
    return bool(getattr(job, attribute) == getattr(_DEFAULTS, attribute))
