"""crontopus jobs: what runs, and when."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import click

from cli import apply_plan, client, completion, manifests, pages, references
from cli.answers import Body
from cli.commands import instances, job_apply, job_edit, job_facts, job_input, job_life, job_slots, job_views, removal
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
_QUESTIONS = {"schedule": "Schedule, such as */5 * * * * or @daily", "command": "Command"}
_CREATE_ONE = "Create one: crontopus jobs create hello --schedule '*/5 * * * *' --command 'echo hello'"

_file = click.option("--file", "-f", type=click.File("rb"), help="Take the job from a manifest (YAML); - is stdin.")


@click.group("jobs", cls=Group, aliases={"show": "get"})
def jobs() -> None:
    """Define jobs: each is a file in your Git repository."""


for command in (
    *job_life.COMMANDS,
    *job_views.COMMANDS,
    *job_slots.COMMANDS,
    job_edit.edit,
    job_apply.apply,
    instances.endpoints_of_job,
):
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
    if not job and not file and invocation.has_terminal():
        job = invocation.ask("Name, or namespace/name", "a name")
        options |= {name: options[name] or invocation.ask(question, f"--{name}") for name, question in _QUESTIONS.items()}
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
@click.option("--label", "-l", "labels", metavar="K=V", multiple=True, help="Only jobs with this label; repeat for more.")
@click.option("--text", "-t", help="Only jobs with this in name, command, schedule or a label.")
@click.option("--state", type=click.Choice(["enabled", "paused", "disabled", "discovered"]), help="Only jobs in this state.")
@pass_invocation
def list_jobs(
    invocation: Invocation, namespace: str | None, labels: Sequence[str], text: str | None, state: str | None
) -> None:
    """List jobs.

    \b
    Examples:
      crontopus jobs list --label team=billing --state paused
      crontopus jobs list --text backup -o name
    """
    printer = invocation.printer
    query = {"namespace": namespace, "label": labels or None, "text": text, "state": state}
    body = pages.joined(invocation.client, "/api/jobs", "jobs", query, size_name="page_size", page_size=job_apply.MAX_PAGE)
    rows = (_row(job) for job in sorted(body["jobs"], key=lambda job: (job["namespace"], job["name"])))
    printer.listing(body, _COLUMNS, rows, empty=("No such jobs." if any(query.values()) else "No jobs yet.", _CREATE_ONE))
    for broken in body.get("problems") or []:
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
        return apply_plan.body_of(manifests.job_of_file(file.read(), namespace))
    needed = () if options["checkin_by"] == "ping" else ("schedule", "command")
    if missing := [option for option in needed if options[option] is None]:
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
