"""How a person names an endpoint."""

import click

from cli import completion
from cli.answers import Body
from cli.client import Client
from cli.errors import NotFound

endpoint_argument = click.argument("endpoint", metavar="NAME|ID", shell_complete=completion.of("endpoints"))


def find(client: Client, wanted: str) -> Body:
    """Return the endpoint that has this id, name or hostname. Raise NotFound, or click.UsageError if several have it."""
    endpoints = client.get("/api/endpoints").part("endpoints")
    for key in ("id", "name", "hostname"):
        matching: list[Body] = [endpoint for endpoint in endpoints if endpoint.get(key) == wanted]
        if len(matching) > 1:
            ids = ", ".join(str(endpoint["id"]) for endpoint in matching)
            raise click.UsageError(f"{wanted!r} is the {key} of several endpoints; give an id: {ids}")
        if matching:
            return matching[0]
    raise NotFound(f"no endpoint is called {wanted!r}", hints=["see `crontopus endpoints list`"])
