"""`crontopus-agent support-bundle`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from agent import bundle
from agent.config import Config, load_config, own_home
from agent.doctor import look
from agent.doctor.look_cron import look_at_cron
from agent.system import system
from chalicelib.domain.errors import CrontopusError, Stalled


@click.command("support-bundle")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-crontab", is_flag=True, help="With the commands of lines that are not ours; look through them first.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before writing.")
def support_bundle(file: Path | None, with_crontab: bool, yes: bool) -> None:
    """Write what helps others to help you into a .tar.gz that only you may read. Nothing is sent anywhere.

    Credentials are left out and whatever looks like one is blacked out.

    \b
    Examples:
      crontopus-agent support-bundle
      crontopus-agent support-bundle --yes /tmp/agent.tar.gz
    """
    home, environ = own_home()
    now = datetime.now(UTC)
    path = file or Path(bundle.default_name(now))
    if path.exists():
        raise Stalled(f"{path} is there already; name another file", code="home_unusable")
    click.echo(f"{path} will hold:", err=True)
    for name, what in bundle.CONTENTS.items():
        whole = "the whole crontab, commands and all" if name == "crontab.txt" and with_crontab else what
        click.echo(f"  {name:<15} {whole}", err=True)
    if not yes and sys.stdin and sys.stdin.isatty():
        click.confirm("Write it?", default=True, abort=True, err=True)
    facts = look.gather(home, environ, system.uid(), now)
    _, table = look_at_cron(home, _config(), environ, system.uid())
    bundle.write(path, bundle.gather(home, environ, facts, now, table=table, is_whole=with_crontab), now)
    click.echo(str(path))


def _config() -> Config | None:
    home, environ = own_home()
    try:
        return load_config(home, environ)
    except CrontopusError:
        return None
