"""`crontopus-agent doctor`."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from agent.config import own_home
from agent.doctor.checks import Check
from agent.doctor.judge import exit_code, judge
from agent.doctor.look import gather
from agent.system import system
from agent.terminal import is_coloured, shown

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Only what is not well.")
def doctor(output: str, quiet: bool) -> None:
    """Look at everything that this machine's jobs depend on, and say what mends what is broken.

    Nothing is changed. Exit code 0: nothing is broken (warnings are no failure), 1: something is, 2: not enrolled.

    \b
    Examples:
      crontopus-agent doctor
      crontopus-agent doctor -q
      crontopus-agent doctor -o json | jq '.checks[] | select(.level != "ok")'
    """
    home, environ = own_home()
    facts = gather(home, environ, system.uid(), datetime.now(UTC))
    checks = judge(facts)
    code = exit_code(checks, is_enrolled=facts.is_enrolled)
    if output == "json":
        click.echo(json.dumps({"exit_code": code, "checks": [check.as_json() for check in checks]}, indent=2))
    else:
        click.echo(text(checks, is_coloured=is_coloured(sys.stdout, environ), quiet=quiet))
    sys.exit(code)


def text(checks: Sequence[Check], *, is_coloured: bool, quiet: bool = False) -> str:
    """Return the checks for a person: a word, a name, why, and below it what mends it."""
    lines = []
    width = max(len(check.name) for check in checks)
    for check in checks:
        if quiet and check.level == "ok":
            continue
        word = f"{check.level.upper():<4}"
        lines.append(
            f"{click.style(word, fg=_COLOURS[check.level]) if is_coloured else word}  {check.name:<{width}}  {shown(check.why)}"
        )
        if check.command:
            lines.append(f"{'':<{width + 6}}  -> {shown(check.command)}")
    counts = {level: sum(check.level == level for check in checks) for level in ("ok", "warn", "fail")}
    lines.append(f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} broken")
    return "\n".join(lines)
