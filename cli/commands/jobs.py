"""crontopus jobs: what runs, and when."""

import shlex
from typing import Any, BinaryIO

import click

from cli import client
from cli.answers import Body
from cli.commands import job_input, job_life
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import Cell, Column, status

_COLUMNS = (
    Column("JOB"),
    Column("STATE"),
    Column("SCHEDULE"),
    Column("COMMAND", is_flexible=True, is_cut=True),
    Column("TIMEOUT", is_extra=True),
    Column("ID", is_extra=True),
)

_optional_reference = click.argument("job", metavar="[NAMESPACE/]NAME", required=False)
_file = click.option("--file", "-f", type=click.File("rb"), help="Take the job from a manifest (YAML); - is stdin.")


@click.group("jobs", cls=Group, aliases={"show": "get"})
def jobs() -> None:
    """Define jobs: each is a file in your Git repository."""


for command in job_life.COMMANDS:
    jobs.add_command(command)


@jobs.command("create")
@_optional_reference
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
@_optional_reference
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
        parts = job_input.reference(job, namespace)
        current = invocation.client.get(client.path("jobs", *parts))
        wanted, seen = job_input.changed(current.part("job"), given), current.etag
    answer = invocation.client.put(client.path("jobs", *parts), wanted, if_match=seen)
    job_life.report(invocation, "Updated", (wanted["namespace"], wanted["name"]), answer)


@jobs.command("list")
@click.option("--namespace", "-n", help="Only jobs of this namespace.")
@pass_invocation
def list_jobs(invocation: Invocation, namespace: str | None) -> None:
    """List jobs."""
    printer = invocation.printer
    answer = invocation.client.get("/api/jobs", {"namespace": namespace})
    found = answer.part("jobs")
    if printer.is_json:
        printer.json(answer.body)
    elif found:
        printer.table(_COLUMNS, [_row(job) for job in sorted(found, key=lambda job: (job["namespace"], job["name"]))])
    else:
        printer.note(f"No jobs in {namespace}." if namespace else "No jobs yet.")
        printer.note("Create one: crontopus jobs create hello --schedule '*/5 * * * *' --command 'echo hello'")
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
    printer = invocation.printer
    answer = invocation.client.get(client.path("jobs", *job_input.reference(job, namespace)))
    if manifest:
        printer.document(answer.part("manifest"))
    elif printer.is_json:
        printer.json(answer.body)
    else:
        printer.facts(_facts(answer.part("job")))


@jobs.command("delete")
@job_input.reference_argument
@job_input.namespace_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_invocation
def delete(invocation: Invocation, job: str, namespace: str | None, yes: bool) -> None:
    """Delete a job; endpoints take it out of their schedulers."""
    parts = job_input.reference(job, namespace)
    path = client.path("jobs", *parts)
    invocation.confirm(f"delete job {job_input.shown_reference(*parts)}", yes=yes)
    job_life.report(invocation, "Deleted", parts, invocation.client.delete(path))


def _new_job(job: str | None, namespace: str | None, file: BinaryIO | None, options: dict[str, Any]) -> Body:
    if file:
        job_input.refuse_options_beside_file(options | {"NAME": job})
        return job_input.fields_of_file(file.read(), namespace)
    if missing := [option for option in ("schedule", "command") if options[option] is None]:
        raise click.UsageError(f"give a name and --schedule and --command, or a manifest with -f; --{missing[0]} is missing")
    if not job:
        raise click.UsageError("give the job a name, or a manifest with -f")
    named_namespace, name = job_input.reference(job, namespace)
    return {"name": name, "namespace": named_namespace, **job_input.given_fields(options)}


def _state(job: Body) -> str:
    if not job.get("enabled", True):
        return "disabled"
    return "paused" if job.get("paused") else "scheduled"


def _command_line(job: Body) -> str:
    return " ".join([str(job.get("command")), *(shlex.quote(str(arg)) for arg in job.get("args") or [])])


def _row(job: Body) -> list[Cell]:
    name = job_input.shown_reference(str(job.get("namespace")), str(job.get("name")))
    return [name, status(_state(job)), job.get("schedule"), _command_line(job), job.get("timeout"), job.get("id")]


def _facts(job: Body) -> list[tuple[str, Cell]]:
    """Return what there is to know about a job; what it does not have is None."""

    def pairs(name: str) -> str | None:
        return ", ".join(f"{key}={value}" for key, value in (job.get(name) or {}).items()) or None

    return [
        ("Name", job.get("name")),
        ("Namespace", job.get("namespace")),
        ("State", status(_state(job))),
        ("Schedule", job.get("schedule")),
        ("Command", _command_line(job)),
        ("Working dir", job.get("working_dir")),
        ("Environment", pairs("env")),
        ("Shell", job.get("shell")),
        ("Timeout", job.get("timeout")),
        ("Output kept", "nothing" if job.get("output") == "none" else f"last {job.get('max_output_bytes')} bytes"),
        ("Labels", pairs("labels")),
        ("Annotations", pairs("annotations")),
        ("Id", job.get("id")),
        ("File", job.get("path")),
        ("Edit", job.get("url")),
    ]
