"""What the commands around the agent's service have in common."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from agent import installed
from agent.config import load_config, own_home
from agent.services import here
from agent.services.control import Control
from agent.services.here import Start
from agent.services.systemd import Packaged, Systemd
from agent.system import system
from chalicelib.domain.errors import Stalled


def control_of(program: Path | None = None) -> Control:
    """Return the service of whoever runs us. program: what starts the agent, None: what has started us."""
    home, environ = own_home()
    place = installed.own()
    if program is None and place:
        program = place.launcher  # it stays while versions change
    start = Start((str(program),)) if program else here.this_start()
    manager = here.manager(sys.platform, environ, start)
    if isinstance(manager, Systemd) and installed.is_packaged(installed.archive()) and system.uid() == 0:
        manager = Packaged()
    # The running agent replaces itself there.
    writable = [place.prefix] if place else []
    with suppress(Stalled):  # not enrolled, or to be told by who needs it
        if textfile := load_config(home).metrics.textfile:
            writable.append(Path(textfile).parent)
    return Control(manager, here.setup(home, system.uid(), start, writable), home, environ, click.echo)
