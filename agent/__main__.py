"""crontopus-agent: the commands of the agent.

What a command needs is imported when it runs: git and HTTP take longer to load than `status` takes to answer.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

from agent.errors import remedy
from agent.home import Home, find_home
from agent.machine import VERSION
from chalicelib.domain.errors import CrontopusError, Stalled

if TYPE_CHECKING:
    from agent.decide import Decision

DONE, EXPECTED, USAGE, BUG = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="crontopus-agent")
def cli() -> None:
    """Keep this user's crontab in line with the tenant's repository, and report every run."""


def _here() -> tuple[Home, Mapping[str, str]]:
    from agent.config import environment

    environ = environment()
    return find_home(environ, os.getuid()), environ


@cli.command()
@click.option("--api-url", required=True, help="Address of the control plane, https unless it is this very machine.")
@click.option("--token-stdin", is_flag=True, help="Read the enrollment token from standard input.")
@click.option("--name", help="What to call this machine; its hostname by default.")
@click.option("--crontab", "crontab", default="crontab", show_default=True, help="The program that reads and writes the table.")
def enroll(api_url: str, token_stdin: bool, name: str | None, crontab: str) -> None:
    """Let this machine into a tenant. The token comes from CRONTOPUS_ENROLL_TOKEN, standard input or a prompt."""
    from agent import enroll as enrolment
    from agent.client import Api
    from agent.config import check_url
    from agent.home import make_private
    from agent.machine import facts
    from agent.overview import running_pid

    home, environ = _here()
    api = Api(check_url(api_url, "--api-url"), _enroll_token(environ, is_piped=token_stdin))
    make_private(home.directory)
    config = enrolment.enroll(home, api, facts(name, home, os.getuid(), crontab, environ), crontab)
    click.echo(f"enrolled as {config.name} ({config.endpoint_id}); its files are in {home.directory}")
    if running_pid(home) is not None:
        click.echo("an agent is running with the former identity: restart it", err=True)


def _enroll_token(environ: Mapping[str, str], *, is_piped: bool) -> str:
    from agent.config import ENROLL_TOKEN

    token = sys.stdin.readline() if is_piped else environ.get(ENROLL_TOKEN)
    if token is None and sys.stdin.isatty():
        token = click.prompt("Enrollment token", hide_input=True)
    token = (token or "").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise click.UsageError(f"no enrollment token: set {ENROLL_TOKEN}, or pipe one in with --token-stdin")
    return token


@cli.command()
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def run(log_level: str) -> None:
    """Run in the foreground until SIGTERM or Ctrl-C: heartbeat, rounds, delivery."""
    from agent import daemon, logs
    from agent.config import load_config
    from agent.loop import stopping_on_signals

    home, environ = _here()
    config = load_config(home)
    logs.start(home.log, log_level, is_foreground=True)
    stop = threading.Event()
    with stopping_on_signals(stop):
        daemon.run(home, config, environ, stop)


@cli.command()
@click.option("--once", is_flag=True, help="One round; the default.")
@click.option("--dry-run", is_flag=True, help="Show what a round would change, and change nothing.")
@click.option("--allow-removals", is_flag=True, help="Approve the removals that the agent holds back.")
def sync(once: bool, dry_run: bool, allow_removals: bool) -> None:
    """Bring the crontab in line with the repository, once."""
    from agent import daemon, logs
    from agent.config import load_config
    from agent.overview import running_pid
    from agent.status import StatusBoard

    if dry_run and (once or allow_removals):
        raise click.UsageError("--dry-run goes with neither --once nor --allow-removals")
    home, environ = _here()
    rounds = daemon.open_sync(home, load_config(home), environ, os.getuid())
    logs.start(home.log, "info", is_foreground=False)
    if dry_run:
        _show_preview(*rounds.preview())
        return
    board = StatusBoard(home.status)
    is_alone = running_pid(home) is None
    try:
        daemon.prepare(home, rounds)
        report = rounds.round(allow_removals=allow_removals)
    except CrontopusError as e:
        if is_alone:
            board.failed("sync", e, datetime.now(UTC))
        raise
    if is_alone:
        board.synced(report)
    counts = f"{report.added} added, {report.changed} changed, {report.removed} removed; {report.managed} managed"
    click.echo(f"commit {report.head[:12]}: {counts}")
    for text in (*report.notes, *report.problems, *report.warnings):
        click.echo(text, err=True)
    if report.held:
        raise report.held


def _show_preview(decision: "Decision", diff: str) -> None:
    steps = decision.plan
    click.echo(diff or "the table stays as it is")
    gone = 0 if decision.held else len(steps.removals)
    click.echo(f"{len(steps.adds)} to add, {len(steps.changes)} to change, {len(steps.pauses) + gone} to remove", err=True)
    for text in (*decision.notes, *decision.warnings):
        click.echo(text, err=True)
    if decision.held:
        raise decision.held


@cli.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(output: str) -> None:
    """Say how this agent is doing. Exit code 0: healthy, 1: something needs a look, 2: not enrolled."""
    from agent import overview

    home, environ = _here()
    now = datetime.now(UTC)
    facts, code = overview.gather(home, environ, now)
    click.echo(json.dumps(facts, indent=2) if output == "json" else overview.table(facts, now))
    sys.exit(code)


@cli.command()
def uninstall() -> None:
    """Take our block out of the crontab; every other byte of it stays. Stop the agent first."""
    from agent import daemon
    from agent import sync as syncs
    from agent.config import load_config
    from agent.overview import running_pid

    home, environ = _here()
    config = load_config(home)
    pid = running_pid(home)
    if pid is not None:
        raise Stalled(f"the agent is running (process {pid}) and would put the block back; stop it first", code="locked")
    saved = syncs.uninstall(home, daemon.open_scheduler(home, config, environ, os.getuid()), config.endpoint_id)
    click.echo(
        f"our block is out of the crontab; the table as it was: {saved}" if saved else "the crontab holds nothing of ours"
    )
    click.echo(
        f"credentials and undelivered results are still in {home.directory}; remove it when you need them no more", err=True
    )


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(VERSION)


def main() -> NoReturn:
    """Run a command; errors that a person can act on are one line, not a traceback."""
    try:
        sys.exit(cli.main(prog_name="crontopus-agent", standalone_mode=False))
    except click.ClickException as e:
        e.show()
        sys.exit(USAGE if isinstance(e, click.UsageError) else EXPECTED)
    except click.Abort:
        sys.exit(EXPECTED)
    except CrontopusError as e:
        click.echo(f"error: {e.message} ({e.code})\n{remedy(e.code)}", err=True)
        for path, problem in e.problems.items():
            click.echo(f"  {path}: {problem}", err=True)
        sys.exit(EXPECTED)
    except BrokenPipeError:
        sys.exit(DONE)
    except Exception as e:  # the last stop: what gets here is a bug of ours
        click.echo(f"internal error: {type(e).__name__}: {e}\nplease report it, with agent.log", err=True)
        sys.exit(BUG)


if __name__ == "__main__":
    main()
