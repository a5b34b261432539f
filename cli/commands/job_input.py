"""What a person says about a job, as the body the API takes: from options or from a manifest file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from chalicelib.domain import manifest, manifest_check, names, yaml_source
from chalicelib.domain.errors import Invalid as InvalidManifest
from chalicelib.domain.manifest import Job
from chalicelib.domain.manifest_fields import IN_MANIFEST, written
from cli import completion
from cli.answers import Body
from cli.errors import Invalid

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Pair = tuple[str, str]


class _PairType(click.ParamType[Pair]):
    name = "K=V"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pair:
        if isinstance(value, tuple):
            return value
        key, separator, text = value.partition("=")
        if not separator or not key:
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return key, text


_jobs, _namespaces = completion.of("jobs"), completion.of("namespaces")
reference_argument = click.argument("job", metavar="[NAMESPACE/]NAME", shell_complete=_jobs)
optional_reference = click.argument("job", metavar="[NAMESPACE/]NAME", required=False, shell_complete=_jobs)
namespace_option = click.option(
    "--namespace", "-n", help="Namespace of the job [default: default].", shell_complete=_namespaces
)

_PAIR = _PairType()
_OPTIONS = (
    click.option("--schedule", metavar="CRON", help="Five cron fields or a word such as @daily; quote it."),
    click.option("--command", metavar="TEXT", help="What to run."),
    click.option("--arg", "args", multiple=True, metavar="TEXT", help="An argument of the command; repeat for more."),
    click.option("--env", type=_PAIR, multiple=True, help="A variable for the command; repeat for more."),
    click.option("--label", "labels", type=_PAIR, multiple=True, help="Repeat for more."),
    click.option("--annotation", "annotations", type=_PAIR, multiple=True, help="Repeat for more."),
    click.option("--working-dir", metavar="PATH", help="Where the command runs."),
    click.option("--timeout", metavar="SPAN", help="Stop the command after, for example, 90s, 30m or 2h."),
    click.option("--shell", metavar="PATH", help="Shell that reads the command [default: /bin/sh]."),
    click.option("--paused/--not-paused", default=None, help="Keep it out of the schedulers for now."),
    click.option("--disabled/--enabled", "disabled", default=None, help="Keep it out of the schedulers until enabled."),
)


def job_options(function: Decorated) -> Decorated:
    """Add the options that describe a job."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_fields(options: Mapping[str, Any]) -> Body:
    """Return the fields of the API's job that options were given for, and no others."""
    given = {key: value for key, value in options.items() if value is not None and value != ()}
    if "disabled" in given:
        given["enabled"] = not given.pop("disabled")
    if "args" in given:
        given["args"] = list(given["args"])
    return given | {key: dict(given[key]) for key in ("env", "labels", "annotations") if key in given}


def changed(job: Body, given: Body) -> Body:
    """Return a job's body with the given fields put in. Maps grow by what is given; everything else is replaced."""
    # Only what the API makes itself is left out: a field that this version does not know yet must survive an update.
    kept = {key: value for key, value in job.items() if key not in ("id", "path", "sha", "url") and value is not None}
    maps = {key: {**kept.get(key, {}), **value} for key, value in given.items() if isinstance(value, dict)}
    return {**kept, **given, **maps}


def fields_of_file(text: bytes, namespace: str | None) -> Body:
    """Return the API's job for a manifest. namespace: what --namespace said.

    Raise Invalid with every problem of the manifest, by line and column.
    """
    try:
        source = yaml_source.load(text)
        stated = manifest_check.stated_namespace(source.data)
        if namespace and stated not in (None, namespace):
            raise click.UsageError(f"the file names the namespace {stated!r}, --namespace names {namespace!r}; drop one")
        job = manifest.read(source, namespace or stated or names.DEFAULT, strict=True).job
    except InvalidManifest as e:
        raise Invalid(f"the manifest has {e.message}", problems=e.problems) from e
    return _body(job)


def refuse_options_beside_file(options: Mapping[str, object]) -> None:
    if given := [key for key, value in options.items() if value is not None and value != ()]:
        raise click.UsageError(f"-f takes the job from a file; it cannot be combined with {_listed(given)}")


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(field.replace("_", "-") for field in fields)


def _body(job: Job) -> Body:
    fields = {key: written(job, place) for key, place in IN_MANIFEST.items()}
    return {key: value for key, value in fields.items() if value is not None}
