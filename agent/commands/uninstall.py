"""`crontopus-agent uninstall`."""

import click

from agent import audit
from agent import uninstall as leaving
from agent.config import load_config, own_home
from agent.overview import running_pid
from agent.schedulers.factory import open_scheduler
from agent.system import system
from chalicelib.domain.errors import Stalled


@click.command()
def uninstall() -> None:
    """Take our block out of the crontab; every other byte of it stays. Stop the agent first."""
    home, environ = own_home()
    config = load_config(home)
    pid = running_pid(home)
    if pid is not None:
        raise Stalled(f"the agent is running (process {pid}) and would put the block back; stop it first", code="locked")
    saved = leaving.uninstall(home, open_scheduler(home, config, environ, system.uid()), config.endpoint_id)
    audit.record(home, "uninstalled", {"endpoint_id": config.endpoint_id, "is_changed": saved is not None})
    click.echo(
        f"our block is out of the crontab; the table as it was: {saved}" if saved else "the crontab holds nothing of ours"
    )
    click.echo(
        f"credentials and undelivered results are still in {home.directory}; remove it when you need them no more", err=True
    )
