"""crontopus: the command line. Everything that can end the program passes through `main`."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.exceptions import Exit

from cli import invocation, text
from cli.commands.audit import audit
from cli.commands.auth import auth
from cli.commands.blocks import blocks, trusted_networks
from cli.commands.completion import completion
from cli.commands.config import config
from cli.commands.endpoints import endpoints
from cli.commands.enrollment_tokens import enrollment_tokens
from cli.commands.exports import export
from cli.commands.imports import import_
from cli.commands.incidents import incidents, status
from cli.commands.jobs import jobs
from cli.commands.logs import logs
from cli.commands.metrics import metrics
from cli.commands.namespaces import namespaces
from cli.commands.ping_keys import ping_keys
from cli.commands.plan import plan
from cli.commands.runs import runs
from cli.commands.schedule import schedule
from cli.commands.tenants import tenants
from cli.commands.tokens import tokens
from cli.commands.topics import help_
from cli.groups import Group
from cli.invocation import Invocation

EXIT_BUG = 1
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


class _Root(Group):
    """Ends with a code of its own where the reader of the output has gone; click alone would call that a failure."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError as e:
            raise Exit(EXIT_BROKEN_PIPE) from e

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                ctx.ensure_object(Invocation).close()
        except BrokenPipeError as e:
            raise Exit(EXIT_BROKEN_PIPE) from e


@click.group(
    "crontopus",
    cls=_Root,
    is_root=True,
    aliases={"agents": "endpoints"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="More: crontopus help exit-codes | environment | settings.",
)
@click.version_option(invocation.version(), prog_name="crontopus", message="%(prog)s %(version)s")
def root() -> None:
    """Cron jobs as files in Git, run by the machines' own schedulers, with every run accounted for.

    \b
    Examples:
      crontopus auth login --api-url https://crontopus.example.com
      crontopus jobs create hello --schedule '*/5 * * * *' --command 'echo hello'
      crontopus runs list --status failure
      crontopus jobs list -o json
    """


for command in (
    auth,
    jobs,
    plan,
    namespaces,
    runs,
    logs,
    incidents,
    status,
    endpoints,
    enrollment_tokens,
    tokens,
    ping_keys,
    schedule,
    import_,
    export,
    tenants,
    blocks,
    trusted_networks,
    audit,
    metrics,
    config,
    completion,
    help_,
):
    root.add_command(command)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. No traceback reaches the user, unless --debug asks for it."""
    state = Invocation()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if args is None else args, state)
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as e:
        _drop_stdout()
        return _complain(f"cannot write the output: {e.strerror}", state)
    except Exception as e:
        return _complain(f"this is a bug in crontopus ({type(e).__name__}); run again with --debug and report it", state)
    return code


def _run(args: Sequence[str], state: Invocation) -> int:
    try:
        _refuse_undecodable(args)
        code = root.main(list(args), prog_name="crontopus", standalone_mode=False, obj=state)
    except click.Abort as e:
        # After Ctrl-C at a question, and only there, the cursor still stands behind it.
        click.echo("Interrupted." if e.__cause__ else "\nInterrupted.", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as e:
        e.show()
        return e.exit_code
    return code if isinstance(code, int) else 0


def _refuse_undecodable(args: Sequence[str]) -> None:
    for arg in args:
        try:
            arg.encode()
        except UnicodeEncodeError as e:
            raise click.UsageError(f"{text.visible(arg)} is not UTF-8") from e


def _complain(message: str, state: Invocation) -> int:
    if state.debug:
        traceback.print_exc()
    click.echo(f"Error: {message}", err=True)
    return EXIT_BUG


def _drop_stdout() -> None:
    # Python flushes stdout once more on its way out and would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
