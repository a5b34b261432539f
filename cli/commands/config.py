"""crontopus config: settings that hold until they are changed, in profiles."""

import click

from cli import completion, settings
from cli.answers import Body
from cli.errors import NotFound
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.profiles import DEFAULT, Configuration
from cli.tables import Column

_SETTINGS = (Column("SETTING", is_name=True), Column("VALUE", is_flexible=True))
_ORIGINS = (*_SETTINGS, Column("ORIGIN"))
_PROFILES = (Column("PROFILE", is_name=True), Column("IN USE"), Column("API URL", is_flexible=True), Column("LOGIN"))

_key = click.argument(
    "key", metavar="SETTING", shell_complete=lambda ctx, param, typed: [key for key in settings.KEYS if key.startswith(typed)]
)


@click.group("config", cls=Group)
def config() -> None:
    """See and keep settings, in profiles."""


@config.command("view")
@click.option("--show-origin", is_flag=True, help="Say for each setting what set it.")
@pass_invocation
def view(invocation: Invocation, show_origin: bool) -> None:
    """Show the settings in force.

    An option wins over the environment, that over the profile, that over the default.
    """
    values = invocation.settings.values
    shown = {name: {"value": value.text, "origin": value.origin} for name, value in values.items()}
    columns = _ORIGINS if show_origin else _SETTINGS
    rows = ([name, value.text, value.origin][: len(columns)] for name, value in values.items())
    invocation.printer.listing({"settings": shown}, columns, rows)


@config.command("set")
@_key
@click.argument("value")
@pass_invocation
def set_(invocation: Invocation, key: str, value: str) -> None:
    """Keep a setting in the profile.

    That is the profile in force; --profile names another, which is made if need be.

    \b
    Examples:
      crontopus config set output json
      crontopus config set api_url https://crontopus.example.com --profile work
    """
    stored = settings.stored_value(key, value)
    profile = _profile(invocation)
    invocation.profiles.put(profile, key, stored)
    body = {"profile": profile, "setting": key, "value": stored}
    invocation.printer.done(body, f"Set {key} in the profile {profile}.", name=key)


@config.command("unset")
@_key
@pass_invocation
def unset(invocation: Invocation, key: str) -> None:
    """Take a setting out of the profile."""
    profile = _profile(invocation)
    if key not in invocation.profiles.read().profiles.get(profile, {}):
        raise NotFound(f"the profile {profile} does not set {key!r}", hints=["see `crontopus config view --show-origin`"])
    invocation.profiles.put(profile, key, None)
    body = {"profile": profile, "setting": key}
    invocation.printer.done(body, f"Took {key} out of the profile {profile}.", name=key)


@config.command("use")
@click.argument("profile", shell_complete=completion.profiles)
@pass_invocation
def use(invocation: Invocation, profile: str) -> None:
    """Make a profile the one that later commands use."""
    invocation.profiles.use(profile)
    invocation.printer.done({"profile": profile}, f"Later commands use the profile {profile}.", name=profile)
    if invocation.environ.get("CRONTOPUS_PROFILE"):
        invocation.printer.note("warning: CRONTOPUS_PROFILE is set and wins over this")


@config.command("profiles")
@pass_invocation
def list_profiles(invocation: Invocation) -> None:
    """List the profiles, and which of them have a login."""
    found = [_facts(invocation, name) for name in sorted({DEFAULT, *invocation.profiles.read().profiles})]
    rows = ([one["name"], "yes" if one["is_in_use"] else "", one["api_url"], one["login"]] for one in found)
    invocation.printer.listing({"profiles": found}, _PROFILES, rows)


def _profile(invocation: Invocation) -> str:
    """Return the profile in force, also where one of its settings is wrong and is about to be corrected."""
    invocation.settings = settings.resolve(invocation.environ, invocation.flags, Configuration())
    return settings.profile_of(invocation.environ, invocation.flags, invocation.profiles.read()).text


def _facts(invocation: Invocation, profile: str) -> Body:
    configuration, last = invocation.profiles.read(), invocation.logins.last_api_url
    found = settings.resolve({}, {"profile": profile}, configuration, last_api_url=last)
    where = invocation.logins.accounts.get(found.account)
    is_in_use = profile == invocation.settings.profile
    return {"name": profile, "is_in_use": is_in_use, "api_url": found.api_url, "login": where}
