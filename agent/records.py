"""The records of manifests on disk, one JSON line each: a restart neither reads them anew nor forgets a good version."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from agent.desired import Good, Record
from agent.errors import of_os_error
from agent.home import write_file
from chalicelib.domain.manifest import Job

_FIELDS = tuple(entry.name for entry in fields(Job))


class RecordStore:
    """origin: address of the repository; records of another one are nobody's last good versions.

    edition: names the rules by which manifests were read; after a change of rules every file is looked at again.
    """

    def __init__(self, path: Path, origin: str, edition: str) -> None:
        self.path = path
        self.origin = origin
        self.header = json.dumps({"origin": origin, "edition": edition, "fields": _FIELDS})
        self._lines: dict[str, tuple[Record, bytes]] = {}

    def load(self) -> dict[str, Record]:
        """Return the records by path; none if there are none or the file is torn."""
        try:
            header, *lines = self.path.read_text(encoding="utf-8").rstrip("\n").split("\n")
            if json.loads(header)["origin"] != self.origin:
                return {}
            records = [_from_json(json.loads(line)) for line in lines]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return {}
        except OSError as e:
            raise of_os_error(e, f"{self.path} cannot be read") from e
        if header != self.header:
            return {record.path: replace(record, seen="") for record in records}
        self._lines = {record.path: (record, line.encode()) for record, line in zip(records, lines, strict=True)}
        return {record.path: record for record in records}

    def save(self, records: Mapping[str, Record]) -> None:
        """Write all records, whole or not at all; only those that are new are turned into JSON."""
        known = self._lines
        self._lines = {}
        for path, record in records.items():
            before = known.get(path)
            self._lines[path] = before if before and before[0] is record else (record, json.dumps(_to_json(record)).encode())
        write_file(self.path, b"\n".join([self.header.encode(), *(line for _, line in self._lines.values()), b""]))


def _to_json(record: Record) -> dict[str, Any]:
    good = record.good and {
        "blob": record.good.blob,
        "job": {name: _plain(getattr(record.good.job, name)) for name in _FIELDS},
        "fields": record.good.fields,
        "warnings": record.good.warnings,
    }
    rest = {name: getattr(record, name) for name in ("path", "seen", "problem", "is_alien", "mentions")}
    return rest | {"good": good}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _frozen(value: object) -> Any:
    """Return what JSON made a list of as the tuple that it was."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _from_json(document: dict[str, Any]) -> Record:
    good = document["good"]
    if good:
        job = Job(**{name: _frozen(good["job"][name]) for name in _FIELDS if name in good["job"]})
        good = Good(good["blob"], job, good["fields"], tuple(good["warnings"]))
    return Record(**{**document, "good": good, "mentions": tuple(document["mentions"])})
