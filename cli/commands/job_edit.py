"""crontopus jobs edit: a manifest in the person's own editor."""

import os
import tempfile

import click

from cli import apply_plan, client, manifests, references
from cli.answers import Body
from cli.commands import job_input, job_life
from cli.errors import Failure, Invalid
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation


@click.command("edit", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@pass_invocation
def edit(invocation: Invocation, job: str, namespace: str | None) -> None:
    """Change a job's manifest in your editor ($VISUAL, $EDITOR).

    It is judged here before it is sent, and only sent if nobody else has changed
    the job since. What is refused stays in a file. Another name or namespace moves
    the job. A change of a comment alone is one for git.
    """
    if not invocation.has_terminal() and not invocation.has_editor:
        raise click.UsageError("there is no terminal to edit on; use `jobs get --manifest` and `jobs update -f`")
    parts = references.parse(job, namespace)
    current = invocation.client.get(client.path("jobs", *parts))
    before = apply_plan.body_of(apply_plan.job_of(current.part("job")))
    text, wanted = _edited(invocation, parts, str(current.part("manifest")), before)
    if wanted == before:
        invocation.printer.done({"commit": None}, "Nothing changed.", name=references.shown(*parts))
        return
    try:
        answer = invocation.client.put(client.path("jobs", *parts), wanted, if_match=current.etag)
    except Failure as e:
        raise _keeping(e, parts[1], text) from e
    job_life.report(invocation, "Updated", (wanted["namespace"], wanted["name"]), answer)


def _edited(invocation: Invocation, parts: tuple[str, str], text: str, before: Body) -> tuple[str, Body]:
    """Return what the person makes of the text, as text and as the API takes it; `before` if they leave it as it is.

    Raise Invalid, with the text kept, if it is no manifest and the person gives up.
    """
    refusal: Invalid | None = None
    while True:
        edited = click.edit(text, extension=".yaml")
        if refusal and edited in (None, text):
            raise _keeping(refusal, parts[1], text)
        if edited is None or edited == text:
            return text, before
        text = edited
        try:
            return text, apply_plan.body_of(manifests.job_of_file(text.encode(), None, parts[0]))
        except Invalid as e:
            refusal = e
        if not invocation.has_terminal():
            raise _keeping(refusal, parts[1], text)
        refusal.show()
        if not click.confirm("Edit it again?", default=True, err=True):
            raise _keeping(Invalid("nothing was changed"), parts[1], text)


def _keeping(refusal: Failure, name: str, text: str) -> Failure:
    """Return the refusal, which now also says in which file the text is."""
    try:
        handle, path = tempfile.mkstemp(prefix=f"crontopus-{name}-", suffix=".yaml")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        # Better on the screen than lost.
        click.echo(text, err=True)
        refusal.hints = (*refusal.hints, f"your text stands above; it could not be kept in a file: {e.strerror}")
        return refusal
    refusal.hints = (*refusal.hints, f"your text is kept in {path}")
    return refusal
