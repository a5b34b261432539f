"""`make up`: from an installed checkout to a recorded run, every step in words. See docs/local-stack.md."""

import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.local import cron, demo, farewell
from infra.local.api import Api
from infra.local.demo import Demo
from infra.local.formation import DeploymentFailed
from infra.local.layout import Layout, Ports, layout, outside_forge, refuse_unusable, wanted_ports
from infra.local.names import HOST
from infra.local.ports import choose_ports
from infra.local.processes import Processes, is_listening
from infra.local.services import AGENT, port_owner
from infra.local.show import Show
from infra.local.stack import Stack
from infra.local.stopped import Stopped
from infra.package import PackagingFailed, package


def main() -> int:
    show = Show()
    try:
        bring_up(show, layout())
    except (Stopped, DeploymentFailed, PackagingFailed) as e:
        show.line(f"\n{e}")
        return 1
    except KeyboardInterrupt:
        show.line("\nstopped here: `make up` goes on from here, `make down` stops what runs")
        return 1
    return 0


def bring_up(show: Show, where: Layout) -> None:
    """Bring everything up, wait for a run, and show it. Raise Stopped, DeploymentFailed or PackagingFailed."""
    refuse_unusable(where)
    with show.step("cron") as step:
        installed = cron.ensure_installed(step.note)
        step.done(f"{installed}, {cron.ensure_running(where.run / 'cron.json')}")
    stack = Stack(where, _choose_ports(where), outside_forge())
    start_stack(show, stack)
    tenant = Demo(Api(stack.ports.api_url, stack.secrets.demo_tenant()), stack.ports.api_url, where)
    endpoint_id = _enrol(show, stack, tenant)
    run = _first_run(show, tenant, endpoint_id)
    farewell.show_run(show, run)
    farewell.say_where(show, stack)


def start_stack(show: Show, stack: Stack) -> None:
    """Start what the application needs and deploy it."""
    with show.step("package") as step:
        built = package()
        step.done(f"{built.code.name}, {built.size_mb:.1f} MB")
    with show.step("embedded AWS") as step:
        step.done(f"{stack.services.start_emulator()} on {stack.ports.aws_url}")
    with show.step("forge") as step:
        step.done(f"{stack.start_forge()} on {stack.forge_url}")
    with show.step("application") as step:
        step.done(f"{stack.deploy(built)} on {stack.ports.api_url}")


def _choose_ports(where: Layout) -> Ports:
    processes = Processes(where.run, where.logs)
    return choose_ports(
        where.run / "ports.json",
        wanted_ports(),
        is_taken=lambda port: is_listening(HOST, port),
        is_ours=lambda name: processes.find(port_owner(name)) is not None,
    )


def _enrol(show: Show, stack: Stack, tenant: Demo) -> str:
    """Enrol this machine, start its agent and return the endpoint's id."""
    with show.step("demo tenant") as step:
        step.done(f"{stack.secrets.demo_tenant().login} {tenant.sign_in()}")
    with show.step("this machine") as step:
        done = tenant.enrol()
        if done == "enrolled":
            # A daemon that runs on still has the credentials before.
            stack.processes.stop(AGENT)
        endpoint_id = tenant.endpoint_id()
        if endpoint_id is None:
            raise Stopped("the agent is enrolled and does not say as which endpoint; see `python -m agent status`")
        step.done(f"{done} as endpoint {endpoint_id}, agent {stack.services.start_agent()}")
    return endpoint_id


def _first_run(show: Show, tenant: Demo, endpoint_id: str) -> Mapping[str, Any]:
    with show.step("job") as step:
        job = tenant.commit_job()
        step.now("committed, the agent takes it over")
        tenant.sync_now()
        line = demo.await_line(job["id"], _read_crontab, time.monotonic() + demo.INSTALL_TIMEOUT_S)
        step.done(f"{job['namespace']}/{job['name']} is in the crontab: {line}")
    with show.step("first run") as step:
        run = demo.await_run(tenant.api, job["name"], endpoint_id, datetime.now(UTC), step.now)
        step.done(f"{run['status']}, delivered and read back")
    return run


def _read_crontab() -> str:
    done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, errors="replace", timeout=30)
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
