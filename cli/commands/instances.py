"""crontopus endpoints jobs, discovered; jobs endpoints: how jobs stand on machines."""

from collections.abc import Sequence

import click

from chalicelib.domain.names import DISCOVERED
from cli import client, references
from cli.answers import Body
from cli.commands import endpoint_input, job_input
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, status

_STANDING = (
    Column("STATUS"),
    Column("LAST RUN"),
    Column("STARTED", key="last_started_at"),
    Column("IN A ROW", is_extra=True, key="streak"),
    Column("TROUBLE", is_extra=True, is_flexible=True, key="reason"),
    Column("SEEN", is_wide=True, key="last_seen"),
    Column("SOURCE", is_wide=True),
    Column("RUN", is_wide=True, key="last_run_id"),
)
_OF_ENDPOINT = (Column("JOB", is_name=True), *_STANDING)
_OF_JOB = (Column("ENDPOINT", is_name=True), Column("STATE"), *_STANDING)


@click.command("jobs", cls=Command)
@endpoint_input.endpoint_argument
@pass_invocation
def jobs_of_endpoint(invocation: Invocation, endpoint: str) -> None:
    """List the jobs on a machine, and how each stands there."""
    body = _jobs_on(invocation, endpoint)
    _print(invocation, body, (f"No jobs on {endpoint}.", "See what should run: crontopus jobs list"))


@click.command("discovered", cls=Command)
@endpoint_input.endpoint_argument
@pass_invocation
def discovered(invocation: Invocation, endpoint: str) -> None:
    """List what else cron runs on a machine.

    Those are jobs that others made and the agent found.
    """
    body = _jobs_on(invocation, endpoint)
    found = [one for one in body["jobs"] if one.get("source") == DISCOVERED or one.get("namespace") == DISCOVERED]
    _print(invocation, {**body, "jobs": found, "total": len(found)}, [f"Nothing was discovered on {endpoint}."])
    if found and invocation.printer.is_table:
        invocation.printer.note("Take one over: crontopus jobs adopt NAME --to NAMESPACE")


@click.command("endpoints", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@pass_invocation
def endpoints_of_job(invocation: Invocation, job: str, namespace: str | None) -> None:
    """List the machines that have a job, and how it stands on each."""
    answer = invocation.client.get(client.path("jobs", *references.parse(job, namespace), "endpoints"))
    rows = (
        [one.get("name") or one.get("id"), status(one.get("state") or "-"), *_standing(invocation, one["instance"])]
        for one in answer.part("endpoints")
    )
    empty = ("It is on no machine yet.", "See which there are: crontopus endpoints list")
    invocation.printer.listing(answer.body, _OF_JOB, rows, empty=empty)


def _jobs_on(invocation: Invocation, endpoint: str) -> Body:
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.get(client.path("endpoints", str(found["id"]), "jobs"))
    answer.part("jobs")
    return answer.body


def _print(invocation: Invocation, body: Body, empty: Sequence[str]) -> None:
    rows = ([references.shown(one.get("namespace"), one.get("job_name")), *_standing(invocation, one)] for one in body["jobs"])
    invocation.printer.listing(body, _OF_ENDPOINT, rows, empty=empty)


def _standing(invocation: Invocation, instance: Body) -> list[Cell]:
    printer, last = invocation.printer, instance.get("last_run") or {}
    streak = instance.get("streak") or {}
    trouble = instance.get("reason") or ("the scheduler does not hold what it should" if instance.get("drift") else None)
    return [
        status("drift" if instance.get("drift") else instance.get("status") or "unknown"),
        status(last["status"]) if last else "never",
        printer.ago(last.get("started_at")),
        f"{streak['length']} {streak['ending']}" if streak.get("ending") else None,
        trouble,
        printer.ago(instance.get("last_seen")),
        instance.get("source"),
        last.get("run_id"),
    ]
