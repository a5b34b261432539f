"""Lists that the API gives in pages, joined to one."""

from cli.answers import Body
from cli.client import Client, Query


def joined(
    client: Client, path: str, part: str, query: Query, *, size_name: str, page_size: int, at_most: int | None = None
) -> Body:
    """Return the API's answer with its pages joined. part: the list in it. size_name: the parameter for a page's size."""
    found: list[object] = []
    following: str | None = None
    while True:
        size = page_size if at_most is None else min(page_size, at_most - len(found))
        answer = client.get(path, {**query, size_name: size, "next": following})
        found = found + answer.part(part)
        body, after = {**answer.body, part: found}, answer.body.get("next")
        # A page may be empty and not be the last one: the API filters after it has read.
        if not after or after == following or (at_most is not None and len(found) >= at_most):
            return body
        following = str(after)
