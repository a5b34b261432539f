"""`crontopus-agent resume`."""

from datetime import UTC, datetime

import click

from agent import audit, orders
from agent.config import load_config, own_home
from chalicelib.domain.errors import Stalled


@click.command()
def resume() -> None:
    """End a suspension of this machine; the next round makes good for what waited.

    \b
    Examples:
      crontopus-agent resume
    """
    home, _ = own_home()
    config = load_config(home)
    now = datetime.now(UTC)
    was_suspended = orders.resume(home, now)
    if was_suspended:
        audit.record(home, "resumed", {})
    left = orders.load(home, config.endpoint_id, now).suspension
    if left:
        raise Stalled(left.words, code="suspended")
    click.echo("resumed: the next round writes again" if was_suspended else "it was not suspended")
