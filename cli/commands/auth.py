"""crontopus auth: accounts and logins."""

import click

from cli.commands import auth_input, auth_login, auth_sessions, auth_state
from cli.commands.auth_input import password_stdin_option
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation


@click.group("auth", cls=Group)
def auth() -> None:
    """Make an account, log in and out."""


for command in (auth_login.login, auth_login.logout, *auth_state.COMMANDS, auth_sessions.sessions):
    auth.add_command(command)


@auth.command("register")
@click.option("--username", "-u", help="Your new name; it is part of your repository's name.")
@click.option("--email")
@password_stdin_option
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
    password = auth_input.password(invocation, password_stdin, is_new=True)
    answer = invocation.client.register(username, email, password)
    done = f"Made the account {username} at {invocation.client.api_url}."
    invocation.printer.done(answer.body, done, name=username)
    if invocation.printer.is_table:
        invocation.printer.note(f"Next: crontopus auth login --username {username}")


@auth.command("password")
@click.option("--passwords-stdin", is_flag=True, help="Read the old and the new one from stdin, a line each.")
@pass_invocation
def change_password(invocation: Invocation, passwords_stdin: bool) -> None:
    """Change your password. All other sessions end; this one stays.

    \b
    Examples:
      crontopus auth password
      crontopus auth password --passwords-stdin < two-lines.txt
    """
    auth_input.warn_of_clear_text(invocation, "password")
    current, new = _from_stdin() if passwords_stdin else _asked(invocation)
    answer = invocation.client.post("/api/auth/password", {"current_password": current, "new_password": new})
    ended = answer.part("sessions_ended")
    invocation.printer.done(answer.body, f"Changed the password; {ended} other sessions ended.", name="password")


def _from_stdin() -> tuple[str, str]:
    lines = auth_input.stdin("--passwords-stdin").splitlines()
    if len(lines) != 2 or not all(lines):
        raise click.UsageError("--passwords-stdin: wants two lines, the old password and the new one")
    return lines[0], lines[1]


def _asked(invocation: Invocation) -> tuple[str, str]:
    current = invocation.ask("Current password", "--passwords-stdin", is_secret=True)
    return current, invocation.ask("New password", "--passwords-stdin", is_secret=True, is_new=True)
