"""The click classes behind every command: they add the options that all commands share."""

from collections.abc import Mapping
from typing import Any

import click

from cli import formats
from cli.invocation import Invocation

# So that a command may have an argument of the same name.
_OURS = "setting_"
MORE_OPTIONS = "Options that every command takes: crontopus --help"


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value:
        ctx.ensure_object(Invocation).flags[str(param.name).removeprefix(_OURS)] = str(value)


def _switch(setting: str, value: str) -> Any:
    """Return a callback for a flag that stands for one value of a setting."""

    def keep(ctx: click.Context, param: click.Parameter, is_given: bool) -> None:
        if is_given:
            ctx.ensure_object(Invocation).flags[setting] = value

    return keep


def _keep_query(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        formats.refuse_query(value)
        ctx.ensure_object(Invocation).query = value


def _keep_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).debug = True


def shared_options(*, is_short: bool) -> list[click.Parameter]:
    """Return the options that every command takes. is_short: whether its help leaves the rarer ones to `crontopus --help`."""

    def option(name: str, callback: Any, help: str, **more: Any) -> click.Option:
        names = ["-o", name] if name == "--output" else [name]
        own = f"{_OURS}{name.removeprefix('--').replace('-', '_')}"
        return click.Option([*names, own], expose_value=False, callback=callback, help=help, **more)

    forms, colours = click.Choice(formats.FORMATS), click.Choice(["auto", "always", "never"])
    rare: dict[str, Any] = {"hidden": is_short}
    rare_flag = {**rare, "is_flag": True}
    return [
        option("--output", _keep, ", ".join(formats.FORMATS) + ".", type=forms, metavar="FORM"),
        option("--json", _switch("output", "json"), "Same as -o json.", is_flag=True),
        option("--query", _keep_query, "Print this part of the JSON.", metavar="JMESPATH"),
        option("--profile", _keep, "Profile of config.toml to use.", metavar="NAME"),
        option("--api-url", _keep, "Address of the Crontopus API.", metavar="URL", **rare),
        option("--utc", _switch("utc", "true"), "Times in UTC.", **rare_flag),
        option("--absolute-time", _switch("absolute_time", "true"), "Times in full, not as `3m ago`.", **rare_flag),
        option("--color", _keep, "Colours; by default on a terminal.", type=colours, **rare),
        option("--no-pager", _switch("pager", "cat"), "Print long results straight away.", **rare_flag),
        option("--debug", _keep_debug, "Trace HTTP on stderr, without secrets.", **rare_flag),
    ]


class Command(click.Command):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"epilog": MORE_OPTIONS, **kwargs})
        self.params += shared_options(is_short=True)

    def invoke(self, ctx: click.Context) -> Any:
        ctx.ensure_object(Invocation).refuse_clash()
        return super().invoke(ctx)


class Group(click.Group):
    """aliases: other name -> name. They work and complete like the name, and stay out of the list of commands."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, is_root: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = dict(aliases or {})
        self.params += shared_options(is_short=not is_root)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))
