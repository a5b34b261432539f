"""`crontopus-agent uninstall`."""

import shutil
import sys
from dataclasses import replace

import click

from agent import audit, keyrings
from agent import spool as spools
from agent import uninstall as leaving
from agent.commands.service import control_of
from agent.config import Config, Remote, load_config, own_home
from agent.errors import of_os_error
from agent.home import Home, make_private
from agent.overview import running_pid
from agent.schedulers.factory import open_scheduler
from agent.services.control import Control
from agent.system import system
from chalicelib.domain.errors import Stalled


@click.command()
@click.option("--purge", is_flag=True, help="Remove the agent's folder too, with credentials and undelivered results.")
@click.option("--yes", is_flag=True, help="Do not ask before the folder is removed.")
def uninstall(purge: bool, yes: bool) -> None:
    """Take our block out of the crontab, every other byte of it stays; and the service, if there is one.

    \b
    Examples:
      crontopus-agent uninstall
      crontopus-agent uninstall --purge
    """
    home, environ = own_home()
    configs = _configs(home, dict(environ))
    if purge:
        _ask(home, is_sure=yes)
    control = _service()
    if control:
        control.stop()
    pid = running_pid(home)
    if pid is not None:
        raise Stalled(f"the agent is running (process {pid}) and would put the block back; stop it first", code="locked")
    for config in configs:
        _take_out(home, config, dict(environ))
    if control:
        control.uninstall()
    if purge:
        _remove(home)
        return
    click.echo(
        f"credentials, undelivered results and the audit log are still in {home.directory}; `uninstall --purge` removes it.\n"
        "The control plane lists this machine, as offline, until somebody deletes it there.",
        err=True,
    )


def _configs(home: Home, environ: dict[str, str]) -> list[Config]:
    """Return the configuration; where it is gone, what the blocks that D's name stands in still say of it."""
    try:
        return [load_config(home)]
    except Stalled as e:
        if e.code != "not_enrolled" or sys.platform == "win32":
            raise
        unknown = Config("", "", "", Remote("", "", ""))
        table = open_scheduler(home, unknown, environ, system.uid()).raw()
        found = [replace(unknown, endpoint_id=one) for one in leaving.abandoned(table, home.directory)]
        if not found and leaving.is_marked(table):
            found = [replace(unknown, endpoint_id="unknown")]
        if not found:
            raise
        make_private(home.directory)
        return found


def _service() -> Control | None:
    """Return the service, None if there is none, or nothing that could run one."""
    try:
        control = control_of()
    except Stalled:
        return None
    return control if control.is_installed() else None


def _ask(home: Home, *, is_sure: bool) -> None:
    waiting = spools.backlog(home.directory / "spool", spools.process_alive).depth
    click.echo(f"{home.directory} would be removed for good, with {waiting} results that nobody has got yet", err=True)
    if not is_sure:
        click.confirm("Remove it?", abort=True, err=True)


def _take_out(home: Home, config: Config, environ: dict[str, str]) -> None:
    saved = leaving.uninstall(home, open_scheduler(home, config, environ, system.uid()), config.endpoint_id)
    audit.record(home, "uninstalled", {"endpoint_id": config.endpoint_id, "is_changed": saved is not None})
    click.echo(
        f"our block is out of the crontab; the table as it was: {saved}" if saved else "the crontab holds nothing of ours"
    )


def _remove(home: Home) -> None:
    keyrings.forget(home)
    try:
        shutil.rmtree(home.directory)
    except OSError as e:
        raise of_os_error(e, f"{home.directory} cannot be removed") from e
    click.echo(f"{home.directory} is gone")
