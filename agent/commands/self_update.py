"""`crontopus-agent self-update`."""

import os
import sys
from datetime import UTC, datetime
from functools import partial

import click

from agent import audit, installed, update
from agent import build as builds
from agent.client import open_api
from agent.config import load_config, own_home
from agent.home import read_secret
from agent.machine import VERSION
from agent.overview import running_pid
from chalicelib.domain.errors import Stalled
from chalicelib.domain.releases import CHANNELS, Release, order

_UP_TO_DATE, _THERE_IS_ONE = 0, 1


@click.command("self-update")
@click.option("--check", is_flag=True, help="Only say whether there is a newer version: exit code 0 no, 1 yes.")
@click.option("--channel", type=click.Choice(CHANNELS), help="By default update_channel of config.yaml.")
@click.option("--to", "version", help="This version instead of what the channel offers.")
@click.option("--allow-downgrade", is_flag=True, help="Take an older version than the one installed.")
def self_update(check: bool, channel: str | None, version: str | None, allow_downgrade: bool) -> None:
    """Take a newer version of the agent: signed by a key of this one, tried first, taken back if it does not work.

    \b
    Examples:
      crontopus-agent self-update --check
      crontopus-agent self-update
      crontopus-agent self-update --to 1.2.3 --allow-downgrade
    """
    place = installed.find(installed.archive())
    home, environ = own_home()
    config = load_config(home)
    api = open_api(config, partial(read_secret, home.agent_token))
    source = update.source(api, builds.load().keys, config.trust.ca_file)
    release = source.offered(channel or config.update_channel, datetime.now(UTC), version)
    if order(release.version) == order(VERSION):
        click.echo(f"{VERSION} is what {release.channel} offers; nothing to do")
        return
    if check:
        sys.exit(_say(release))
    update.refuse(release, VERSION, allow_downgrade=allow_downgrade)
    if not os.access(place.versions, os.W_OK):
        raise Stalled(f"{place.prefix} belongs to another user: run this as its owner", code="update_unsupported")
    begun = update.install(place, release, source, VERSION, environ)
    audit.record(home, "updated", {"version": begun.version, "from": begun.from_version})
    click.echo(f"{begun.version} is installed, {begun.from_version} is kept to go back to")
    if running_pid(home) is None:
        click.echo("it is on trial from the next start of the agent on", err=True)
    else:
        click.echo("the running agent starts it within seconds; `status` says whether it stays", err=True)


def _say(release: Release) -> int:
    if order(release.version) < order(VERSION):
        click.echo(f"{release.channel} offers {release.version}, which is older than {VERSION}")
        return _UP_TO_DATE
    click.echo(f"{release.version} is available, released {release.released:%Y-%m-%d}; {VERSION} is installed")
    return _THERE_IS_ONE
