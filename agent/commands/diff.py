"""`crontopus-agent diff`."""

import json
import sys
from typing import Any

import click

from agent import daemon
from agent.config import load_config, own_home
from agent.errors import remedy
from agent.preview import Preview, Step
from agent.system import system
from chalicelib.domain.errors import CrontopusError

SAME, DIFFERS, FAILED = 0, 1, 2


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def diff(output: str) -> None:
    """Show what a round would change, and why. Exit code 0: nothing, 1: something, 2: that could not be told.

    \b
    Examples:
      crontopus-agent diff
    """
    try:
        home, environ = own_home()
        preview = daemon.open_sync(home, load_config(home), environ, system.uid()).preview()
    except CrontopusError as e:
        click.echo(f"error: {e.message} ({e.code})\n{remedy(e.code)}", err=True)
        sys.exit(FAILED)
    click.echo(json.dumps(_document(preview), indent=2) if output == "json" else _text(preview))
    sys.exit(DIFFERS if preview.is_different else SAME)


def _text(preview: Preview) -> str:
    rows = [f"{step.action:<6}  {step.job or step.job_id}: {step.reason}" for step in preview.steps()]
    decision = preview.decision
    notes = [*decision.notes, *(f"warning: {text}" for text in decision.warnings)]
    if preview.suspension:
        notes.append(preview.suspension.words)
    same = "" if preview.is_different else f"nothing to change: commit {preview.head[:12]} is in place"
    return "\n\n".join(part for part in (same, preview.diff, "\n".join(rows), "\n".join(notes)) if part)


def _document(preview: Preview) -> dict[str, Any]:
    decision = preview.decision
    held = {"code": decision.held.code, "message": decision.held.message} if decision.held else None
    return {
        "commit": preview.head,
        "is_different": preview.is_different,
        "diff": preview.diff,
        "steps": [_shown(step) for step in preview.steps()],
        "held": held,
        "suspended": preview.suspension.words if preview.suspension else None,
        "notes": list(decision.notes),
        "warnings": list(decision.warnings),
    }


def _shown(step: Step) -> dict[str, str | None]:
    before, after = (None if line is None else line.decode(errors="backslashreplace") for line in (step.before, step.after))
    return {
        "action": step.action,
        "job": step.job,
        "job_id": step.job_id,
        "reason": step.reason,
        "before": before,
        "after": after,
    }
