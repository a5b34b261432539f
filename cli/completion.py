"""Names for the shell's completion: from a short-lived cache, else from the API, and never slower than a second."""

import hashlib
import json
import threading
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from cli import files, references
from cli.answers import Answer
from cli.invocation import Invocation

FRESH_S = 30
WAIT_S = 1.0

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _jobs(answer: Answer) -> list[str]:
    return [references.shown(job["namespace"], job["name"]) for job in answer.part("jobs")]


def _names(part: str) -> Callable[[Answer], list[str]]:
    return lambda answer: [str(one["name"]) for one in answer.part(part)]


_KINDS: dict[str, tuple[str, Callable[[Answer], list[str]]]] = {
    "jobs": ("/api/jobs", _jobs),
    "namespaces": ("/api/namespaces", _names("namespaces")),
    "endpoints": ("/api/endpoints", _names("endpoints")),
}


def of(kind: str) -> Completer:
    """Return what completes the names of all things of this kind: jobs, namespaces or endpoints."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        known = names(ctx.ensure_object(Invocation), kind)
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]

    return complete


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the names of profiles."""
    try:
        known = ctx.ensure_object(Invocation).profiles.read().profiles
    except click.ClickException:
        return []
    return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def names(invocation: Invocation, kind: str) -> list[str]:
    """Return the names there are, of late or, if the API is silent or refuses, of the last time. Never raises, never asks."""
    try:
        path = invocation.cache_folder / _file_name(f"{invocation.settings.account} {invocation.settings.token}", kind)
        at, known = _cached(path.read_bytes() if path.exists() else b"")
        now = invocation.now().timestamp()
        if 0 <= now - at < FRESH_S:
            return known
        fresh = _asked(invocation, kind)
        if fresh is None:
            return known
        files.replace(path, json.dumps({"at": now, "names": fresh}))
        return fresh
    except (click.ClickException, OSError):
        return []


def _asked(invocation: Invocation, kind: str) -> list[str] | None:
    """Return what the API says within a second, None if it says nothing."""
    found: list[list[str]] = []
    path, read = _KINDS[kind]

    def ask() -> None:
        try:
            if answer := invocation.client.peek(path):
                found.append(read(answer))
        except (click.ClickException, KeyError, TypeError):
            return

    # A thread, as the timeouts of HTTP do not cover the name lookup nor an answer that drips in.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    return found[0] if found else None


def _cached(content: bytes) -> tuple[float, list[str]]:
    try:
        data = json.loads(content)
        return float(data["at"]), [str(name) for name in data["names"]]
    except (ValueError, KeyError, TypeError):
        return 0.0, []


def _file_name(asker: str, kind: str) -> str:
    """asker: as whom the API is asked; another one sees other names."""
    return f"{kind}-{hashlib.sha256(asker.encode()).hexdigest()[:16]}.json"
