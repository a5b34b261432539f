"""crontopus auth login, logout."""

import click

from cli import device_login
from cli.commands import auth_input
from cli.credentials import Login
from cli.errors import Denied, Failure
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.settings import token_problem


@click.command("login", cls=Command)
@click.option("--no-browser", is_flag=True, help="Only print where to go.")
@click.option("--password", "by_password", is_flag=True, help="Log in with username and password, without a browser.")
@click.option("--username", "-u", help="The same, as this user.")
@auth_input.password_stdin_option
@click.option("--with-token", is_flag=True, help="Keep an API token, read from stdin, instead of logging in.")
@click.option("--insecure-storage", is_flag=True, help="Keep it in a file, also where there is a keyring.")
@pass_invocation
def login(
    invocation: Invocation,
    no_browser: bool,
    by_password: bool,
    username: str | None,
    password_stdin: bool,
    with_token: bool,
    insecure_storage: bool,
) -> None:
    """Log in, and keep the login for later commands.

    It shows a code, which you approve in a browser: here, or on another device. The
    address given with --api-url becomes the one that later commands of the profile use.

    \b
    Examples:
      crontopus auth login --api-url https://crontopus.example.com
      crontopus auth login -u ann
      crontopus auth login -u ann --password-stdin < password.txt
      crontopus auth login --with-token < token.txt
      crontopus auth login --profile work --api-url https://cron.work.example
    """
    is_password = bool(by_password or username or password_stdin)
    if with_token and (is_password or no_browser):
        raise click.UsageError("--with-token goes with neither a password nor a browser")
    if with_token:
        fresh = _token_login(invocation)
    elif is_password:
        username = username or invocation.ask("Username", "--username")
        fresh = invocation.client.login(username, auth_input.password(invocation, password_stdin))
    elif no_browser or invocation.has_terminal():
        fresh = device_login.log_in(invocation, with_browser=not no_browser)
    else:
        raise click.UsageError("there is no terminal; pass --with-token, --password-stdin or --no-browser")
    _keep(invocation, fresh, insecure_storage)


@click.command("logout", cls=Command)
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
    auth_input.warn_of_clear_text(invocation, "token")
    token = auth_input.stdin("--with-token").strip()
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
