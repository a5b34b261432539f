"""`make down`: stop the stack and take the demo's block out of the crontab; `--reset` also removes the state."""

import argparse
import shutil
import sys

from infra.local import cron
from infra.local.api import Api
from infra.local.demo import Demo
from infra.local.layout import Layout, layout
from infra.local.ports import read_ports
from infra.local.show import Show
from infra.local.stack import Stack
from infra.local.stopped import Stopped


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reset", action="store_true", help="remove the state as well: tenants, runs, repositories, secrets")
    arguments = parser.parse_args()
    show = Show()
    where = layout()
    try:
        take_down(show, where)
    except Stopped as e:
        show.line(f"\n{e}")
        return 1
    if arguments.reset:
        for folder in where.folders():
            shutil.rmtree(folder, ignore_errors=True)
        show.line("  ✓ state removed")
    return 0


def take_down(show: Show, where: Layout) -> None:
    """Stop every process of the stack in this folder and remove the agent's block from the crontab; the state stays."""
    ports = read_ports(where.run / "ports.json")
    if ports is None:
        show.line("  nothing was brought up here")
        return
    stack = Stack(where, ports)
    tenant = Demo(Api(ports.api_url, stack.secrets.demo_tenant()), ports.api_url, where)
    with show.step("services") as step:
        stopped = stack.stop()
        step.done(f"stopped {', '.join(stopped)}" if stopped else "none was running")
    if cron.stop_if_ours(where.run / "cron.json"):
        show.line("  ✓ cron daemon stopped: `make up` had started it")
    tenant = Demo(Api(ports.api_url, stack.secrets.demo_tenant()), ports.api_url, where)
    with show.step("crontab") as step:
        if tenant.endpoint_id() is None:
            step.done("nothing of ours, this machine is not enrolled")
        else:
            tenant.agent("uninstall")
            step.done("the demo's block is out, every other line is as it was")


if __name__ == "__main__":
    sys.exit(main())
