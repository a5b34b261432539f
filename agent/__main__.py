"""crontopus-agent: the commands of the agent.

A command is loaded when it runs: git and HTTP take longer to load than `status` takes to answer.
"""

import sys
from importlib import import_module
from typing import NoReturn

import click

from agent.errors import in_words
from agent.machine import VERSION
from chalicelib.domain.errors import CrontopusError

DONE, EXPECTED, USAGE, BUG = 0, 1, 2, 3
COMMANDS = (
    "audit",
    "diff",
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
    """Keep this user's crontab in line with the tenant's repository, and report every run."""


def main() -> NoReturn:
    """Run a command; errors that a person can act on are one line, not a traceback."""
    try:
        sys.exit(cli.main(prog_name="crontopus-agent", standalone_mode=False))
    except click.ClickException as e:
        e.show()
        sys.exit(USAGE if isinstance(e, click.UsageError) else EXPECTED)
    except click.Abort:
        sys.exit(EXPECTED)
    except CrontopusError as e:
        click.echo(in_words(e), err=True)
        sys.exit(EXPECTED)
    except BrokenPipeError:
        sys.exit(DONE)
    except Exception as e:  # the last stop: what gets here is a bug of ours
        click.echo(f"internal error: {type(e).__name__}: {e}\nplease report it, with agent.log", err=True)
        sys.exit(BUG)


if __name__ == "__main__":
    main()
