"""crontopus-agent: the commands of the agent.

A command is loaded when it runs: git and HTTP take longer to load than `status` takes to answer.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from agent.errors import in_words
from agent.machine import VERSION
from agent.terminal import shown
from chalicelib.domain.errors import CrontopusError

DONE, EXPECTED, USAGE, BUG = 0, 1, 2, 3
COMMANDS = (
    "audit",
    "diff",
    "discover",
    "doctor",
    "enroll",
    "install",
    "logs",
    "restart",
    "restore",
    "resume",
    "run",
    "self-update",
    "start",
    "status",
    "stop",
    "support-bundle",
    "suspend",
    "sync",
    "uninstall",
    "validate",
    "version",
)


class Commands(click.Group):
    """Each command is the function of its name in the module of its name, below agent.commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*COMMANDS, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"agent.commands.{name}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS names nothing else
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="crontopus-agent")
def cli() -> None:
    """Keep this user's crontab in line with the tenant's repository, and report every run.

    \b
    Examples:
      crontopus-agent enroll --api-url https://api.example.com --token-stdin < token
      crontopus-agent install
      crontopus-agent status
      crontopus-agent doctor
    """


def main() -> NoReturn:
    """Run the command that the command line names."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        # Python would try once more at the very end, and complain about it.
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors that a person can act on are one line, not a traceback."""
    try:
        return _code(cli.main(list(arguments), prog_name="crontopus-agent", standalone_mode=False))
    except SystemExit as e:
        return _code(e.code)
    except click.ClickException as e:
        e.show()
        return USAGE if isinstance(e, click.UsageError) else EXPECTED
    except click.Abort:
        return EXPECTED
    except CrontopusError as e:
        _complain(in_words(e))
        return EXPECTED
    except BrokenPipeError:
        return DONE
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        _complain(f"error: {where}{e.strerror or e}")
        return EXPECTED
    except Exception as e:  # the last stop: what gets here is a bug of ours
        _complain(
            f"internal error: {type(e).__name__}: {e}", "please report it, with what `crontopus-agent support-bundle` writes"
        )
        return BUG


def _code(code: object) -> int:
    return code if isinstance(code, int) else DONE if code is None else EXPECTED


def _complain(*lines: str) -> None:
    with suppress(OSError):  # nobody may be listening any more
        click.echo(shown("\n".join(lines)), err=True)


if __name__ == "__main__":
    main()
