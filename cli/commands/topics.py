"""crontopus help: the help of a command, or a page on a topic."""

import click

from cli.config import ENVIRONMENT
from cli.errors import EXIT_CODES
from cli.groups import Command
from cli.settings import KEYS


def _exit_codes() -> str:
    return "\n".join(["Exit codes:", "", *(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())])


def _environment() -> str:
    return "\n".join(["Environment:", "", *(f"  {name:<20}  {meaning}" for name, meaning in ENVIRONMENT.items())])


def _settings() -> str:
    return "\n".join(
        ["Settings, for `crontopus config set`:", "", *(f"  {name:<20}  {key.meaning}" for name, key in KEYS.items())]
    )


TOPICS = {"exit-codes": _exit_codes, "environment": _environment, "settings": _settings}


@click.command("help", cls=Command)
@click.argument("words", metavar="[TOPIC | COMMAND...]", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command or a topic.

    Topics are exit-codes, environment and settings.
    """
    if len(words) == 1 and words[0] in TOPICS:
        click.echo(TOPICS[words[0]]())
        return
    shown = ctx.find_root()
    for word in words:
        if not isinstance(shown.command, click.Group):
            raise click.UsageError(f"{shown.command_path} has no commands of its own", ctx)
        _, command, _ = shown.command.resolve_command(shown, [word])
        if command is None:
            raise click.UsageError(f"no help for {word!r}", ctx)
        shown = click.Context(command, info_name=word, parent=shown)
    click.echo(shown.get_help())
