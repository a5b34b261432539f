"""crontopus tenants: accounts, one's own and, for operators, everybody's."""

from collections.abc import Iterator
from typing import get_args

import click

from chalicelib.domain.tenants import TenantState
from cli import client, pages
from cli.answers import Body
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, Fact, status

MAX_PAGE = 100
_COLUMNS = (
    Column("TENANT", is_name=True, key="id"),
    Column("STATE"),
    Column("E-MAIL", is_flexible=True),
    Column("VERIFIED", is_extra=True, key="email_verified"),
    Column("CREATED", is_extra=True, key="created_at"),
    Column("WHY", is_extra=True, key="suspended_because"),
    Column("OPERATOR", is_wide=True, key="is_operator"),
    Column("KEEPS RUNS", is_wide=True, key="retention_days"),
)


@click.group("tenants", cls=Group)
def tenants() -> None:
    """See your account; as an operator, see and stop others'."""


@tenants.command("show")
@click.argument("tenant", required=False)
@click.option("--month", metavar="YYYY-MM", help="Whose usage to show [default: this month].")
@pass_invocation
def show(invocation: Invocation, tenant: str | None, month: str | None) -> None:
    """Show your account, and what it used in a month.

    Operators may name another.
    """
    answer = invocation.client.get(client.path("tenants", tenant or "me"), {"month": month})
    found = answer.part("tenant")
    facts = _facts(invocation, found, answer.body.get("usage") or {})
    invocation.printer.thing(answer.body, facts, name=found.get("id"))


@tenants.command("update")
@click.option("--name", help="What you are called.")
@click.option("--retention-days", type=int, help="How long runs are kept.")
@pass_invocation
def update(invocation: Invocation, name: str | None, retention_days: int | None) -> None:
    """Change your name, or how long your runs are kept."""
    given = {"name": name, "retention_days": retention_days}
    body = {key: value for key, value in given.items() if value is not None}
    if not body:
        raise click.UsageError("give --name or --retention-days")
    answer = invocation.client.patch("/api/tenants/me", body)
    found = answer.part("tenant")
    done = f"Updated {found.get('id')}: runs are kept for {found.get('retention_days')} days."
    invocation.printer.done(answer.body, done, name=found.get("id"))


@tenants.command("list")
@click.option("--state", type=click.Choice(get_args(TenantState)), help="Only accounts in this state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@pass_invocation
def list_tenants(invocation: Invocation, state: str | None, limit: int) -> None:
    """List all accounts (operators only)."""
    query = {"state": state}
    body = pages.joined(
        invocation.client, "/api/tenants", "tenants", query, size_name="limit", page_size=MAX_PAGE, at_most=limit
    )
    invocation.printer.listing(body, _COLUMNS, (_row(invocation, one) for one in body["tenants"]), empty=["No such accounts."])
    if body.get("next") and invocation.printer.is_table:
        invocation.printer.note(f"There are more; raise --limit (now {limit}).")


@tenants.command("suspend")
@click.argument("tenant")
@click.option("--reason", required=True, help="Why; the account's owner is shown it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_invocation
def suspend(invocation: Invocation, tenant: str, reason: str, yes: bool) -> None:
    """Stop an account (operators only).

    Its sessions, tokens and endpoints are refused at once.
    """
    path = client.path("tenants", tenant, "suspend")
    invocation.confirm(f"suspend tenant {tenant}", yes=yes)
    answer = invocation.client.post(path, {"reason": reason})
    invocation.printer.done(answer.body, f"Suspended tenant {tenant}.", name=tenant)


@tenants.command("activate")
@click.argument("tenant")
@pass_invocation
def activate(invocation: Invocation, tenant: str) -> None:
    """Let a suspended account go on (operators only)."""
    answer = invocation.client.post(client.path("tenants", tenant, "activate"))
    state = answer.part("tenant").get("state")
    invocation.printer.done(answer.body, f"Activated tenant {tenant}; it is {state}.", name=tenant)


def _row(invocation: Invocation, tenant: Body) -> list[Cell]:
    return [
        tenant.get("id"),
        status(tenant.get("state")),
        tenant.get("email"),
        "yes" if tenant.get("email_verified") else "no",
        invocation.printer.ago(tenant.get("created_at")),
        tenant.get("suspended_because"),
        "yes" if tenant.get("is_operator") else "no",
        f"{tenant.get('retention_days')} days",
    ]


def _facts(invocation: Invocation, tenant: Body, usage: Body) -> Iterator[Fact]:
    yield "Tenant", tenant.get("id")
    yield "Name", tenant.get("name")
    yield "E-mail", f"{tenant.get('email')}{'' if tenant.get('email_verified') else ' (not verified)'}"
    yield "State", status(tenant.get("state"))
    yield "Suspended", tenant.get("suspended_because")
    yield "Operator", "yes" if tenant.get("is_operator") else None
    yield "Since", invocation.printer.local(tenant.get("created_at"))
    yield "Keeps runs", f"{tenant.get('retention_days')} days"
    if usage:
        yield "Used in", usage.get("month")
        yield "Calls", str(usage.get("calls"))
        yield "Check-ins", str(usage.get("check_ins"))
        yield "Stored", f"{usage.get('stored_bytes')} bytes of outputs"
        yield "Machines", str(usage.get("endpoints"))
