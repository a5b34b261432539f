"""crontopus jobs: what runs, and when."""

from typing import Any, BinaryIO

import click

from cli import client, completion, references
from cli.answers import Body
from cli.commands import job_facts, job_input, job_life, removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, status

_COLUMNS = (
    Column("JOB", is_name=True),
    Column("STATE"),
    Column("SCHEDULE"),
    Column("COMMAND", is_flexible=True, is_cut=True),
    Column("TIMEOUT", is_extra=True),
    Column("ID", is_extra=True),
    Column("LABELS", is_wide=True),
    Column("FILE", is_wide=True, key="path"),
)
_CREATE_ONE = "Create one: crontopus jobs create hello --schedule '*/5 * * * *' --command 'echo hello'"

_file = click.option("--file", "-f", type=click.File("rb"), help="Take the job from a manifest (YAML); - is stdin.")


@click.group("jobs", cls=Group, aliases={"show": "get"})
def jobs() -> None:
    """Define jobs: each is a file in your Git repository."""


for command in job_life.COMMANDS:
    jobs.add_command(command)


@jobs.command("create")
@job_input.optional_reference
@job_input.namespace_option
@_file
@job_input.job_options
@pass_invocation
def create(invocation: Invocation, /, job: str | None, namespace: str | None, file: BinaryIO | None, **options: Any) -> None:
    """Create a job.

    \b
    Examples:
      crontopus jobs create backup --schedule '30 2 * * *' --command ./backup.sh
      crontopus jobs create ops/tidy --schedule @daily --command tidy --timeout 2h
      crontopus jobs create -f backup.yaml
    """
    wanted = _new_job(job, namespace, file, options)
    job_life.report(invocation, "Created", (wanted["namespace"], wanted["name"]), invocation.client.post("/api/jobs", wanted))


@jobs.command("update")
@job_input.optional_reference
@job_input.namespace_option
@_file
@click.option("--rename", metavar="NAME", help="Give it this name; its id stays.")
@click.option("--move-to", metavar="NAMESPACE", help="Move it to this namespace; its id stays.")
@job_input.job_options
@pass_invocation
def update(
    invocation: Invocation,
    /,
    job: str | None,
    namespace: str | None,
    file: BinaryIO | None,
    rename: str | None,
    move_to: str | None,
    **options: Any,
) -> None:
    """Change a job. What no option is given for stays as it is.

    --env, --label and --annotation add to what is there; to take one away, edit the manifest and use -f.

    \b
    Examples:
      crontopus jobs update backup --schedule '0 4 * * *'
      crontopus jobs update backup --paused
      crontopus jobs update backup --rename dump --move-to nightly
      crontopus jobs get backup --manifest > backup.yaml
      crontopus jobs update -f backup.yaml
    """
    if file:
        wanted = _new_job(job, namespace, file, options | {"rename": rename, "move_to": move_to})
        parts, seen = (wanted["namespace"], wanted["name"]), None
    else:
        given = job_input.given_fields(options | {"name": rename, "namespace": move_to})
        if not job or not given:
            raise click.UsageError("name a job and at least one option to change, or give a manifest with -f")
        parts = references.parse(job, namespace)
        current = invocation.client.get(client.path("jobs", *parts))
        wanted, seen = job_input.changed(current.part("job"), given), current.etag
    answer = invocation.client.put(client.path("jobs", *parts), wanted, if_match=seen)
    job_life.report(invocation, "Updated", (wanted["namespace"], wanted["name"]), answer)


@jobs.command("list")
@click.option("--namespace", "-n", help="Only jobs of this namespace.", shell_complete=completion.of("namespaces"))
@pass_invocation
def list_jobs(invocation: Invocation, namespace: str | None) -> None:
    """List jobs."""
    printer = invocation.printer
    answer = invocation.client.get("/api/jobs", {"namespace": namespace})
    rows = (_row(job) for job in sorted(answer.part("jobs"), key=lambda job: (job["namespace"], job["name"])))
    printer.listing(
        answer.body, _COLUMNS, rows, empty=(f"No jobs in {namespace}." if namespace else "No jobs yet.", _CREATE_ONE)
    )
    for broken in answer.body.get("problems") or []:
        printer.problems(f"warning: {broken['path']} is not used:", broken["problems"])


@jobs.command("get")
@job_input.reference_argument
@job_input.namespace_option
@click.option("--manifest", is_flag=True, help="Print the manifest (YAML) and nothing else.")
@pass_invocation
def get(invocation: Invocation, job: str, namespace: str | None, manifest: bool) -> None:
    """Show a job.

    \b
    Examples:
      crontopus jobs get backup
      crontopus jobs get billing/invoices --manifest > invoices.yaml
    """
    parts = references.parse(job, namespace)
    answer = invocation.client.get(client.path("jobs", *parts))
    if manifest:
        invocation.printer.document(answer.part("manifest"))
    else:
        facts = job_facts.facts(answer.part("job"))
        invocation.printer.thing(answer.body, facts, name=references.shown(*parts))


@jobs.command("delete")
@job_input.reference_argument
@job_input.namespace_option
@removal.yes_option
@pass_invocation
def delete(invocation: Invocation, job: str, namespace: str | None, yes: bool) -> None:
    """Delete a job; endpoints take it out of their schedulers."""
    parts = references.parse(job, namespace)
    removal.remove(invocation, "job", references.shown(*parts), client.path("jobs", *parts), yes=yes)


def _new_job(job: str | None, namespace: str | None, file: BinaryIO | None, options: dict[str, Any]) -> Body:
    if file:
        job_input.refuse_options_beside_file(options | {"NAME": job})
        return job_input.fields_of_file(file.read(), namespace)
    if missing := [option for option in ("schedule", "command") if options[option] is None]:
        raise click.UsageError(f"give a name and --schedule and --command, or a manifest with -f; --{missing[0]} is missing")
    if not job:
        raise click.UsageError("give the job a name, or a manifest with -f")
    named_namespace, name = references.parse(job, namespace)
    return {"name": name, "namespace": named_namespace, **job_input.given_fields(options)}


def _row(job: Body) -> list[Cell]:
    return [
        references.shown(job.get("namespace"), job.get("name")),
        status(job_facts.state(job)),
        job.get("schedule"),
        job_facts.command_line(job),
        job.get("timeout"),
        job.get("id"),
        job_facts.pairs(job, "labels"),
        job.get("path"),
    ]
