"""The last words of `make up`: the run that proves the loop, and where everything is."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local import mails
from infra.local.layout import CHECKOUT
from infra.local.names import ORGANIZATION
from infra.local.show import Show
from infra.local.stack import Stack


def show_run(show: Show, run: Mapping[str, Any]) -> None:
    """Show a run as the API tells it."""
    show.line()
    show.line(f"  run       {run['run_id']}")
    show.line(f"  job       {run['namespace']}/{run['job_name']}")
    show.line(f"  commit    {run['commit']}")
    show.line(f"  endpoint  {run['endpoint_id']}")
    show.line(f"  started   {run['started_at']}")
    show.line(f"  exit code {run['exit_code']}")
    show.line(f"  duration  {run['duration_ms']} ms")
    for number, text in enumerate((run["output"] or "").splitlines() or ["(none)"]):
        show.line(f"  {'output' if number == 0 else '':9} {text}")


def say_where(show: Show, stack: Stack) -> None:
    """Say the addresses, the credentials and what to try next."""
    tenant, ports, root = stack.secrets.demo_tenant(), stack.ports, stack.layout.root
    programs = _short(Path(sys.executable).parent)
    repository = f"{stack.forge_url}/{ORGANIZATION}/job-manifests-{tenant.login}.git"
    show.line()
    show.line(f"  API       {ports.api_url}/api   (health: {ports.api_url}/health)")
    show.line(f"  forge     {stack.forge_url}")
    show.line(f"  user      {tenant.login}")
    show.line(f"  password  {tenant.password}")
    show.line(f"  mails     {mails.address(ports.aws_url)}")
    if mail := mails.newest(ports.aws_url):
        show.line(f"  newest    {mail.subject!r} to {mail.to}: {mail.link}")
    show.line()
    show.line("  Try:")
    show.line(f"    export CRONTOPUS_API_URL={ports.api_url} CRONTOPUS_CONFIG_DIR={_short(stack.layout.cli_config)}")
    show.line(f"    {programs}/crontopus auth login --username {tenant.login}")
    show.line(f"    {programs}/crontopus runs list")
    show.line(f"    git -c credential.helper={_shown_helper(stack.layout.agent_home)} clone {repository}")
    show.line(f"    CRONTOPUS_HOME={stack.layout.agent_home} {programs}/crontopus-agent status")
    show.line()
    show.line(f"  Everything runs in the background; its state and logs are in {_short(root)}.")
    show.line("  `make down` stops it and takes the demo's lines out of your crontab; `make up` brings it back as it was.")


def _shown_helper(agent_home: Path) -> str:
    """Return what hands git this machine's token, which reads the tenant's repository, from its file."""
    return f"'!echo username=demo; echo password=$(cat {agent_home / '.crontopus' / 'git-token'}) #'"


def _short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)
