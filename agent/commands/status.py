"""`crontopus-agent status`."""

import json
import sys
from datetime import UTC, datetime

import click

from agent import overview
from agent.config import own_home


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(output: str) -> None:
    """Say how this agent is doing. Exit code 0: healthy, 1: something needs a look, 2: not enrolled.

    \b
    Examples:
      crontopus-agent status
      crontopus-agent status -o json | jq .state
    """
    home, environ = own_home()
    now = datetime.now(UTC)
    facts, code = overview.gather(home, environ, now)
    click.echo(json.dumps(facts, indent=2) if output == "json" else overview.table(facts, now))
    sys.exit(code)
