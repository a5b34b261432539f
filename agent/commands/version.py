"""`crontopus-agent version`."""

import json
import platform
import sys
from pathlib import Path

import click

from agent.build import load
from agent.config import DEFAULT_CRONTAB, environment, load_config, own_home
from agent.machine import VERSION, scheduler_flavour
from chalicelib.domain.errors import CrontopusError


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def version(output: str) -> None:
    """Print the version; with -o json also Python, system, scheduler and build.

    \b
    Examples:
      crontopus-agent version
      crontopus-agent version -o json
    """
    if output == "text":
        click.echo(load().version)
    else:
        click.echo(json.dumps(facts(), indent=2))


def facts() -> dict[str, str | None]:
    """Return what a report of a bug should say of this agent."""
    return {
        "version": VERSION,
        "build": load().commit,
        "path": str(Path(sys.argv[0]).absolute()),
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "scheduler": scheduler_flavour(_crontab(), environment()),
    }


def _crontab() -> str:
    try:
        home, environ = own_home()
        return load_config(home, environ).crontab
    except CrontopusError:
        return DEFAULT_CRONTAB
