"""Job manifests: YAML in, a Job out. `dump` is the way back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from chalicelib.domain import yaml_source, zones
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest_dump import API_VERSION, KIND
from chalicelib.domain.manifest_dump import dump as dump
from chalicelib.domain.manifest_fields import FIELDS, Field, children, entries
from chalicelib.domain.manifest_job import Job as Job
from chalicelib.domain.manifest_job import Manifest as Manifest
from chalicelib.domain.manifest_together import problems_together

TOP = ("apiVersion", "kind", "metadata", "spec")


def parse(text: bytes, path: str, *, strict: bool, tenant: str | None = None) -> Manifest:
    """Return the job that a manifest file defines.

    path: where the file lies in the repository; its first folder is the namespace and wins. tenant: whose repository it is.
    strict: refuse unknown fields and zones, as the control plane does; otherwise unknown fields are warnings, and a zone is
    for each machine to judge, as an older agent wants.
    Raise Invalid with every problem found: path of the field -> what is wrong and where.
    """
    return read(yaml_source.load(text), path.split("/")[0], strict=strict, tenant=tenant)


def read(source: yaml_source.Source, namespace: str, *, strict: bool, tenant: str | None = None) -> Manifest:
    """Return the job in an already loaded document; see `parse`."""
    return _Reading(source, strict).manifest(namespace, tenant)


def with_id(job: Job, job_id: str) -> Job:
    """Return the job with this identity."""
    return replace(job, id=job_id)


class _Reading:
    """One pass over one document, which collects problems instead of stopping at the first."""

    def __init__(self, source: yaml_source.Source, strict: bool) -> None:
        self.source = source
        self.strict = strict
        self.values: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        self.warnings: list[str] = []

    def manifest(self, namespace: str, tenant: str | None) -> Manifest:
        top = self._map("", self.source.data)
        self._refuse_unknown("", top, TOP)
        self._expect("apiVersion", top.get("apiVersion"), API_VERSION)
        self._expect("kind", top.get("kind"), KIND)
        for section in ("metadata", "spec"):
            self._section(section, top.get(section))
        self._agree("metadata.namespace", namespace, f"the file lies in {namespace}/; the folder wins")
        if tenant is not None:
            self._agree("metadata.tenant", tenant, f"this is the repository of {tenant}")
        zone = self.values.get("spec.timezone")
        if self.strict and zone and (problem := zones.problem(zone)):
            self._problem("spec.timezone", problem)
        job = self._job(namespace)
        for place, problem in problems_together(job, self.problems).items():
            self._problem(place, problem)
        if self.problems:
            raise Invalid.of(self.problems)
        return Manifest(job, tuple(self.warnings))

    def _job(self, namespace: str) -> Job:
        values = {FIELDS[place].attribute: value for place, value in self.values.items()}
        return Job(**{"id": None, "name": ""} | values | {"namespace": namespace})

    def _map(self, path: str, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._problem(path or "manifest", "is missing" if value is None else "must be a map")
        return {}

    def _section(self, path: str, value: object) -> None:
        data = self._map(path, value)
        self._refuse_unknown(path, data, children(path))
        for key, place, entry in entries(path):
            if data.get(key) is None:
                if entry and entry.is_required and path not in self.problems:
                    self._problem(place, "is required")
            elif entry:
                self._value(place, entry, data[key])
            else:
                self._section(place, data[key])

    def _value(self, place: str, entry: Field, value: object) -> None:
        try:
            self.values[place] = entry.read(value)
        except ValueError as e:
            self._problem(place, str(e))

    def _refuse_unknown(self, path: str, data: Mapping[str, object], known: Iterable[str]) -> None:
        for key in data:
            if key in known:
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

    def _agree(self, place: str, wanted: str, why: str) -> None:
        value = self.values.get(place, wanted)
        if value != wanted:
            self._problem(place, f"says {value!r}, but {why}, so change or drop it")

    def _problem(self, path: str, message: str) -> None:
        self.problems[path] = message + self.source.place(path)
