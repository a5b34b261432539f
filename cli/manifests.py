"""Manifests on this machine: read from files and folders, and judged before anything is sent."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from chalicelib.domain import manifest, manifest_check, names, namespaces, yaml_source
from chalicelib.domain.errors import Invalid as InvalidManifest
from chalicelib.domain.manifest import Job
from cli.apply_plan import Wanted
from cli.errors import Failure, Invalid
from cli.text import visible

_PLACE = re.compile(r" \(line (\d+), column (\d+)\)$")


def job_of_file(text: bytes, namespace: str | None, folder: str | None = None) -> Job:
    """Return the job in a manifest. namespace: what --namespace said. folder: what the manifest goes by if it names none.

    Raise Invalid with every problem of the manifest, by line and column.
    """
    try:
        source = yaml_source.load(text)
        stated = manifest_check.stated_namespace(source.data)
        if namespace and stated not in (None, namespace):
            raise click.UsageError(f"the file names the namespace {stated!r}, --namespace names {namespace!r}; drop one")
        return manifest.read(source, namespace or stated or folder or names.DEFAULT, strict=True).job
    except InvalidManifest as e:
        raise Invalid(f"the manifest has {e.message}", problems=e.problems) from e


def load(paths: Sequence[str], namespace: str | None) -> list[Wanted]:
    """Return the jobs that these files, and the manifests in these folders, define. Raise Invalid with every problem of all."""
    wanted, problems, count = [], [], 0
    for path in paths:
        for file, folder in _files(path):
            count += 1
            try:
                wanted.append(Wanted(file, job_of_file(_content(file), namespace, folder)))
            except Invalid as e:
                problems += [placed(file, f"{where}: {words}") for where, words in e.problems.items()]
    if problems:
        raise Invalid(
            f"nothing was changed: {len({line.split(':')[0] for line in problems})} of {count} files are no manifests",
            hints=problems,
        )
    if not count:
        raise Failure(f"no manifests (*.yaml, *.yml) in {', '.join(paths)}")
    return wanted


def by_path(paths: Sequence[str], namespace: str | None) -> dict[str, str]:
    """Return the text of each file by its place in the repository. One that lies in no folder goes into its namespace's."""
    found: dict[str, str] = {}
    for path in paths:
        for file, folder in _files(path):
            text = _text(file)
            if folder:
                found[Path(file).relative_to(path).as_posix()] = text
            else:
                found[f"{namespace or _stated(text) or names.DEFAULT}/{Path(file).name}"] = text
    if not found:
        raise Failure(f"no manifests (*.yaml, *.yml) in {', '.join(paths)}")
    return found


def _stated(text: str) -> str | None:
    """Return the namespace that a manifest names, None if it names none or is none."""
    try:
        return manifest_check.stated_namespace(yaml_source.load(text.encode()).data)
    except InvalidManifest:
        return None


def _text(file: str) -> str:
    try:
        return _content(file).decode()
    except UnicodeDecodeError as e:
        raise Invalid(f"{visible(file)} is not UTF-8") from e


def placed(name: str, words: str) -> str:
    """Return a problem as editors and pipelines read it: `FILE:LINE:COLUMN: field: words`."""
    place = _PLACE.search(words)
    at = f":{place[1]}:{place[2]}" if place else ""
    return f"{name}{at}: {_PLACE.sub('', words)}"


def _files(path: str) -> Iterator[tuple[str, str | None]]:
    """Yield the files that a path means, and for each the folder that is its namespace, as in the repository."""
    root = Path(path)
    if path == "-" or not root.is_dir():
        yield path, None
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")) and not name.startswith(".") and name != namespaces.FILE:
                file = Path(folder, name)
                parts = file.relative_to(root).parts
                yield str(file), parts[0] if len(parts) > 1 else None


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as e:
        raise Failure(f"cannot read {visible(file)}: {e.strerror}") from e
