"""Changes to a manifest in the places of the fields that change: comments, order and layout stay as their author wrote them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from chalicelib.domain import manifest, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job

# The folder and the repository say these already: a file that leaves them out stays without.
_DERIVED = frozenset({("metadata", "namespace"), ("metadata", "tenant")})
_Place = tuple[str, ...]


class _CannotPatch(Exception):
    """The text is laid out in a way that leaves no room for the change."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key of a mapping with its value. start, end: of the value, in characters; end is behind its last one."""

    key: yaml.ScalarNode
    value: yaml.Node
    end: int

    @property
    def start(self) -> int:
        return int(self.value.start_mark.index)


def patched(raw: str, before: Job, after: Job, path: str) -> str:
    """Return the manifest text of `after`, made from that of `before` by changing what differs and nothing else.

    path: where the new text will lie. A text that leaves no room for the change is written anew. Whatever the edit did, it
    is only believed if it reads back as `after`.
    """
    written = manifest.dump(after)
    try:
        text = raw
        for place, value in _differences(_data(manifest.dump(before)), _data(written)):
            text = _set(text, place, value, written)
        return text if manifest.parse(text.encode(), path, strict=True).job == after else written
    except (_CannotPatch, Invalid, yaml.YAMLError):
        return written


def fields(job: Job) -> dict[str, Any]:
    """Return what a manifest says of a job, by dotted place; what is at its default is left out."""
    return dict(_leaves(_data(manifest.dump(job))))


def _leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _data(text: str) -> dict[str, Any]:
    data = yaml_source.load(text.encode()).data
    return data if isinstance(data, dict) else {}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], above: _Place = ()) -> Iterator[tuple[_Place, Any]]:
    """Yield place and new value of whatever differs; None where the value is at its default from now on."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, (*above, key))
        elif old != new:
            yield (*above, key), new


def _set(text: str, place: _Place, value: Any, written: str) -> str:
    parent = _mapping(text, place[:-1])
    entry = _find(text, parent, place[-1])
    if value is None:
        return _without(text, parent, entry) if entry else text
    if entry is None:
        return text if place in _DERIVED else _with(text, parent, place, value, written)
    if _is_flow(text, parent) or isinstance(value, bool | int):
        return text[: entry.start] + _flow(value) + text[entry.end :]
    return _replaced(text, entry, _block(written, place, entry.key.start_mark.column))


def _mapping(text: str, place: _Place) -> yaml.MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in place:
        found = _find(text, node, key) if isinstance(node, yaml.MappingNode) else None
        node = found.value if found else None
    if not isinstance(node, yaml.MappingNode):
        raise _CannotPatch
    return node


def _find(text: str, parent: yaml.MappingNode, name: str) -> _Entry | None:
    for key, value in parent.value:
        if key.value == name:
            return _Entry(key, value, _end(text, value))
    return None


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends. What the parser reads on until the next token, blanks and comments, is not part of it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return int(start + len(text[start:end].rstrip()))


def _is_flow(text: str, parent: yaml.MappingNode) -> bool:
    return text[parent.start_mark.index] == "{"


def _flow(value: Any) -> str:
    # JSON is YAML; the few characters on which they differ are found when the result is read back.
    return json.dumps(value, ensure_ascii=False)


def _block(written: str, place: _Place, column: int) -> list[str]:
    """Return the lines of one key and its value as `dump` wrote them, to stand at this column."""
    entry = _find(written, _mapping(written, place[:-1]), place[-1])
    if entry is None:
        raise _CannotPatch
    first = entry.key.start_mark
    lines = written[first.index : entry.end].split("\n")
    shift = column - first.column
    return [lines[0], *(_shifted(line, shift) for line in lines[1:])]


def _shifted(line: str, by: int) -> str:
    if not line:
        return line
    return " " * by + line if by >= 0 else line[-by:]


def _replaced(text: str, entry: _Entry, lines: list[str]) -> str:
    """Put the lines where the entry stands; a comment behind it stays on the first of them."""
    start, newline = entry.key.start_mark.index, _newline(text)
    stop = text.find("\n", entry.end)
    stop = len(text) if stop < 0 else stop
    behind = text[entry.end : stop].rstrip("\r")
    rest = text[entry.end + len(behind) :]
    return text[:start] + newline.join([lines[0] + behind, *lines[1:]]) + rest


def _with(text: str, parent: yaml.MappingNode, place: _Place, value: Any, written: str) -> str:
    """Add a key behind the last one."""
    if _is_flow(text, parent):
        inner = text[: parent.end_mark.index - 1].rstrip().rstrip(",")
        rest = text[len(inner) :].lstrip(",")
        return f"{inner}{', ' if parent.value else ''}{place[-1]}: {_flow(value)}{rest}"
    newline = _newline(text)
    lines = _block(written, place, parent.start_mark.column)
    at = text.find("\n", _end(text, parent))
    before, rest = (text, "") if at < 0 else (text[: at + 1], text[at + 1 :])
    gap = "" if before.endswith("\n") else newline
    return before + gap + " " * parent.start_mark.column + newline.join(lines) + newline + rest


def _without(text: str, parent: yaml.MappingNode, entry: _Entry) -> str:
    """Take a key away with its lines. A flag that somebody commented on is turned instead, so that the comment stays."""
    stop = text.find("\n", entry.end)
    stop = len(text) if stop < 0 else stop + 1
    if entry.value.tag.endswith(":bool") and "#" in text[entry.end : stop]:
        turned = _flow(text[entry.start : entry.end].lower() != "true")
        return text[: entry.start] + turned + text[entry.end :]
    if _is_flow(text, parent):
        return _without_in_flow(text, parent, entry)
    first = entry.key.start_mark.index - entry.key.start_mark.column
    if text[first : entry.key.start_mark.index].strip():
        raise _CannotPatch
    return text[:first] + text[stop:]


def _without_in_flow(text: str, parent: yaml.MappingNode, entry: _Entry) -> str:
    keys = [key.start_mark.index for key, _ in parent.value]
    position = keys.index(entry.key.start_mark.index)
    if position + 1 < len(keys):
        return text[: keys[position]] + text[keys[position + 1] :]
    start = _end(text, parent.value[position - 1][1]) if position else keys[position]
    return text[:start] + text[entry.end :]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
