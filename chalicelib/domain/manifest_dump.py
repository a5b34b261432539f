"""A job as the YAML text of its manifest."""

import re
from typing import Any

import yaml

from chalicelib.domain.manifest_fields import FIELDS, is_default, written
from chalicelib.domain.manifest_job import Job

API_VERSION = "v1"
KIND = "Job"

_BARE = re.compile(r"[A-Za-z/][-A-Za-z0-9._/]*")
_ALWAYS = ("metadata.name", "metadata.namespace")


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
    document: dict[str, Any] = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {}, "spec": {}}
    for place, entry in FIELDS.items():
        if place not in _ALWAYS and is_default(job, place):
            continue
        *sections, key = place.split(".")
        target = document
        for section in sections:
            target = target.setdefault(section, {})
        value = written(job, place)
        target[key] = _quoted(value) if entry.is_quoted else value
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _Quoted(item) for key, item in value.items()}
    return [_Quoted(item) for item in value] if isinstance(value, list) else _Quoted(value)
