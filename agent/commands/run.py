"""`crontopus-agent run`."""

import faulthandler
import sys

import click

from agent import build as builds
from agent import daemon, logs, renewing
from agent import updating as updates
from agent.config import Config, load_config, own_home
from agent.errors import in_words
from agent.life import Wishes
from agent.services.base import NEEDS_A_PERSON
from agent.signals import heeding_signals
from chalicelib.domain.errors import Stalled

# Starting again will not mend these, nor will waiting.
_FOR_A_PERSON = frozenset({"config", "not_enrolled", "state_newer"})


@click.command()
@click.option("--log-level", type=click.Choice(logs.LEVELS), help="Overrides log.level of config.yaml; by default info.")
@click.option("--as-service", is_flag=True, help="For launchd and the like: logs to agent.log only, ends if a part hangs.")
def run(log_level: str | None, as_service: bool) -> None:
    """Run in the foreground until SIGTERM or Ctrl-C: heartbeat, rounds, delivery. SIGHUP: read config.yaml anew.

    \b
    Examples:
      crontopus-agent run
      crontopus-agent run --log-level debug
    """
    # What systemd's watchdog ends, or a crash, says where each thread was.
    if sys.stderr:
        faulthandler.enable()
    try:
        _run(log_level, as_service=as_service)
    except Stalled as e:
        if e.code not in _FOR_A_PERSON:
            raise
        click.echo(in_words(e), err=True)
        sys.exit(NEEDS_A_PERSON)


def _run(log_level: str | None, *, as_service: bool) -> None:
    home, environ = own_home()

    def heard(config: Config) -> None:
        logs.start(
            home.log if config.log.file else None,
            log_level or config.log.level,
            config.endpoint_id,
            shown_on=None if as_service else sys.stderr,
            environ=environ,
        )

    config, wishes = load_config(home, environ), Wishes()
    heard(config)
    updating = updates.start(config, builds.load().keys, home, environ, wishes.stop, daemon.utc_now) or renewing.start(
        config, wishes.stop
    )
    with heeding_signals(wishes.stop, wishes.reload):
        daemon.run(home, config, environ, wishes, updating=updating, heard=heard, is_ended_when_stuck=as_service)
    if updating and updating.is_restart_wanted:
        updating.restart()
