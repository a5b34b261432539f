"""Job manifests: YAML in, a Job out, and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

import yaml

from chalicelib.domain import durations, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest_fields import CHECKIN, DEFAULT_OUTPUT_BYTES, METADATA, SPEC, Field

API_VERSION = "v1"
KIND = "Job"

_BARE = re.compile(r"[A-Za-z/][-A-Za-z0-9._/]*")


@dataclass(frozen=True, slots=True)
class Job:
    """One job definition. id is None only where a file was pushed without one."""

    id: str | None
    name: str
    namespace: str
    schedule: str
    command: str
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    shell: str = "/bin/sh"
    timeout_s: int | None = None
    output: Literal["tail", "none"] = "tail"
    max_output_bytes: int = DEFAULT_OUTPUT_BYTES
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    enabled: bool = True
    paused: bool = False

    @property
    def is_scheduled(self) -> bool:
        """Tell whether endpoints should have an entry for it."""
        return self.enabled and not self.paused


@dataclass(frozen=True, slots=True)
class Manifest:
    job: Job
    warnings: tuple[str, ...] = ()


def parse(text: bytes, path: str, *, strict: bool) -> Manifest:
    """Return the job that a manifest file defines.

    path: where the file lies in the repository; its first folder is the namespace and wins.
    strict: refuse unknown fields, as the control plane does; otherwise they are warnings, as an older agent wants.
    Raise Invalid with every problem found: path of the field -> what is wrong and where.
    """
    return read(yaml_source.load(text), path.split("/")[0], strict=strict)


def read(source: yaml_source.Source, namespace: str, *, strict: bool) -> Manifest:
    """Return the job in an already loaded document; see `parse`."""
    return _Reading(source, namespace, strict).manifest()


def with_id(job: Job, job_id: str) -> Job:
    """Return the job with this identity."""
    return replace(job, id=job_id)


class _Reading:
    """One pass over one document, which collects problems instead of stopping at the first."""

    def __init__(self, source: yaml_source.Source, namespace: str, strict: bool) -> None:
        self.source = source
        self.namespace = namespace
        self.strict = strict
        self.problems: dict[str, str] = {}
        self.warnings: list[str] = []

    def manifest(self) -> Manifest:
        top = self._map("", self.source.data)
        self._refuse_unknown("", top, ("apiVersion", "kind", "metadata", "spec"))
        self._expect("apiVersion", top.get("apiVersion"), API_VERSION)
        self._expect("kind", top.get("kind"), KIND)
        metadata = self._section("metadata", top.get("metadata"), METADATA)
        spec_data = dict(self._map("spec", top.get("spec")))
        checkin = self._section("spec.checkin", spec_data.pop("checkin", {}), CHECKIN)
        spec = self._section("spec", spec_data, SPEC)
        self._agree("metadata.namespace", metadata.pop("namespace", None), self.namespace)
        if self.problems:
            raise Invalid.of(self.problems)
        return Manifest(self._job(metadata, spec, checkin), tuple(self.warnings))

    def _job(self, metadata: dict[str, Any], spec: dict[str, Any], checkin: dict[str, Any]) -> Job:
        renamed = {"workingDir": "working_dir", "timeout": "timeout_s", "maxOutput": "max_output_bytes"}
        values = {renamed.get(key, key): value for key, value in (metadata | spec | checkin).items()}
        return Job(**({"id": None, "namespace": self.namespace} | values))

    def _map(self, path: str, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._problem(path or "manifest", "is missing" if value is None else "must be a map")
        return {}

    def _section(self, path: str, value: object, fields: Mapping[str, Field]) -> dict[str, Any]:
        data = self._map(path, value)
        self._refuse_unknown(path, data, fields)
        read: dict[str, Any] = {}
        for key, entry in fields.items():
            if data.get(key) is None:
                if entry.required and path not in self.problems:
                    self._problem(f"{path}.{key}", "is required")
                continue
            try:
                read[key] = entry.read(data[key])
            except ValueError as e:
                self._problem(f"{path}.{key}", str(e))
        return read

    def _refuse_unknown(self, path: str, data: Mapping[str, object], known: Any) -> None:
        for key in data:
            if key in known or (path, key) == ("spec", "checkin"):
                continue
            full = f"{path}.{key}" if path else key
            near = get_close_matches(key, list(known), n=1)
            message = f"unknown field; did you mean {near[0]}?" if near else f"unknown field; known are {', '.join(known)}"
            if self.strict:
                self._problem(full, message)
            else:
                self.warnings.append(f"{full}: {message}{self.source.place(full)}")

    def _expect(self, path: str, value: object, wanted: str) -> None:
        if value != wanted:
            self._problem(path, f"must be {wanted}" if value is not None else f"is required; write {path}: {wanted}")

    def _agree(self, path: str, value: str | None, wanted: str) -> None:
        if value is not None and value != wanted:
            self._problem(path, f"says {value!r}, but the file lies in {wanted}/; the folder wins, so change or drop it")

    def _problem(self, path: str, message: str) -> None:
        self.problems[path] = message + self.source.place(path)


class _Quoted(str):
    """Text that is never written bare, so that no reader takes it for a number or an alias."""


class _Dumper(yaml.SafeDumper):
    pass


def _represent(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if type(value) is str and _BARE.fullmatch(value):
        return dumper.represent_str(value)
    lines = value.split("\n")
    # YAML has more line ends than one, and folds blanks before them: only plain lines may stand in a block.
    is_block = len(lines) > 1 and all(line == line.rstrip() and line.replace("\t", "").isprintable() for line in lines)
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style="|" if is_block else '"')


for _kind in (str, _Quoted):
    _Dumper.add_representer(_kind, _represent)


def dump(job: Job) -> str:
    """Return the manifest of a job as YAML text; what is at its default is left out. `parse` reads the same job back."""
    metadata: dict[str, object] = {"id": job.id, "name": _Quoted(job.name), "namespace": job.namespace, "tenant": job.tenant}
    metadata |= {"labels": dict(job.labels), "annotations": dict(job.annotations)}
    checkin = {"output": job.output, "maxOutput": job.max_output_bytes}
    spec: dict[str, object] = {
        "schedule": _Quoted(job.schedule),
        "command": _Quoted(job.command),
        "args": [_Quoted(item) for item in job.args],
        "workingDir": job.working_dir,
        "env": {key: _Quoted(item) for key, item in job.env.items()},
        "shell": job.shell,
        "timeout": durations.text_of(job.timeout_s) if job.timeout_s else None,
        "checkin": checkin,
        "enabled": job.enabled,
        "paused": job.paused,
    }
    defaults: dict[str, object] = {"shell": "/bin/sh", "enabled": True, "paused": False}
    defaults["checkin"] = {"output": "tail", "maxOutput": DEFAULT_OUTPUT_BYTES}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": _written(metadata, {}), "spec": _written(spec, defaults)}
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


def _written(values: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in (None, {}, []) and defaults.get(key) != value}
