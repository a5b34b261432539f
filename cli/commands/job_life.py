"""crontopus jobs: what happens to a job that exists, and judging manifests before they are one."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import click

from chalicelib.domain import manifest_check
from chalicelib.domain.manifest_check import Verdict
from cli import client, manifests, references
from cli.answers import Answer
from cli.commands import job_input
from cli.errors import Invalid
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_VERDICTS = (Column("FILE", is_name=True), Column("KIND"), Column("FIELD"), Column("WORDS"))


@click.command("pause", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@pass_invocation
def pause(invocation: Invocation, job: str, namespace: str | None) -> None:
    """Take a job out of the schedulers; it stays defined."""
    parts = references.parse(job, namespace)
    report(invocation, "Paused", parts, invocation.client.post(client.path("jobs", *parts, "pause")))


@click.command("resume", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@pass_invocation
def resume(invocation: Invocation, job: str, namespace: str | None) -> None:
    """Put a paused job back into the schedulers."""
    parts = references.parse(job, namespace)
    report(invocation, "Resumed", parts, invocation.client.post(client.path("jobs", *parts, "resume")))


@click.command("adopt", cls=Command)
@click.argument("job", metavar="NAME")
@click.option("--to", "target", default="default", show_default=True, help="Namespace that it moves to.")
@pass_invocation
def adopt(invocation: Invocation, job: str, target: str) -> None:
    """Make a job ours that an agent discovered.

    From then on it is defined, run and watched as every other.

    \b
    Example:
      crontopus jobs adopt tidy-web-1 --to ops
    """
    parts = references.parse(job, None if "/" in job else "discovered")
    answer = invocation.client.post(client.path("jobs", *parts, "adopt"), {"target_namespace": target})
    report(invocation, "Adopted", (target, parts[1]), answer)


@click.command("release", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@pass_invocation
def release(invocation: Invocation, job: str, namespace: str | None) -> None:
    """Give an adopted job back to the crontab line it came from.

    The line comes back byte for byte and runs the job; it stays watched, as a discovered one.

    \b
    Example:
      crontopus jobs release tidy-web-1 -n ops
    """
    parts = references.parse(job, namespace)
    answer = invocation.client.post(client.path("jobs", *parts, "release"))
    report(invocation, "Released", ("discovered", parts[1]), answer)


@click.command("validate", cls=Command)
@click.argument("files", metavar="FILE...", type=click.File("rb"), nargs=-1, required=True)
@pass_invocation
def validate(invocation: Invocation, files: Sequence[BinaryIO]) -> None:
    """Judge manifests (YAML) here, without asking the API.

    - is stdin. Ends with 7 if one is invalid.

    \b
    Examples:
      crontopus jobs validate backup.yaml
      crontopus jobs validate */*.yaml
    """
    verdicts = [(_name(file), manifest_check.check(file.read())) for file in files]
    body = {"files": [_as_json(name, verdict) for name, verdict in verdicts]}
    if invocation.printer.is_table:
        invocation.printer.block("\n".join(line for name, verdict in verdicts for line in _lines(name, verdict)))
    else:
        invocation.printer.listing(body, _VERDICTS, (row for name, verdict in verdicts for row in _rows(name, verdict)))
    invalid = sum(not verdict.is_valid for _, verdict in verdicts)
    if invalid:
        raise Invalid(
            f"{invalid} of {len(verdicts)} manifests cannot be used" if len(verdicts) > 1 else "the manifest cannot be used"
        )


def report(invocation: Invocation, verb: str, parts: tuple[str, str], answer: Answer) -> None:
    """Print what was done to a job, and the commit that did it."""
    name, commit = references.shown(*parts), str(answer.body.get("commit") or "none")
    invocation.printer.done(answer.body, f"{verb} job {name} (commit {commit[:10]}).", name=name)


def _name(file: BinaryIO) -> str:
    name = getattr(file, "name", "<stdin>")
    return "stdin" if name == "<stdin>" else str(name)


def _lines(name: str, verdict: Verdict) -> list[str]:
    """Return a line for each problem, `FILE:LINE:COLUMN: field: words`, as editors and pipelines read them."""
    problems = [manifests.placed(name, f"{path}: {words}") for path, words in verdict.problems.items()]
    warnings = [manifests.placed(name, f"warning: {words}") for words in verdict.warnings]
    return [*problems, *warnings] or [f"{name}: good"]


def _rows(name: str, verdict: Verdict) -> Iterator[list[Cell]]:
    """Yield a row for each problem and warning, one alone for a good file."""
    problems: list[list[Cell]] = [[name, "problem", path, words] for path, words in verdict.problems.items()]
    warnings: list[list[Cell]] = [[name, "warning", *words.split(": ", 1)] for words in verdict.warnings]
    yield from [*problems, *warnings] or [[name, "good", None, None]]


def _as_json(name: str, verdict: Verdict) -> dict[str, Any]:
    facts = {"valid": verdict.is_valid, "problems": verdict.problems, "warnings": list(verdict.warnings)}
    return {"file": name, **facts}


COMMANDS = (pause, resume, adopt, release, validate)
