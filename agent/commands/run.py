"""`crontopus-agent run`."""

import threading

import click

from agent import build as builds
from agent import daemon, logs
from agent import updating as updates
from agent.config import load_config, own_home
from agent.loop import stopping_on_signals


@click.command()
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def run(log_level: str) -> None:
    """Run in the foreground until SIGTERM or Ctrl-C: heartbeat, rounds, delivery."""
    home, environ = own_home()
    config = load_config(home)
    logs.start(home.log, log_level, is_foreground=True)
    stop = threading.Event()
    updating = updates.start(config, builds.load().keys, environ, stop, daemon.utc_now)
    with stopping_on_signals(stop):
        daemon.run(home, config, environ, stop, updating=updating)
    if updating and updating.is_restart_wanted:
        updating.restart()
