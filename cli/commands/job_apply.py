"""crontopus jobs apply: makes the jobs what files say they are. What no file names stays."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from cli import apply_plan, client, completion, manifests, pages
from cli.answers import Answer, Body
from cli.apply_plan import Step
from cli.errors import Conflict, Failure, Invalid, NotFound, Unavailable
from cli.groups import Command
from cli.invocation import Invocation
from cli.tables import Cell, Column, status

# Longer than any window of the API's limits on changes.
MAX_WAIT_S = 90
MAX_PAGE = 1000
EXIT_CHANGES = 1

_COLUMNS = (
    Column("JOB", is_name=True),
    Column("ACTION"),
    Column("COMMIT"),
    Column("FILE", is_flexible=True),
    Column("PROBLEM", is_wide=True),
)
_DONE = {"create": "created", "update": "updated", "move": "moved", "unchanged": "unchanged"}


class _NoDiff(Failure):
    """1 would say that there are changes."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """commit: None where nothing was committed."""

    step: Step
    action: str
    commit: str | None = None
    failure: Failure | None = None


@click.command("apply", cls=Command)
@click.option(
    "--file", "-f", "paths", type=click.Path(exists=True, allow_dash=True), multiple=True, required=True, help="Repeatable."
)
@click.option(
    "--namespace", "-n", help="For manifests that name none.", shell_complete=completion.of("namespaces"), default=None
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--diff", "is_diff", is_flag=True, help="Show what would change, and do nothing; ends with 1 if something would.")
@click.pass_context
def apply(ctx: click.Context, paths: Sequence[str], namespace: str | None, dry_run: bool, is_diff: bool) -> None:
    """Create and update jobs from manifests.

    They come from a file, a folder with all below it, or - for stdin. A job is known
    by its id, else by namespace and name; one whose file has another name or
    namespace moves. A manifest that names no namespace belongs to that of the first
    folder below the given one. Nothing is ever deleted.

    \b
    Examples:
      crontopus jobs apply -f jobs/ --diff
      crontopus jobs apply -f jobs/
      crontopus jobs get backup --manifest | crontopus jobs apply -f -
    """
    invocation = ctx.ensure_object(Invocation)
    if is_diff:
        ctx.exit(_show_diff(invocation, paths, namespace))
    steps = _plan(invocation, paths, namespace)
    outcomes = [Outcome(step, step.action) for step in steps] if dry_run else [_take(invocation, step) for step in steps]
    _report(invocation, outcomes, dry_run)


def _plan(invocation: Invocation, paths: Sequence[str], namespace: str | None) -> list[Step]:
    wanted = manifests.load(paths, namespace)
    listed = pages.joined(invocation.client, "/api/jobs", "jobs", {}, size_name="page_size", page_size=MAX_PAGE)
    return apply_plan.plan(wanted, listed["jobs"])


def _show_diff(invocation: Invocation, paths: Sequence[str], namespace: str | None) -> int:
    try:
        changes = [step for step in _plan(invocation, paths, namespace) if step.action != "unchanged"]
    except Failure as e:
        if e.exit_code != EXIT_CHANGES:
            raise
        raise _NoDiff(e.message, problems=e.problems, hints=e.hints, request_id=e.request_id) from e
    diffs = {step.name: apply_plan.diff(step) for step in changes}
    body = {"jobs": [{"job": step.name, "action": step.action, "diff": diffs[step.name]} for step in changes]}
    rows: Iterator[list[Cell]] = ([step.name, step.action, None, step.wanted.file, None] for step in changes)
    if invocation.printer.is_table:
        invocation.printer.diff("\n".join(diffs.values()))
    else:
        invocation.printer.listing(body, _COLUMNS, rows)
    return EXIT_CHANGES if changes else 0


def _take(invocation: Invocation, step: Step) -> Outcome:
    """Do one step. What only this job is refused for does not keep the others from being done."""
    if step.action == "unchanged":
        return Outcome(step, "unchanged")
    try:
        answer = _patiently(invocation, lambda: _send(invocation, step))
    except (Conflict, Invalid, NotFound) as e:
        return Outcome(step, "failed", failure=e)
    return Outcome(step, _DONE[step.action], commit=str(answer.body.get("commit") or "") or None)


def _send(invocation: Invocation, step: Step) -> Answer:
    body = apply_plan.body_of(step.wanted.job)
    if step.before is None:
        return invocation.client.post("/api/jobs", body)
    path = client.path("jobs", str(step.before["namespace"]), str(step.before["name"]))
    return invocation.client.put(path, body, if_match=f'"{step.before["sha"]}"')


def _patiently(invocation: Invocation, send: Callable[[], Answer]) -> Answer:
    """Send, and again after a wait where a limit asks for one: a request that was refused for it has changed nothing."""
    while True:
        try:
            return send()
        except Unavailable as e:
            if e.retry_after_s is None or e.retry_after_s > MAX_WAIT_S:
                raise
            invocation.printer.note(f"The API takes no more changes for {e.retry_after_s} s; waiting.")
            invocation.sleep(e.retry_after_s)


def _report(invocation: Invocation, outcomes: Sequence[Outcome], dry_run: bool) -> None:
    printer = invocation.printer
    body = {"dry_run": dry_run, "jobs": [_as_json(outcome) for outcome in outcomes]}
    printer.listing(body, _COLUMNS, (_row(outcome) for outcome in outcomes))
    failed = [(outcome.step.name, outcome.failure) for outcome in outcomes if outcome.failure]
    if printer.is_table:
        counts = Counter(outcome.action for outcome in outcomes)
        would = "Would do: " if dry_run else ""
        printer.note(f"{would}{', '.join(f'{count} {action}' for action, count in counts.items())}.")
    if failed:
        problems = {name: "; ".join([e.message, *e.problems.values()]) for name, e in failed}
        raise type(failed[0][1])(f"{len(failed)} of {len(outcomes)} jobs could not be applied", problems=problems)


def _row(outcome: Outcome) -> list[Cell]:
    problem = outcome.failure.message if outcome.failure else None
    commit = outcome.commit[:10] if outcome.commit else None
    return [outcome.step.name, status(outcome.action), commit, outcome.step.wanted.file, problem]


def _as_json(outcome: Outcome) -> Body:
    problem = outcome.failure.message if outcome.failure else None
    facts = {"job": outcome.step.name, "action": outcome.action, "file": outcome.step.wanted.file}
    return {**facts, "commit": outcome.commit, "problem": problem}
