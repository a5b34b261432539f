"""crontopus auth: accounts and logins."""

import sys

import click

from cli import transport
from cli.errors import Denied, Failure
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import status


@click.group("auth", cls=Group)
def auth() -> None:
    """Make an account, log in and out."""


_password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from stdin (never an argument).")


@auth.command("register")
@click.option("--username", "-u", help="Your new name; it is part of your repository's name.")
@click.option("--email")
@_password_stdin
@pass_invocation
def register(invocation: Invocation, username: str | None, email: str | None, password_stdin: bool) -> None:
    """Make an account, with a repository for its jobs.

    \b
    Examples:
      crontopus auth register
      crontopus auth register -u ann --email a@b.example --password-stdin < file
    """
    username = username or invocation.ask("Username", "--username")
    email = email or invocation.ask("E-mail", "--email")
    password = _password(invocation, password_stdin, is_new=True)
    answer = invocation.client.register(username, email, password)
    if invocation.printer.is_json:
        invocation.printer.json(answer.body)
    else:
        invocation.printer.line(f"Made the account {username} at {invocation.client.api_url}.")
        invocation.printer.note(f"Next: crontopus auth login --username {username}")


@auth.command("login")
@click.option("--username", "-u", help="Asked for if left out.")
@_password_stdin
@pass_invocation
def login(invocation: Invocation, username: str | None, password_stdin: bool) -> None:
    """Log in, and keep the login for later commands.

    The address given with --api-url becomes the one that later commands use.

    \b
    Examples:
      crontopus auth login --api-url https://crontopus.example.com
      crontopus auth login -u ann --password-stdin < password.txt
    """
    username = username or invocation.ask("Username", "--username")
    fresh = invocation.client.login(username, _password(invocation, password_stdin))
    api_url = invocation.client.api_url
    invocation.logins.save(api_url, fresh)
    if invocation.printer.is_json:
        invocation.printer.json({"api_url": api_url, "username": username})
    else:
        invocation.printer.line(f"Logged in to {api_url} as {username}.")
    if invocation.client.token:
        invocation.printer.note("warning: CRONTOPUS_TOKEN is set and wins over this login")


@auth.command("logout")
@pass_invocation
def logout(invocation: Invocation) -> None:
    """Log out: the login ends on the server and is deleted here."""
    api_url = invocation.client.api_url
    stored = invocation.logins.find(api_url)
    if stored:
        invocation.logins.forget(api_url)
        _end_on_server(invocation, stored.refresh_token)
    if invocation.printer.is_json:
        invocation.printer.json({"api_url": api_url, "was_logged_in": stored is not None})
    else:
        invocation.printer.line(f"Logged out of {api_url}." if stored else f"There was no login to {api_url}.")


def _end_on_server(invocation: Invocation, refresh_token: str) -> None:
    try:
        invocation.client.logout(refresh_token)
    except Denied:
        return  # the server does not know it any more, which is what was wanted
    except Failure as e:
        hint = "the login is deleted here, but the server still knows it until it expires"
        raise type(e)(e.message, problems=e.problems, hints=[hint], request_id=e.request_id) from e


@auth.command("whoami")
@pass_invocation
def whoami(invocation: Invocation) -> None:
    """Show who is logged in, and where the jobs are kept."""
    printer = invocation.printer
    answer = invocation.client.get("/api/auth/me")
    if printer.is_json:
        printer.json(answer.body)
        return
    user, repository = answer.part("user"), answer.part("repository")
    printer.facts(
        [
            ("Username", user.get("username")),
            ("E-mail", user.get("email")),
            ("Tenant", user.get("tenant_id")),
            ("State", status(user.get("state"))),
            ("Since", printer.local(user.get("created_at"))),
            ("Repository", repository.get("url")),
            ("Branch", repository.get("branch")),
            ("API", invocation.client.api_url),
        ]
    )


def _password(invocation: Invocation, from_stdin: bool, *, is_new: bool = False) -> str:
    if transport.is_sent_in_clear(invocation.client.api_url):
        invocation.printer.note(f"warning: {invocation.client.api_url} is not https; the password can be read on its way")
    if not from_stdin:
        return invocation.ask("Password", "--password-stdin", is_secret=True, is_new=is_new)
    try:
        # Shells and editors end a file with a newline; it is not part of the password.
        password = sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as e:
        raise click.UsageError("the password on stdin is not UTF-8") from e
    if not password:
        raise click.UsageError("--password-stdin: stdin is empty")
    return password
