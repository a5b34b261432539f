"""crontopus import: what other services and crontabs hold becomes manifests, in files to look at. Nobody is asked."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from chalicelib.domain import checks_crontab, checks_import, names
from chalicelib.domain.checks_import import Imported, Names
from chalicelib.domain.errors import Invalid as InvalidDocument
from cli.errors import Conflict, Failure, Invalid
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (
    Column("NAME", is_flexible=True),
    Column("FILE", is_name=True),
    Column("NOTE", is_flexible=True),
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group("import", cls=Group)
def import_() -> None:
    """Make manifests of checks, monitors and crontabs.

    The files are yours to look at. `git push` keeps the ids in them, and with them
    the ends of ping URLs; `jobs apply` gives new ones.
    """


def _source(command: _Command) -> _Command:
    into = click.option(
        "--into", "folder", required=True, type=click.Path(file_okay=False), metavar="DIR", help="Where the manifests go."
    )
    namespace = click.option("--namespace", "-n", default=names.DEFAULT, show_default=True, help="Of the jobs.")
    source = click.argument("source", metavar="FILE|-", type=click.File("r", encoding="utf-8"))
    return source(into(namespace(command)))


@import_.command("healthchecks")
@_source
@pass_invocation
def import_healthchecks(invocation: Invocation, source: Any, folder: str, namespace: str) -> None:
    """Import checks from the JSON of /api/v3/checks/."""
    _write(invocation, checks_import.from_healthchecks, _json(source), folder, namespace)


@import_.command("cronitor")
@_source
@pass_invocation
def import_cronitor(invocation: Invocation, source: Any, folder: str, namespace: str) -> None:
    """Import monitors from the JSON of /api/monitors."""
    _write(invocation, checks_import.from_cronitor, _json(source), folder, namespace)


@import_.command("crontab")
@_source
@click.option("--system", is_flag=True, help="The lines name a login, as in /etc/crontab.")
@pass_invocation
def import_crontab(invocation: Invocation, source: Any, folder: str, namespace: str, system: bool) -> None:
    """Import jobs from what `crontab -l` prints.

    Take the lines out of the crontab once the agent has taken the jobs over, or
    they run twice.
    """

    def read(text: str, given: Names) -> list[Imported]:
        return checks_crontab.from_crontab(text, given, has_users=system)

    _write(invocation, read, _text(source), folder, namespace)


def _text(source: Any) -> str:
    try:
        return str(source.read())
    except UnicodeDecodeError as e:
        raise Invalid(f"{source.name} is not UTF-8") from e


def _json(source: Any) -> object:
    try:
        return json.loads(_text(source))
    except (ValueError, RecursionError) as e:
        raise Invalid(f"{source.name} is not JSON: {e}") from e


def _write(
    invocation: Invocation, read: Callable[[Any, Names], list[Imported]], given: Any, folder: str, namespace: str
) -> None:
    if problem := names.job_namespace_problem(namespace):
        raise click.BadParameter(problem, param_hint="--namespace")
    try:
        found = read(given, Names(namespace))
    except InvalidDocument as e:
        raise Invalid("nothing was imported", problems=e.problems) from e
    files = dict(checks_import.files_of(found))
    _refuse_existing(folder, list(files))
    for path, text in files.items():
        _save(Path(folder) / path, text)
    if found and not files:
        raise Failure("nothing of it can be a job", hints=[f"{one.name}: {note}" for one in found for note in one.notes])
    _report(invocation, found, folder)


def _refuse_existing(folder: str, paths: Sequence[str]) -> None:
    there = [path for path in paths if (Path(folder) / path).exists()]
    if there:
        raise Conflict(f"nothing was written: {len(there)} of the files are in {folder} already", hints=there[:5])


def _save(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as e:
        raise Failure(f"cannot write {path}: {e.strerror}") from e


def _report(invocation: Invocation, found: list[Imported], folder: str) -> None:
    rows: list[list[Cell]] = []
    for one in found:
        path = f"{folder}/{names.manifest_path(one.job.namespace, one.job.name)}" if one.job else None
        rows.append([one.name, path, "; ".join(one.notes) or None])
    body = {"imported": [{"name": name, "file": path, "note": note} for name, path, note in rows]}
    invocation.printer.listing(body, _COLUMNS, rows, empty=["There is nothing in it."])
    if invocation.printer.is_table and found:
        invocation.printer.note(f"Push them, or: crontopus jobs apply -f {folder}")
