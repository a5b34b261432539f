"""`crontopus-agent enroll`."""

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace

import click

from agent import build as builds
from agent import enroll as enrolment
from agent import tls
from agent.client import Api
from agent.config import ENROLL_TOKEN, check_url, own_home
from agent.home import make_private
from agent.machine import facts, new_machine_id
from agent.overview import running_pid
from agent.system import system

_CA = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.option("--api-url", required=True, help="Address of the control plane, https unless it is this very machine.")
@click.option("--token-stdin", is_flag=True, help="Read the enrollment token from standard input.")
@click.option("--name", help="What to call this machine; its hostname by default.")
@click.option("--crontab", help="The program that reads and writes the table; `crontab`, or what config.yaml says already.")
@click.option("--new-identity", is_flag=True, help="This machine is a copy of one that is enrolled: make it another one.")
@click.option("--ca-file", envvar="CRONTOPUS_CA_FILE", type=_CA, help="Certificates to trust instead of the public ones.")
def enroll(
    api_url: str, token_stdin: bool, name: str | None, crontab: str | None, new_identity: bool, ca_file: str | None
) -> None:
    """Let this machine into a tenant. The token comes from CRONTOPUS_ENROLL_TOKEN, standard input or a prompt.

    \b
    Examples:
      crontopus-agent enroll --api-url https://api.example.com --token-stdin < token
      CRONTOPUS_ENROLL_TOKEN=… crontopus-agent enroll --api-url https://api.example.com --name web-1
    """
    home, environ = own_home()
    api = Api(
        check_url(api_url, "--api-url"),
        _enroll_token(environ, is_piped=token_stdin),
        tls.session(enrolment.known_trust(home, ca_file)),
    )
    make_private(home.directory)
    program = crontab or enrolment.known_crontab(home)
    with new_machine_id(home) if new_identity else nullcontext():
        told = replace(facts(name, home, system.uid(), program, environ), version=builds.load().version)
        config = enrolment.enroll(home, api, told, program, ca_file)
    click.echo(f"enrolled as {config.name} ({config.endpoint_id}); its files are in {home.directory}")
    if running_pid(home) is not None:
        click.echo("an agent is running with the former identity: restart it", err=True)


def _enroll_token(environ: Mapping[str, str], *, is_piped: bool) -> str:
    token = sys.stdin.readline() if is_piped else environ.get(ENROLL_TOKEN)
    if token is None and sys.stdin.isatty():
        token = click.prompt("Enrollment token", hide_input=True)
    token = (token or "").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise click.UsageError(f"no enrollment token: set {ENROLL_TOKEN}, or pipe one in with --token-stdin")
    return token
