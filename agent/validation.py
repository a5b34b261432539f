"""Checking a configuration and manifests without doing anything with them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from agent.config import Config
from agent.desired import is_manifest
from agent.settings import read
from chalicelib.domain import manifest_check, yaml_source
from chalicelib.domain.errors import Invalid

_PLACE = re.compile(r" \(line (\d+), column (\d+)\)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a file. line_number, column: from 1, None without one place. key: of the field or setting."""

    file: str
    level: Literal["problem", "warning", "good"]
    words: str = "good"
    key: str | None = None
    line_number: int | None = None
    column: int | None = None

    def line(self) -> str:
        """Return `FILE:LINE:COLUMN: key: words`."""
        place = f":{self.line_number}:{self.column}" if self.line_number else ""
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}{place}: {'warning: ' if self.level == 'warning' else ''}{key}{self.words}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def placed(file: str, level: Literal["problem", "warning"], key: str | None, words: str) -> Finding:
    """Return a finding with the place that the domain's words end in."""
    found = _PLACE.search(words)
    line, column = (int(found[1]), int(found[2])) if found else (None, None)
    return Finding(file, level, _PLACE.sub("", words, count=1), key, line, column)


def check_config(path: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Return all that is wrong with a configuration, or that nothing is. environ: whose variables override it."""
    try:
        read(Config, path.read_bytes(), environ)
    except OSError as e:
        return [Finding(str(path), "problem", f"cannot be read: {e.strerror}")]
    except Invalid as e:
        return [placed(str(path), "problem", key, words) for key, words in e.problems.items()]
    return [Finding(str(path), "good")]


def check_manifests(paths: Iterable[Path]) -> list[Finding]:
    """Return what the control plane would say of manifests. A folder is taken for the top of a repository."""
    findings: list[Finding] = []
    ids: dict[str, str] = {}
    for path in paths:
        files = list(_files(path))
        if not files:
            findings.append(Finding(str(path), "problem", "holds no manifest (*.yaml, *.yml below a namespace's folder)"))
        for file, place in files:
            findings += _check(file, place, ids)
    return findings


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with its place in the repository."""
    if not path.is_dir():
        yield path, path.name
        return
    for file in sorted(path.rglob("*")):
        place = file.relative_to(path).as_posix()
        if is_manifest(place) and (file.is_file() or file.is_symlink()):
            yield file, place


def _check(file: Path, place: str, ids: dict[str, str]) -> list[Finding]:
    """ids: of the manifests so far, each with its file; what stands in two files is told of the second."""
    name = str(file)
    if file.is_symlink():
        return [Finding(name, "problem", "a symbolic link is never read as a manifest")]
    try:
        with file.open("rb") as opened:
            text = opened.read(yaml_source.MAX_BYTES + 1)
    except OSError as e:
        return [Finding(name, "problem", f"cannot be read: {e.strerror}")]
    verdict = manifest_check.check(text, place)
    found = [placed(name, "problem", key, words) for key, words in verdict.problems.items()]
    found += [placed(name, "warning", *_parted(words)) for words in verdict.warnings]
    if verdict.is_valid and (job_id := _id_of(text)):
        if job_id in ids:
            found.append(
                Finding(
                    name, "problem", f"{job_id} is the id of {ids[job_id]} too; give the copy one of its own", "metadata.id"
                )
            )
        ids.setdefault(job_id, name)
    return found or [Finding(name, "good")]


def _parted(words: str) -> tuple[str | None, str]:
    key, found, rest = words.partition(": ")
    return (key, rest) if found else (None, words)


def _id_of(text: bytes) -> str | None:
    data = yaml_source.load(text).data
    metadata = data.get("metadata") if isinstance(data, dict) else None
    job_id = metadata.get("id") if isinstance(metadata, dict) else None
    return str(job_id).lower() if job_id else None
