"""One strict reader for YAML that strangers wrote, which remembers where each value stood.

It builds values from parser events, so an alias bomb or 20,000 brackets cost no more than reading them: anchors, aliases,
tags, duplicate keys, a second document and depth beyond MAX_DEPTH are refused where they stand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from chalicelib.domain.errors import Invalid

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_resolver: Any = yaml.resolver.Resolver()


@dataclass(frozen=True, slots=True)
class Source:
    """What one YAML document says, and where.

    data: plain Python values. positions: dotted path -> (line, column), both from 1; the document itself is "".
    """

    data: object
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: str) -> str:
        """Return ` (line 7, column 3)` for a path or for the nearest parent that was written, "" where none was."""
        while path not in self.positions and path:
            path = path.rpartition(".")[0]
        if path not in self.positions:
            return ""
        line, column = self.positions[path]
        return f" (line {line}, column {column})"


def load(text: bytes) -> Source:
    """Return the one document in `text`. Raise Invalid, naming line and column, if it is not one plain YAML document."""
    if len(text) > MAX_BYTES:
        raise Invalid.of({"manifest": f"at most {MAX_BYTES} bytes, this has {len(text)}"})
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Invalid.of({"manifest": f"not UTF-8: byte {e.start} cannot be read"}) from e
    try:
        return _Builder(yaml.parse(decoded, Loader=_PARSER)).document()
    except yaml.YAMLError as e:
        raise Invalid.of({"manifest": _explain(e)}) from e


def _explain(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n")[0]
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else problem


def _position(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Builder:
    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.positions: dict[str, tuple[int, int]] = {}

    def document(self) -> Source:
        data: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refusal(event, "one document per file; remove the second `---`")
                data = self._value(next(self.events), "", 1)
        if documents == 0:
            raise Invalid.of({"manifest": "the file is empty"})
        return Source(data, self.positions)

    def _value(self, event: yaml.Event, path: str, depth: int) -> object:
        self.positions[path] = _position(event)
        self._refuse_references(event)
        if depth > MAX_DEPTH:
            raise self._refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._scalar(event)

    def _mapping(self, path: str, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            self._refuse_references(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal(event, "keys are plain words")
            key = event.value
            if key in values:
                raise self._refusal(event, f"the key {key!r} stands twice")
            values[key] = self._value(next(self.events), f"{path}.{key}" if path else key, depth + 1)
        return values

    def _sequence(self, path: str, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._value(event, f"{path}.{len(values)}", depth + 1))
        return values

    def _scalar(self, event: Any) -> object:
        tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except ValueError as e:
            raise self._refusal(event, f"{event.value!r} cannot be read: {e}") from e

    def _refuse_references(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise self._refusal(event, "anchors and aliases (& and *) are not allowed; quote the value if it is text")
        if event.tag:
            raise self._refusal(event, f"tags are not allowed, found {event.tag!r}")

    @staticmethod
    def _refusal(event: yaml.Event, message: str) -> Invalid:
        line, column = _position(event)
        return Invalid.of({"manifest": f"{message} (line {line}, column {column})"})
