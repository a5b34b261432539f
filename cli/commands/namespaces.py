"""crontopus namespaces: the top folders of your repository."""

import click

from cli import client, completion
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (
    Column("NAMESPACE", is_name=True),
    Column("JOBS", key="job_count"),
    Column("DESCRIPTION", is_flexible=True, is_cut=True),
    Column("KIND", is_extra=True),
    Column("COLOUR", is_wide=True),
)

_name = click.argument("name", shell_complete=completion.of("namespaces"))
_description = click.option("--description", metavar="TEXT", help="What it is for.")
_colour = click.option("--colour", metavar="#RRGGBB", help="Its colour in the console.")


@click.group("namespaces", cls=Group)
def namespaces() -> None:
    """Group jobs: each is a folder in your repository."""


@namespaces.command("list")
@pass_invocation
def list_namespaces(invocation: Invocation) -> None:
    """List namespaces, also those that were pushed by git."""
    printer = invocation.printer
    answer = invocation.client.get("/api/namespaces")
    printer.listing(answer.body, _COLUMNS, (_row(namespace) for namespace in answer.part("namespaces")))
    for broken in answer.body.get("problems") or []:
        printer.problems(f"warning: {broken['path']} is not used:", broken["problems"])


@namespaces.command("create")
@click.argument("name")
@_description
@_colour
@pass_invocation
def create(invocation: Invocation, name: str, description: str | None, colour: str | None) -> None:
    """Create an empty namespace. A job that is created in a new one needs no such step."""
    given = {"name": name, "description": description, "colour": colour}
    body = {key: value for key, value in given.items() if value is not None}
    answer = invocation.client.post("/api/namespaces", body)
    commit = str(answer.body.get("commit") or "none")[:10]
    invocation.printer.done(answer.body, f"Created namespace {name} (commit {commit}).", name=name)


@namespaces.command("update")
@_name
@_description
@_colour
@pass_invocation
def update(invocation: Invocation, name: str, description: str | None, colour: str | None) -> None:
    """Say what a namespace is for, and give it a colour.

    An empty text takes one away.

    \b
    Examples:
      crontopus namespaces update nightly --description 'What runs at night'
      crontopus namespaces update nightly --colour ''
    """
    given = {"description": description, "colour": colour}
    body = {key: value or None for key, value in given.items() if value is not None}
    if not body:
        raise click.UsageError("give --description or --colour")
    answer = invocation.client.patch(client.path("namespaces", name), body)
    commit = str(answer.body.get("commit") or "none")[:10]
    invocation.printer.done(answer.body, f"Updated namespace {name} (commit {commit}).", name=name)


@namespaces.command("delete")
@_name
@removal.yes_option
@pass_invocation
def delete(invocation: Invocation, name: str, yes: bool) -> None:
    """Delete an empty namespace; one that holds a job is refused."""
    removal.remove(invocation, "namespace", name, client.path("namespaces", name), yes=yes)


def _row(namespace: Body) -> list[Cell]:
    kind = "system" if namespace.get("is_system") else "own"
    return [namespace.get("name"), str(namespace.get("job_count")), namespace.get("description"), kind, namespace.get("colour")]
