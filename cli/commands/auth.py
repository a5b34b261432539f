"""crontopus auth: accounts and logins."""

import sys

import click

from cli import transport
from cli.commands import auth_state
from cli.credentials import Login
from cli.errors import Denied, Failure
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.settings import token_problem


@click.group("auth", cls=Group)
def auth() -> None:
    """Make an account, log in and out."""


for command in auth_state.COMMANDS:
    auth.add_command(command)

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
    done = f"Made the account {username} at {invocation.client.api_url}."
    invocation.printer.done(answer.body, done, name=username)
    if invocation.printer.is_table:
        invocation.printer.note(f"Next: crontopus auth login --username {username}")


@auth.command("login")
@click.option("--username", "-u", help="Asked for if left out.")
@_password_stdin
@click.option("--with-token", is_flag=True, help="Keep an API token, read from stdin, instead of logging in.")
@click.option("--insecure-storage", is_flag=True, help="Keep it in a file, also where there is a keyring.")
@pass_invocation
def login(invocation: Invocation, username: str | None, password_stdin: bool, with_token: bool, insecure_storage: bool) -> None:
    """Log in, and keep the login for later commands.

    The address given with --api-url becomes the one that later commands of the profile use.

    \b
    Examples:
      crontopus auth login --api-url https://crontopus.example.com
      crontopus auth login -u ann --password-stdin < password.txt
      crontopus auth login --with-token < token.txt
      crontopus auth login --profile work --api-url https://cron.work.example
    """
    if with_token and (username or password_stdin):
        raise click.UsageError("--with-token takes neither --username nor --password-stdin")
    if with_token:
        fresh = _token_login(invocation)
    else:
        username = username or invocation.ask("Username", "--username")
        fresh = invocation.client.login(username, _password(invocation, password_stdin))
    _keep(invocation, fresh, insecure_storage)


@auth.command("logout")
@pass_invocation
def logout(invocation: Invocation) -> None:
    """Log out: the login ends on the server and is deleted here."""
    api_url, account = invocation.client.api_url, invocation.settings.account
    stored = invocation.logins.find(account)
    if stored:
        invocation.logins.forget(account)
        _end_on_server(invocation, stored)
    done = f"Logged out of {api_url}." if stored else f"There was no login to {api_url}."
    invocation.printer.done({"api_url": api_url, "was_logged_in": stored is not None}, done, name=api_url)


def _keep(invocation: Invocation, fresh: Login, only_file: bool) -> None:
    api_url, profile = invocation.client.api_url, invocation.settings.profile
    is_news = invocation.logins.save(invocation.settings.account, fresh, only_file=only_file)
    if invocation.settings.values["api_url"].origin != f"config.toml, [profiles.{profile}]":
        invocation.profiles.put(profile, "api_url", api_url)
    done = f"Logged in to {api_url} as {fresh.username or 'the owner of an API token'}."
    facts = {"api_url": api_url, "username": fresh.username or None, "profile": profile}
    invocation.printer.done(facts, done, name=fresh.username)
    if is_news:
        invocation.printer.note(f"The login is kept in {invocation.logins.path}, which only you can read.")
    if invocation.client.token:
        invocation.printer.note("warning: CRONTOPUS_TOKEN is set and wins over this login")


def _token_login(invocation: Invocation) -> Login:
    _warn_of_clear_text(invocation, "token")
    token = _stdin("--with-token").strip()
    if problem := token_problem(token) or (None if token else "is empty"):
        raise click.UsageError(f"the token on stdin {problem}")
    return Login(invocation.client.owner_of(token), token, None)


def _end_on_server(invocation: Invocation, stored: Login) -> None:
    if stored.refresh_token is None:
        invocation.printer.note("The API token itself stays in force; see `crontopus tokens revoke`.")
        return
    try:
        invocation.client.logout(stored.refresh_token)
    except Denied:
        return  # the server does not know it any more, which is what was wanted
    except Failure as e:
        hint = "the login is deleted here, but the server still knows it until it expires"
        raise type(e)(e.message, problems=e.problems, hints=[hint], request_id=e.request_id) from e


def _password(invocation: Invocation, from_stdin: bool, *, is_new: bool = False) -> str:
    _warn_of_clear_text(invocation, "password")
    if not from_stdin:
        return invocation.ask("Password", "--password-stdin", is_secret=True, is_new=is_new)
    # Shells and editors end a file with a newline; it is not part of the password.
    password = _stdin("--password-stdin").removesuffix("\n").removesuffix("\r")
    if not password:
        raise click.UsageError("--password-stdin: stdin is empty")
    return password


def _warn_of_clear_text(invocation: Invocation, what: str) -> None:
    if transport.is_sent_in_clear(invocation.client.api_url):
        invocation.printer.note(f"warning: {invocation.client.api_url} is not https; the {what} can be read on its way")


def _stdin(option: str) -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as e:
        raise click.UsageError(f"{option}: what is on stdin is not UTF-8") from e
