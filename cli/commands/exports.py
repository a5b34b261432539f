"""crontopus export: the jobs as other programs take them."""

import json

import click

from chalicelib.domain import checks_crontab, checks_import
from chalicelib.domain.manifest import Job
from cli import apply_plan, pages
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation

MAX_PAGE = 1000


@click.group("export", cls=Group)
def export() -> None:
    """Print the jobs as other programs take them."""


@export.command("healthchecks")
@pass_invocation
def export_healthchecks(invocation: Invocation) -> None:
    """Print the jobs that report by ping.

    Each entry is what POST /api/v3/checks/ of healthchecks takes.
    """
    body = checks_import.to_healthchecks(_jobs(invocation))
    invocation.printer.file(body, json.dumps(body, indent=2, ensure_ascii=False) + "\n")


@export.command("crontab")
@pass_invocation
def export_crontab(invocation: Invocation) -> None:
    """Print the jobs that agents run as lines of a crontab.

    What cron cannot do is said above a line; what it cannot hold, and what is
    paused, is a comment.
    """
    lines = list(checks_crontab.to_crontab(_jobs(invocation)))
    invocation.printer.file({"lines": lines}, "".join(f"{line}\n" for line in lines))


def _jobs(invocation: Invocation) -> list[Job]:
    listed = pages.joined(invocation.client, "/api/jobs", "jobs", {}, size_name="page_size", page_size=MAX_PAGE)
    return [apply_plan.job_of(body) for body in listed["jobs"]]
