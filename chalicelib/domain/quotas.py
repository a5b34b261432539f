"""How much of each thing one tenant may have."""

MAX_JOBS = 2000
MAX_NAMESPACES = 100
MAX_ENDPOINTS = 500
# In one report of what an endpoint's crontab holds beside our own lines.
MAX_DISCOVERED = 500


def too_many(what: str, limit: int) -> str:
    """Return the words for one thing too many."""
    return f"a tenant has at most {limit} {what}; delete some first"
