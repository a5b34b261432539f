"""Which runs a person means."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from chalicelib.domain import durations, times
from chalicelib.domain.runs import STATUSES
from cli import completion, references
from cli.commands import endpoint_input
from cli.invocation import Invocation

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Filter = dict[str, str | int | None]

MAX_DAYS = 400

job_option = click.option(
    "--job",
    "-j",
    metavar="[NAMESPACE/]NAME",
    help="Only runs of jobs with this in their name.",
    shell_complete=completion.of("jobs"),
)
namespace_option = click.option(
    "--namespace", "-n", help="Only runs of jobs in this namespace.", shell_complete=completion.of("namespaces")
)
endpoint_option = click.option(
    "--endpoint", "-e", metavar="NAME|ID", help="Only runs on this endpoint.", shell_complete=completion.of("endpoints")
)
status_option = click.option(
    "--status", "state", type=click.Choice(STATUSES), metavar="STATUS", help=f"Only such: {', '.join(STATUSES)}."
)
days_option = click.option(
    "--days", type=click.IntRange(1, MAX_DAYS), default=7, show_default=True, help="How far to look back."
)


def run_filters(function: Decorated) -> Decorated:
    """Add the options that say which runs; they come as `job`, `namespace`, `endpoint` and `state`."""
    for option in (status_option, endpoint_option, namespace_option, job_option):
        function = option(function)
    return function


def filter_of(
    invocation: Invocation, job: str | None, namespace: str | None, endpoint: str | None, state: str | None
) -> Filter:
    """Return the API's filter for what the options said."""
    if job and "/" in job:
        namespace, job = references.parse(job, namespace)
    endpoint_id = endpoint_input.find(invocation.client, endpoint)["id"] if endpoint else None
    return {"job": job, "namespace": namespace, "endpoint_id": endpoint_id, "status": state}


def moment_of(text: str, now: datetime, option: str) -> datetime:
    """Return the moment that a span before now, a date or a moment means. Raise click.BadParameter if it is none."""
    try:
        return now - timedelta(seconds=durations.seconds(text))
    except ValueError:
        pass
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return times.from_text(text)
    except ValueError as e:
        problem = f"{text!r} is neither a span such as 30m, 2h or 3d, nor a date, nor a moment such as 2026-11-20T09:00:00Z"
        raise click.BadParameter(problem, param_hint=option) from e


def days_since(moment: datetime, now: datetime) -> int:
    """Return a window of whole days that reaches back to this moment."""
    return max(1, min((now - moment).days + 2, MAX_DAYS))
