"""The click classes behind every command: they add the options that all commands share."""

from collections.abc import Mapping
from typing import Any

import click

from cli.invocation import Invocation

# So that a command may have an argument of the same name.
_OURS = "setting_"


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value and not ctx.resilient_parsing:
        setattr(ctx.ensure_object(Invocation), str(param.name), value)


def _remember_flag(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value:
        ctx.ensure_object(Invocation).flags[str(param.name).removeprefix(_OURS)] = str(value)


def _remember_json(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value and not ctx.resilient_parsing:
        ctx.ensure_object(Invocation).output = "json"


def _shared_options() -> list[click.Parameter]:
    kept: dict[str, Any] = {"expose_value": False, "callback": _remember}
    flag: dict[str, Any] = {"expose_value": False, "callback": _remember_flag}
    return [
        click.Option(["-o", "--output"], type=click.Choice(["table", "json"]), help="How to print the result.", **kept),
        click.Option(["--json"], is_flag=True, help="Same as -o json.", expose_value=False, callback=_remember_json),
        click.Option(["--profile", f"{_OURS}profile"], metavar="NAME", help="Profile of config.toml to use.", **flag),
        click.Option(["--api-url", f"{_OURS}api_url"], metavar="URL", help="Address of the Crontopus API.", **flag),
        click.Option(["--debug"], is_flag=True, help="Trace HTTP on stderr, without secrets.", **kept),
    ]


class Command(click.Command):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _shared_options()


class Group(click.Group):
    """aliases: other name -> name. They work and complete like the name, and stay out of the list of commands."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = dict(aliases or {})
        self.params += _shared_options()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))
