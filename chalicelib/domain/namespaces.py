"""What `{namespace}/namespace.yaml` may say about a namespace; the file is optional, and so is each of its fields."""

import re
from dataclasses import dataclass

import yaml

from chalicelib.domain import yaml_source
from chalicelib.domain.errors import Invalid

FILE = "namespace.yaml"
MAX_DESCRIPTION = 500

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FIELDS = ("description", "colour")


@dataclass(frozen=True, slots=True)
class Description:
    """colour: `#rrggbb`, lower case."""

    description: str | None = None
    colour: str | None = None


def problems_of(described: Description) -> dict[str, str]:
    """Return what is wrong with a description, by field."""
    problems: dict[str, str] = {}
    if len(described.description or "") > MAX_DESCRIPTION:
        problems["description"] = f"at most {MAX_DESCRIPTION} characters, this has {len(described.description or '')}"
    if described.colour and not _COLOUR.fullmatch(described.colour):
        problems["colour"] = "must be # and six digits of 0-9 and a-f, in quotes"
    return problems


def parse(text: bytes) -> Description:
    """Return what the file says. Raise Invalid with every problem, by line and column."""
    source = yaml_source.load(text)
    if not isinstance(source.data, dict):
        raise Invalid.of({"namespace": "must be a map"})
    problems = {key: f"unknown field; known are {', '.join(_FIELDS)}" for key in source.data if key not in _FIELDS}
    problems |= {key: "must be text" for key in _FIELDS if not isinstance(source.data.get(key), str | None)}
    if not problems:
        described = Description(**source.data)
        problems = problems_of(described)
    if problems:
        raise Invalid.of({key: problem + source.place(key) for key, problem in problems.items()})
    return described


def dump(described: Description) -> str:
    """Return the file's text; `parse` reads the same description back."""
    said = {key: value for key in _FIELDS if (value := getattr(described, key)) is not None}
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=1000)
