"""`crontopus-agent audit`."""

import json
import sys
from collections.abc import Mapping
from itertools import islice

import click

from agent import audit as audits
from agent.config import own_home
from agent.terminal import shown
from chalicelib.domain.audit import Entry

_SEALED = ("v", "seq", "at", "kind", "by", "hash", "prev_hash")


@click.group()
def audit() -> None:
    """What the agent changed on this machine: a chain in which no entry can be altered unnoticed.

    \b
    Examples:
      crontopus-agent audit verify
      crontopus-agent audit list -n 20
      crontopus-agent audit list -o json | jq 'select(.kind == "table")'
    """


@audit.command("list")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(min=0), help="How many; 0: all.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_entries(lines: int, output: str) -> None:
    """Show the newest entries, the oldest of them first. json: one object a line, as they are sealed."""
    home, _ = own_home()
    entries = [link.entry for link in audits.links(home) if link.entry]
    for entry in islice(entries, max(0, len(entries) - lines) if lines else 0, None):
        click.echo(json.dumps(entry.as_json(), ensure_ascii=True) if output == "json" else _line(entry))


@audit.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(output: str) -> None:
    """Read the whole chain. Exit code 0: it holds, 1: it does not.

    The last hash is worth writing down elsewhere: whoever holds it can tell later whether the end was cut off.
    """
    home, _ = own_home()
    verdict = audits.verify(home)
    last = verdict.last
    facts: dict[str, object] = {
        "holds": verdict.broken is None,
        "entries": verdict.checked,
        "first_seq": verdict.first.seq if verdict.first else None,
        "last_seq": last.seq if last else None,
        "last_at": last.facts["at"] if last else None,
        "last_hash": last.hash if last else None,
        "broken": verdict.broken,
        "torn_bytes": verdict.torn,
    }
    click.echo(json.dumps(facts, indent=2) if output == "json" else _words(facts))
    sys.exit(0 if verdict.broken is None else 1)


def _words(facts: Mapping[str, object]) -> str:
    if facts["broken"]:
        return f"the chain is broken: {facts['broken']}; {facts['entries']} entries before it hold"
    if not facts["entries"]:
        return "no entry yet"
    told = f"the chain holds: entries {facts['first_seq']} to {facts['last_seq']}"
    torn = f"\na crash left {facts['torn_bytes']} bytes of a line; the next entry takes them away"
    return f"{told}\nlast hash {facts['last_hash']} ({facts['last_at']}){torn if facts['torn_bytes'] else ''}"


def _line(entry: Entry) -> str:
    facts = entry.facts
    told = ", ".join(f"{key} {_told(value)}" for key, value in facts.items() if key not in _SEALED and value is not None)
    by = facts.get("by") or {}
    return shown(f"{facts['at']}  {entry.seq:>5}  {facts.get('kind', '?'):<17} by {by.get('login', '?')}  {told}")


def _told(value: object) -> str:
    if isinstance(value, Mapping) and "count" in value:
        return str(value["count"])
    return str(value)[:64]
