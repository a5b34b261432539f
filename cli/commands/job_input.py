"""What a person says about a job, as the body the API takes: from options or from a manifest file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from cli import completion
from cli.answers import Body

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

# What the API shows of a job and does not take.
OF_THE_API = ("id", "state", "path", "sha", "url", "ping_url")

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
    click.option("--timezone", metavar="ZONE", help="Zone of the schedule [default: that of each machine]."),
    click.option("--grace", metavar="SPAN", help="How late a start may be before it counts as missed."),
    click.option("--max-runtime", metavar="SPAN", help="Longer runs are worth an alert; nothing is stopped."),
    click.option("--min-runtime", metavar="SPAN", help="Shorter runs are worth an alert."),
    click.option("--concurrency", type=click.Choice(["allow", "forbid"]), help="May it start while it still runs?"),
    click.option("--retry-attempts", type=int, metavar="N", help="Try a failed run again, so often."),
    click.option("--depends-on", multiple=True, metavar="JOB", help="Only after this job; repeat for more."),
    click.option("--selector", type=_PAIR, multiple=True, help="Only on endpoints with this; repeat for more."),
    click.option("--user", metavar="LOGIN", help="Run as this user, where the agent may."),
    click.option("--checkin-by", type=click.Choice(["agent", "ping"]), help="Who reports its runs."),
    click.option("--period", metavar="SPAN", help="For jobs that report by ping: the time between runs."),
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
    if "selector" in given:
        pairs = given["selector"]
        given["selector"] = {key: [value for name, value in pairs if name == key] for key, _ in pairs}
    lists = {key: list(given[key]) for key in ("args", "depends_on") if key in given}
    return given | lists | {key: dict(given[key]) for key in ("env", "labels", "annotations") if key in given}


def changed(job: Body, given: Body) -> Body:
    """Return a job's body with the given fields put in. Maps grow by what is given; everything else is replaced."""
    # Only what the API makes itself is left out: a field that this version does not know yet must survive an update.
    kept = {key: value for key, value in job.items() if key not in OF_THE_API and value is not None}
    maps = {key: {**kept.get(key, {}), **value} for key, value in given.items() if isinstance(value, dict)}
    return {**kept, **given, **maps}


def refuse_options_beside_file(options: Mapping[str, object]) -> None:
    if given := [key for key, value in options.items() if value is not None and value != ()]:
        raise click.UsageError(f"-f takes the job from a file; it cannot be combined with {_listed(given)}")


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(field.replace("_", "-") for field in fields)
