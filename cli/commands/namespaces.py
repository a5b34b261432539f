"""crontopus namespaces: the top folders of your repository."""

import click

from cli import client
from cli.answers import Answer, Body
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import Cell, Column

_COLUMNS = (
    Column("NAMESPACE"),
    Column("JOBS"),
    Column("DESCRIPTION", is_flexible=True, is_cut=True),
    Column("KIND", is_extra=True),
)


@click.group("namespaces", cls=Group)
def namespaces() -> None:
    """Group jobs: each namespace is a folder in your Git repository."""


@namespaces.command("list")
@pass_invocation
def list_namespaces(invocation: Invocation) -> None:
    """List namespaces, also those that were pushed by git."""
    printer = invocation.printer
    answer = invocation.client.get("/api/namespaces")
    if printer.is_json:
        printer.json(answer.body)
    else:
        printer.table(_COLUMNS, [_row(namespace) for namespace in answer.part("namespaces")])
    for broken in answer.body.get("problems") or []:
        printer.problems(f"warning: {broken['path']} is not used:", broken["problems"])


@namespaces.command("create")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--colour", metavar="#RRGGBB", help="Its colour in the console.")
@pass_invocation
def create(invocation: Invocation, name: str, description: str | None, colour: str | None) -> None:
    """Create an empty namespace. A job that is created in a new one needs no such step."""
    given = {"name": name, "description": description, "colour": colour}
    body = {key: value for key, value in given.items() if value is not None}
    _report(invocation, f"Created namespace {name}", invocation.client.post("/api/namespaces", body))


@namespaces.command("delete")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_invocation
def delete(invocation: Invocation, name: str, yes: bool) -> None:
    """Delete an empty namespace; one that holds a job is refused."""
    path = client.path("namespaces", name)
    invocation.confirm(f"delete namespace {name}", yes=yes)
    _report(invocation, f"Deleted namespace {name}", invocation.client.delete(path))


def _report(invocation: Invocation, done: str, answer: Answer) -> None:
    if invocation.printer.is_json:
        invocation.printer.json(answer.body)
    else:
        invocation.printer.line(f"{done} (commit {str(answer.body.get('commit') or 'none')[:10]}).")


def _row(namespace: Body) -> list[Cell]:
    kind = "system" if namespace.get("is_system") else "own"
    return [namespace.get("name"), str(namespace.get("job_count")), namespace.get("description"), kind]
