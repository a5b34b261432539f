"""Secrets that a person types, or a script sends in. Never arguments: other users of the machine could see those."""

import sys

import click

from cli import transport
from cli.invocation import Invocation

password_stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from stdin (never an argument).")


def password(invocation: Invocation, from_stdin: bool, *, is_new: bool = False) -> str:
    """Return the password. is_new: one that is made up now."""
    warn_of_clear_text(invocation, "password")
    if not from_stdin:
        return invocation.ask("Password", "--password-stdin", is_secret=True, is_new=is_new)
    # Shells and editors end a file with a newline; it is not part of the password.
    typed = stdin("--password-stdin").removesuffix("\n").removesuffix("\r")
    if not typed:
        raise click.UsageError("--password-stdin: stdin is empty")
    return typed


def warn_of_clear_text(invocation: Invocation, what: str) -> None:
    if transport.is_sent_in_clear(invocation.client.api_url):
        invocation.printer.note(f"warning: {invocation.client.api_url} is not https; the {what} can be read on its way")


def stdin(option: str) -> str:
    """Return what is on stdin. Raise click.UsageError if it is no text."""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as e:
        raise click.UsageError(f"{option}: what is on stdin is not UTF-8") from e
