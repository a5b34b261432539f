"""Bring the repositories of earlier days to today's layout: `default/` and `discovered/` beside whatever namespaces there are.

    FORGE_TOKEN=... python -m infra.migrate_namespaces --forge-url URL [--organization NAME] [--tenant NAME] [--dry-run]

The token is the bot's. `production/` and `staging/` of the old layout stay as they are: namespaces like any other. Running it
again changes nothing. It exits with 1 if a repository could not be brought up to date; the others are, all the same.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click

from chalicelib.domain import names
from chalicelib.domain.errors import CrontopusError
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.files import Author, FileChange

AUTHOR = Author("Crontopus", "noreply@crontopus.invalid")
SUBJECT = "Make room for the namespaces of the system"


@dataclass(frozen=True, slots=True)
class Step:
    """What one repository needs. missing: of the system. custom: namespaces that stay. odd: folders that can be none."""

    missing: tuple[str, ...]
    custom: tuple[str, ...]
    odd: tuple[str, ...]

    @property
    def words(self) -> str:
        made = f"creates {', '.join(f'{name}/' for name in self.missing)}" if self.missing else "is up to date"
        kept = f"; keeps {', '.join(self.custom)}" if self.custom else ""
        odd = f"; no namespaces because of their names: {', '.join(self.odd)}" if self.odd else ""
        return made + kept + odd


def plan(folders: set[str]) -> Step:
    """Return what a repository with these top folders needs."""
    rest = sorted(folders - names.SYSTEM_NAMESPACES)
    shown = [name for name in rest if not name.startswith(".")]
    return Step(
        missing=tuple(sorted(names.SYSTEM_NAMESPACES - folders)),
        custom=tuple(name for name in shown if names.name_problem(name) is None),
        odd=tuple(name for name in shown if names.name_problem(name)),
    )


def migrate(forge: Forgejo, organization: str, tenant_id: str, *, dry_run: bool) -> Step:
    """Bring one repository up to date, in one commit or none, and return what it needed. Raise NotFound, Unavailable."""
    repository = names.repository_name(tenant_id)
    head = forge.head(organization, repository)
    entries = forge.list_tree(organization, repository, head, recursive=False) if head else ()
    step = plan({entry.path for entry in entries if entry.kind == "tree"})
    if step.missing and not dry_run:
        files = [FileChange(f"{name}/.gitkeep", b"") for name in step.missing]
        forge.commit(organization, repository, files, f"{SUBJECT}\n\nBy infra.migrate_namespaces on {head}\n", AUTHOR)
    return step


def tenants(forge: Forgejo, organization: str) -> Iterator[str]:
    """Yield every tenant that has a repository, by name."""
    prefix, found, page = names.repository_name(""), set[str](), 1
    while listed := forge.list_changed(prefix, page):
        found |= {one.name.removeprefix(prefix) for one in listed if one.owner == organization and one.name.startswith(prefix)}
        page += 1
    yield from sorted(found)


@click.command()
@click.option("--forge-url", required=True, help="Forgejo, as this machine reaches it.")
@click.option("--organization", default="crontopus", show_default=True, help="Owner of all tenants' repositories.")
@click.option("--tenant", help="Only this one.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and change nothing.")
def main(forge_url: str, organization: str, tenant: str | None, dry_run: bool) -> None:
    """Give every repository the namespaces of the system. The bot's token comes from FORGE_TOKEN."""
    token = os.environ.get("FORGE_TOKEN")
    if not token:
        raise click.UsageError("set FORGE_TOKEN to the token of the bot that commits")
    forge = Forgejo(forge_url, token)
    is_well = True
    try:
        for tenant_id in [tenant] if tenant else list(tenants(forge, organization)):
            is_well &= _migrate_aloud(forge, organization, tenant_id, dry_run=dry_run)
    except CrontopusError as e:
        raise click.ClickException(e.message) from e
    sys.exit(0 if is_well else 1)


def _migrate_aloud(forge: Forgejo, organization: str, tenant_id: str, *, dry_run: bool) -> bool:
    try:
        step = migrate(forge, organization, tenant_id, dry_run=dry_run)
    except CrontopusError as e:
        click.echo(f"{tenant_id}: failed: {e.message}", err=True)
        return False
    click.echo(f"{tenant_id}: {'would: ' if dry_run and step.missing else ''}{step.words}")
    return True


if __name__ == "__main__":
    main()
