"""`crontopus-agent discover`."""

import json
from dataclasses import asdict
from functools import partial

import click

from agent.client import open_api
from agent.config import load_config, own_home
from agent.discovery.memory import Told
from agent.discovery.opening import open_discovery
from agent.home import read_secret
from agent.system import system

_WIDTH = 50


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--report", is_flag=True, help="Tell the control plane at once, as the agent does every five minutes.")
def discover(output: str, report: bool) -> None:
    """Show the jobs in this machine's crontabs that are not ours. Without --report, nobody is told and nothing is changed.

    \b
    Examples:
      crontopus-agent discover
      crontopus-agent discover -o json
    """
    home, environ = own_home()
    config = load_config(home)
    discovery = open_discovery(home, config, environ, system.uid())
    if report:
        api = open_api(config, partial(read_secret, home.agent_token))
        lines = discovery.look_once(partial(api.tell_discovered, config.endpoint_id)).lines
    else:
        lines = tuple(discovery.see()[2])
    click.echo(json.dumps({"lines": [_facts(line) for line in lines]}, indent=2) if output == "json" else table(lines))


def _facts(line: Told) -> dict[str, object]:
    return {"where": _where(line), "standing": _standing(line), **asdict(line)}


def table(lines: tuple[Told, ...]) -> str:
    """Return the lines for a person to read."""
    if not lines:
        return "no jobs beside ours"
    rows = [("SCHEDULE", "NAME", "COMMAND", "WHERE", "STATE")]
    rows += [(_shown(line.schedule), line.name or "-", _shown(line.command), _where(line), _standing(line)) for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _shown(text: str) -> str:
    plain = "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
    return plain if len(plain) <= _WIDTH else f"{plain[: _WIDTH - 3]}..."


def _where(line: Told) -> str:
    return f"{line.table or 'crontab'}:{line.number}"


def _standing(line: Told) -> str:
    if line.is_set_aside:
        return "adopted"
    if line.problem:
        return f"refused: {line.problem}"
    if not line.job_id:
        return "not told of yet"
    if line.state == "adopted":
        return "adopted, waits for the next round"
    return "marked" if line.mark else "recognized by its bytes" if line.unmarked else "gets its mark in the next round"
