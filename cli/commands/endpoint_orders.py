"""crontopus endpoints approve-removals, suspend, resume: what is wanted of an endpoint's agent."""

from collections.abc import Iterator
from datetime import timedelta

import click

from chalicelib.domain import durations
from chalicelib.domain.times import to_text
from cli import client
from cli.answers import Body
from cli.commands import endpoint_input, removal
from cli.errors import Conflict
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation


@click.command("approve-removals", cls=Command)
@endpoint_input.endpoint_argument
@removal.yes_option
@pass_invocation
def approve_removals(invocation: Invocation, endpoint: str, yes: bool) -> None:
    """Let an agent remove the jobs that it holds back.

    Shows them first. What is approved is just these jobs, by just this commit: if something is pushed before the agent
    has heard of it, it holds back again.
    """
    found = endpoint_input.find(invocation.client, endpoint)
    name, held = found.get("name"), found.get("held")
    if not held:
        raise Conflict(f"endpoint {name} holds no removals back")
    for line in _would_go(invocation, found, held):
        invocation.printer.note(line)
    invocation.confirm(f"remove {held['count']} jobs from endpoint {name}", yes=yes)
    answer = invocation.client.post(_path(found, "approve-removals"), {"head": held["head"], "digest": held["digest"]})
    line = f"Approved: the agent on {name} removes {held['count']} jobs within a minute, if it runs."
    invocation.printer.done(answer.body, line, name=name)


@click.command("suspend", cls=Command)
@endpoint_input.endpoint_argument
@click.option("--for", "span", metavar="SPAN", help="How long, such as 30m, 2h or 1d; until it is resumed without it.")
@pass_invocation
def suspend(invocation: Invocation, endpoint: str, span: str | None) -> None:
    """Let an agent look and report, and write nothing. Its jobs go on as they stand.

    \b
    Example:
      crontopus endpoints suspend web-1 --for 2h
    """
    until = to_text(invocation.now() + timedelta(seconds=_seconds(span))) if span else None
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.post(_path(found, "suspend"), {"until": until})
    end = f"until {invocation.printer.local(until)}" if until else "until it is resumed"
    invocation.printer.done(answer.body, f"Suspended endpoint {found.get('name')} {end}.", name=found.get("name"))


@click.command("resume", cls=Command)
@endpoint_input.endpoint_argument
@pass_invocation
def resume(invocation: Invocation, endpoint: str) -> None:
    """End what `suspend` began. What was suspended on the machine itself is resumed there."""
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.post(_path(found, "resume"))
    invocation.printer.done(answer.body, f"Resumed endpoint {found.get('name')}.", name=found.get("name"))


def _would_go(invocation: Invocation, endpoint: Body, held: Body) -> Iterator[str]:
    yield f"{held['count']} jobs would go with commit {str(held['head'])[:10]} ({held['code']}):"
    jobs = invocation.client.get(client.path("endpoints", str(endpoint["id"]), "jobs")).part("jobs")
    names = {job.get("job_id"): f"{job.get('namespace')}/{job.get('job_name')}" for job in jobs}
    ids = held["job_ids"]
    yield from (f"  {names.get(job_id, job_id)}" for job_id in ids)
    if held["count"] > len(ids):
        yield f"  and {held['count'] - len(ids)} more"


def _path(endpoint: Body, action: str) -> str:
    return client.path("endpoints", str(endpoint["id"]), action)


def _seconds(span: str) -> int:
    try:
        return durations.seconds(span)
    except ValueError as e:
        raise click.UsageError(f"--for: {e}") from e


COMMANDS = (approve_removals, suspend, resume)
