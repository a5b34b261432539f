"""crontopus endpoints rename, label, revoke, delete: what changes an endpoint or ends it."""

from collections.abc import Mapping, Sequence

import click

from cli import client
from cli.answers import Answer, Body
from cli.commands import endpoint_input, removal
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation


@click.command("rename", cls=Command)
@endpoint_input.endpoint_argument
@click.argument("new_name")
@pass_invocation
def rename(invocation: Invocation, endpoint: str, new_name: str) -> None:
    """Give an endpoint another name."""
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.patch(_path(found), {"name": new_name})
    invocation.printer.done(answer.body, f"Renamed endpoint {found.get('name')} to {new_name}.", name=new_name)


@click.command("label", cls=Command)
@endpoint_input.endpoint_argument
@click.argument("labels", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--remove", "-r", metavar="KEY", multiple=True, help="Take this label away; may be repeated.")
@pass_invocation
def label(invocation: Invocation, endpoint: str, labels: Sequence[str], remove: Sequence[str]) -> None:
    """Label an endpoint. Labels that are not named stay as they are.

    \b
    Examples:
      crontopus endpoints label web-1 team=ops stage=prod
      crontopus endpoints label web-1 --remove stage
    """
    given = dict(_pair(text) for text in labels)
    if not given and not remove:
        raise click.UsageError("give a label as KEY=VALUE, or --remove KEY")
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.patch(_path(found), {"labels": _labelled(found.get("labels") or {}, given, remove)})
    invocation.printer.done(answer.body, f"Labelled endpoint {found.get('name')}.", name=found.get("name"))


@click.command("revoke", cls=Command)
@endpoint_input.endpoint_argument
@removal.yes_option
@pass_invocation
def revoke(invocation: Invocation, endpoint: str, yes: bool) -> None:
    """Take an endpoint's credentials away. Its jobs go on running there, unseen; enrolled again, it is back."""
    name, answer = _done(invocation, endpoint, "revoke", yes=yes)
    invocation.printer.done(answer.body, f"Revoked endpoint {name}.", name=name)


@click.command("release", cls=Command)
@endpoint_input.endpoint_argument
@removal.yes_option
@pass_invocation
def release(invocation: Invocation, endpoint: str, yes: bool) -> None:
    """Let a machine go to another tenant.

    For a while it may be enrolled there; when it is, it leaves here.
    """
    name, answer = _done(invocation, endpoint, "release", yes=yes)
    until = invocation.printer.local(answer.part("endpoint").get("released_until"))
    invocation.printer.done(answer.body, f"Released endpoint {name} until {until}.", name=name)


@click.command("installer", cls=Command)
@click.argument("platform", type=click.Choice(["linux", "macos", "windows"]))
@pass_invocation
def installer(invocation: Invocation, platform: str) -> None:
    """Print the script that installs the agent. No secret is in it; it asks for an enrollment token.

    \b
    Example:
      crontopus endpoints installer linux > install.sh
    """
    script = invocation.client.text(client.path("endpoints", "install", "script", platform))
    invocation.printer.file({"platform": platform, "script": script}, script)


@click.command("delete", cls=Command)
@endpoint_input.endpoint_argument
@removal.yes_option
@pass_invocation
def delete(invocation: Invocation, endpoint: str, yes: bool) -> None:
    """Revoke an endpoint and forget it. Its runs stay; its jobs go on there until the agent is uninstalled."""
    found = endpoint_input.find(invocation.client, endpoint)
    removal.remove(invocation, "endpoint", str(found.get("name")), _path(found), yes=yes)


def _done(invocation: Invocation, wanted: str, action: str, *, yes: bool) -> tuple[str, Answer]:
    """Do this to an endpoint once the person has agreed, and return its name and the answer."""
    found = endpoint_input.find(invocation.client, wanted)
    name = str(found.get("name"))
    invocation.confirm(f"{action} endpoint {name}", yes=yes)
    return name, invocation.client.post(client.path("endpoints", str(found["id"]), action))


def _path(endpoint: Body) -> str:
    return client.path("endpoints", str(endpoint["id"]))


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.UsageError(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def _labelled(before: Mapping[str, str], given: Mapping[str, str], removed: Sequence[str]) -> dict[str, str]:
    return {key: value for key, value in {**before, **given}.items() if key not in removed}


COMMANDS = (rename, label, revoke, release, installer, delete)
