"""`crontopus-agent validate`."""

import json
import sys
from pathlib import Path

import click

from agent.config import own_home
from agent.terminal import shown
from agent.validation import Finding, check_config, check_manifests


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--config", "config", metavar="FILE", type=click.Path(path_type=Path), help="A configuration, by default this agent's."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def validate(paths: tuple[Path, ...], config: Path | None, output: str) -> None:
    """Check the configuration or, where PATHs are given, manifests: files, or folders as they lie in the repository.

    Every problem is told as FILE:LINE:COLUMN, as editors and pipelines read it. Nothing is asked of the network.
    Exit code 0: all is good, 1: something is not.

    \b
    Examples:
      crontopus-agent validate
      crontopus-agent validate --config new.yaml
      crontopus-agent validate default/backup.yaml
      git clone … manifests && crontopus-agent validate manifests
    """
    home, environ = own_home()
    findings: list[Finding] = []
    if config or not paths:
        findings += check_config(config or home.config, {} if config else environ)
    findings += check_manifests(paths)
    problems = [finding for finding in findings if finding.level == "problem"]
    if output == "json":
        click.echo(json.dumps({"is_valid": not problems, "findings": [finding.as_json() for finding in findings]}, indent=2))
    else:
        for finding in findings:
            click.echo(shown(finding.line()))
    sys.exit(1 if problems else 0)
