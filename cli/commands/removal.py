"""What the commands share that take something away for good."""

import click

from cli.invocation import Invocation

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def remove(invocation: Invocation, kind: str, name: str, path: str, *, yes: bool, verb: str = "delete") -> None:
    """Ask, delete what is at this path of the API, and say so. kind: `enrollment token`. verb: as one would say it."""
    invocation.confirm(f"{verb} {kind} {name}", yes=yes)
    answer = invocation.client.delete(path)
    commit = f" (commit {str(answer.body['commit'])[:10]})" if answer.body.get("commit") else ""
    invocation.printer.done(answer.body, f"{verb.capitalize().removesuffix('e')}ed {kind} {name}{commit}.", name=name)
