"""docs/cli.md and the program say the same."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.config import ENVIRONMENT
from cli.errors import EXIT_CODES
from cli.main import root
from cli.settings import DEFAULT_API_URL
from tests.unit.cli_fakes import run

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
EXAMPLES = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


def words_of(example: str) -> list[str]:
    """Return what follows `crontopus` in an example, up to a pipe or redirection."""
    words = shlex.split(example)
    words = words[words.index("crontopus") + 1 :]
    end = next((i for i, word in enumerate(words) if word in ("|", ">", "<")), len(words))
    return words[:end]


def resolved(words: list[str]) -> tuple[click.Context, list[str]]:
    """Return the command that these words name, and what is left for it."""
    ctx = click.Context(root, info_name="crontopus")
    while isinstance(ctx.command, click.Group):
        name, command, words = ctx.command.resolve_command(ctx, words)
        assert command
        ctx = click.Context(command, info_name=name, parent=ctx)
    return ctx, words


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    """Yield the words of every command below a group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_understood(example: str) -> None:
    ctx, words = resolved(words_of(example))

    _, left_over, _ = ctx.command.make_parser(ctx).parse_args(words)

    assert left_over == []


@pytest.mark.parametrize("command", list(commands(root)))
def test_every_command_has_an_example(command: str) -> None:
    assert any(example.startswith(f"crontopus {command}") for example in EXAMPLES)


@pytest.mark.parametrize("command", [command for command in commands(root) if command != "help"])
def test_every_option_is_explained(command: str) -> None:
    ctx, _ = resolved(command.split())

    options = [param for param in ctx.command.params if isinstance(param, click.Option)]
    explained = {"--username", "--email", "--expires-in-hours"}
    assert [option.opts for option in options if not option.help and not explained & set(option.opts)] == []


@pytest.mark.parametrize("command", ["", *root.commands, *commands(root)])
def test_help_fits_a_terminal_of_80_columns(command: str) -> None:
    lines = run(*command.split(), "--help").stdout.splitlines()

    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("group", ["", *(name for name, command in root.commands.items() if isinstance(command, click.Group))])
def test_no_command_is_cut_short_where_commands_are_listed(group: str) -> None:
    # As narrow as click makes it on a terminal of 80 columns.
    lines = CliRunner().invoke(root, [*group.split(), "--help"], terminal_width=78).stdout.splitlines()

    assert [line for line in lines if line.endswith("...") and not line.startswith("Usage")] == []


def test_exit_codes_and_variables_are_those_of_the_program() -> None:
    rows = dict(re.findall(r"^\| `?([A-Z0-9_]+)`? \| (.+) \|$", PAGE, re.M))

    assert rows == {str(code): meaning for code, meaning in EXIT_CODES.items()} | ENVIRONMENT


def test_the_default_address_is_that_of_the_program() -> None:
    assert f"`{DEFAULT_API_URL}`" in PAGE
