"""Which names are allowed, and where a job's file lies."""

import re

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
MAX_NAME = 63
MAX_USERNAME = 39
DISCOVERED = "discovered"
DEFAULT = "default"
SYSTEM_NAMESPACES = frozenset({DISCOVERED, DEFAULT})
RESERVED_NAMESPACES = SYSTEM_NAMESPACES | {"system"}
# Logins that a forge, a URL or a person would take for something else.
_RESERVED = (
    "admin administrator api assets auth crontopus default discovered health help login logout me metrics null operator "
    "org ping root security settings status support system undefined user users webhook webhooks www"
)
RESERVED_USERNAMES = frozenset(_RESERVED.split())


def name_problem(name: str, *, max_length: int = MAX_NAME) -> str | None:
    """Return what is wrong with a job's, namespace's or user's name, or None."""
    if len(name) > max_length:
        return f"at most {max_length} characters, this has {len(name)}"
    if not _NAME.fullmatch(name):
        return "lower-case letters, digits and dashes only, with a letter or digit at both ends"
    return None


def job_namespace_problem(namespace: str) -> str | None:
    """Return why no person may put a job into this namespace, or None."""
    if namespace in RESERVED_NAMESPACES - {DEFAULT}:
        return f"{namespace!r} is kept by the system; choose another"
    return name_problem(namespace)


def username_problem(name: str) -> str | None:
    """Return what is wrong with a new user's name, or None. It becomes the tenant's id and part of a repository's name."""
    if name in RESERVED_USERNAMES:
        return "this name is reserved; take another"
    return name_problem(name, max_length=MAX_USERNAME)


def manifest_path(namespace: str, name: str) -> str:
    """Return the path of a job's file in the tenant's repository."""
    return f"{namespace}/{name}.yaml"


def repository_name(tenant_id: str) -> str:
    """Return the name of the tenant's repository, without its owner."""
    return f"job-manifests-{tenant_id}"
