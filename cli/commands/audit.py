"""crontopus audit: who changed what."""

import click

from chalicelib.domain import times
from cli import pages
from cli.answers import Body
from cli.commands import run_input
from cli.errors import Failure
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, Fact, status

MAX_PAGE = 200
_COLUMNS = (
    Column("WHEN", key="at"),
    Column("WHO", key="by"),
    Column("ACTION"),
    Column("OUTCOME"),
    Column("TARGET", is_flexible=True),
    Column("TIMES", is_wide=True, key="count"),
    Column("ADDRESS", is_extra=True),
    Column("ENTRY", is_extra=True, is_name=True, key="seq"),
    Column("REQUEST", is_wide=True, key="request_id"),
    Column("HASH", is_wide=True),
)

_operator = click.option("--operator", is_flag=True, help="The operators' own log.")


@click.group("audit", cls=Group)
def audit() -> None:
    """See who changed what, and that nobody changed the log."""


@audit.command("list")
@click.option("--action", help="Only this, such as job.deleted, or all before a dot, such as token.")
@click.option("--outcome", type=click.Choice(["done", "refused", "failed"]), help="Only what ended like this.")
@click.option("--since", metavar="SPAN|MOMENT", help="Only what is newer: 2h, 2026-11-20, 2026-11-20T09:00:00Z.")
@click.option("--until", metavar="SPAN|MOMENT", help="Only what is older.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@_operator
@pass_invocation
def list_entries(
    invocation: Invocation,
    action: str | None,
    outcome: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    operator: bool,
) -> None:
    """List what was changed, newest first.

    \b
    Examples:
      crontopus audit list --since 2d
      crontopus audit list --action token --outcome refused
    """
    query = {"action": action, "outcome": outcome}
    query |= {"since": _moment(invocation, since, "--since"), "until": _moment(invocation, until, "--until")}
    path = "/api/operator/audit" if operator else "/api/audit"
    body = pages.joined(invocation.client, path, "entries", query, size_name="limit", page_size=MAX_PAGE, at_most=limit)
    rows = (_row(invocation, entry) for entry in body["entries"])
    invocation.printer.listing(body, _COLUMNS, rows, empty=["No such entries." if any(query.values()) else "No entries yet."])
    if body.get("next") and invocation.printer.is_table:
        invocation.printer.note(f"There are more; raise --limit (now {limit}).")


@audit.command("verify")
@_operator
@pass_invocation
def verify(invocation: Invocation, operator: bool) -> None:
    """Recompute the log's chain of hashes from its beginning to its end. Ends with 1 if an entry does not fit."""
    path = "/api/operator/audit/verify" if operator else "/api/audit/verify"
    following: str | None = None
    checked, first = 0, None
    while True:
        verdict = invocation.client.get(path, {"next": following}).body
        checked += int(verdict.get("checked") or 0)
        first = first if first is not None else verdict.get("first_seq")
        if verdict.get("broken") or not verdict.get("next") or verdict["next"] == following:
            break
        following = str(verdict["next"])
    whole = {**verdict, "checked": checked, "first_seq": first}
    head = verdict.get("head") or {}
    invocation.printer.thing(whole, _verdict(invocation, whole, head), name=head.get("hash") or "")
    if broken := verdict.get("broken"):
        raise Failure(f"the log was changed: entry {broken.get('seq')}: {broken.get('why')}")


def _moment(invocation: Invocation, text: str | None, option: str) -> str | None:
    return times.to_text(run_input.moment_of(text, invocation.printer.now, option)) if text else None


def _row(invocation: Invocation, entry: Body) -> list[Cell]:
    by = entry.get("by") or {}
    target = " ".join(f"{key}={value}" for key, value in sorted((entry.get("target") or {}).items()))
    return [
        invocation.printer.ago(entry.get("at")),
        f"{by['name']} ({by['kind']})" if by else None,
        entry.get("action"),
        status(entry.get("outcome")),
        target or entry.get("error"),
        str(entry["count"]) if entry.get("count") else None,
        entry.get("address"),
        str(entry.get("seq")),
        entry.get("request_id"),
        entry.get("hash"),
    ]


def _verdict(invocation: Invocation, whole: Body, head: Body) -> list[Fact]:
    return [
        ("Holds", status("yes" if whole.get("valid") else "no")),
        (
            "Checked",
            f"{whole['checked']} entries" + (f", {whole['first_seq']} to {whole['last_seq']}" if whole["checked"] else ""),
        ),
        ("Newest", f"{head['seq']}, {invocation.printer.local(head.get('at'))}" if head else None),
        ("Its hash", head.get("hash")),
    ]
