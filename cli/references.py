"""How a person names a job: NAME in the default namespace, or NAMESPACE/NAME."""

import click

from chalicelib.domain import names


def parse(job: str, namespace: str | None) -> tuple[str, str]:
    """Return namespace and name of what was typed: `name`, `namespace/name`, or `name` with --namespace."""
    before, separator, after = job.partition("/")
    if not separator:
        return namespace or names.DEFAULT, job
    if namespace not in (None, before):
        raise click.UsageError(f"{job!r} names the namespace {before!r}, --namespace names {namespace!r}; drop one")
    return before, after


def shown(namespace: object, name: object) -> str:
    """Return what a person types to mean this job."""
    return str(name) if namespace == names.DEFAULT else f"{namespace}/{name}"
