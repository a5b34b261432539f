"""crontopus auth whoami, status: who is logged in, and how."""

from collections.abc import Iterator

import click

from cli.answers import Body
from cli.errors import Denied
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Fact, status


@click.command("whoami", cls=Command)
@pass_invocation
def whoami(invocation: Invocation) -> None:
    """Show who is logged in, and where the jobs are kept."""
    answer = invocation.client.get("/api/auth/me")
    user, repository = answer.part("user"), answer.part("repository")
    invocation.printer.thing(answer.body, _account(invocation, user, repository), name=user.get("username"))


@click.command("status", cls=Command)
@pass_invocation
def show_status(invocation: Invocation) -> None:
    """Show which login is in force, and whether it works.

    Ends with 4 if the API does not accept it.
    """
    facts = _standing(invocation)
    invocation.printer.thing(facts, _shown(facts), name=facts["username"] or "")
    if not facts["is_accepted"]:
        raise Denied(f"not logged in to {facts['api_url']}", hints=["run `crontopus auth login`"])


def _account(invocation: Invocation, user: Body, repository: Body) -> Iterator[Fact]:
    yield "Username", user.get("username")
    yield "E-mail", user.get("email")
    yield "Tenant", user.get("tenant_id")
    yield "State", status(user.get("state"))
    yield "Since", invocation.printer.local(user.get("created_at"))
    yield "Repository", repository.get("url")
    yield "Branch", repository.get("branch")
    yield "API", invocation.client.api_url


def _standing(invocation: Invocation) -> Body:
    settings = invocation.settings
    from_environment = settings.token is not None
    kept_in = "CRONTOPUS_TOKEN" if from_environment else invocation.logins.accounts.get(settings.account)
    stored = None if from_environment or not kept_in else invocation.logins.find(settings.account)
    is_token = from_environment or (stored is not None and stored.refresh_token is None)
    owner = _owner(invocation) if kept_in else None
    return {
        "profile": settings.profile,
        "api_url": settings.api_url,
        "kind": ("API token" if is_token else "session") if kept_in else None,
        "kept_in": kept_in,
        "is_accepted": owner is not None,
        "username": owner or (stored.username if stored else None) or None,
    }


def _owner(invocation: Invocation) -> str | None:
    """Return who the API says we are, empty if it may not tell this token, None if it refuses us."""
    try:
        return invocation.client.owner()
    except Denied:
        return None


def _shown(facts: Body) -> Iterator[Fact]:
    kept_in = {"keyring": "the system's keyring", "file": "credentials.json, readable by you alone"}
    yield "Profile", facts["profile"]
    yield "API", facts["api_url"]
    yield "Login", facts["kind"] or "none"
    yield "Kept in", kept_in.get(facts["kept_in"], facts["kept_in"])
    yield "Username", facts["username"]
    yield "Accepted", status("yes" if facts["is_accepted"] else "no")


COMMANDS = (whoami, show_status)
