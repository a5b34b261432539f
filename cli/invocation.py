"""One run of the program: what was said on its command line, and the doors that follow from it."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import cast

import click
import requests

from cli import config, settings, text
from cli.browser import open_browser
from cli.client import Client
from cli.credentials import Logins
from cli.errors import Failure
from cli.keyrings import Keyring, find_keyring
from cli.output import Look, Printer
from cli.profiles import Profiles
from cli.settings import Settings
from cli.tables import Colour
from cli.transport import Transport


def version() -> str:
    """Return the version that is installed."""
    try:
        return metadata.version("crontopus")
    except metadata.PackageNotFoundError:
        return "0+source"


def _now() -> datetime:
    return datetime.now(UTC)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass
class Invocation:
    """The first fields are the world, the last ones are what the options say that every command takes.

    flags: setting -> what its option said.
    """

    environ: Mapping[str, str] = field(default_factory=config.environment)
    session: requests.Session = field(default_factory=requests.Session)
    now: Callable[[], datetime] = _now
    zone: tzinfo | None = None
    has_terminal: Callable[[], bool] = _has_terminal
    sleep: Callable[[float], None] = time.sleep
    open_browser: Callable[[str, Mapping[str, str]], bool] = open_browser
    find_keyring: Callable[[], Keyring | None] = find_keyring
    debug: bool = False
    query: str = ""
    flags: dict[str, str] = field(default_factory=dict)

    @cached_property
    def logins(self) -> Logins:
        return Logins(config.folder(self.environ), self.find_keyring)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(config.folder(self.environ))

    def browse(self, address: str) -> bool:
        """Show an address in the person's browser. False if that cannot be."""
        return self.open_browser(address, self.environ)

    @property
    def has_editor(self) -> bool:
        return bool(self.environ.get("VISUAL") or self.environ.get("EDITOR"))

    @property
    def cache_folder(self) -> Path:
        return config.cache_folder(self.environ)

    @cached_property
    def settings(self) -> Settings:
        return settings.resolve(self.environ, self.flags, self.profiles.read(), last_api_url=self.logins.last_api_url)

    @cached_property
    def client(self) -> Client:
        agent = f"crontopus-cli/{version()}"
        transport = Transport(self.settings.api_url, self.session, trace=self._trace, user_agent=agent)
        return Client(transport, self.logins, self.settings.account, token=self.settings.token)

    @cached_property
    def _endpoint_names(self) -> dict[str, str]:
        try:
            return {str(one["id"]): str(one["name"]) for one in self.client.get("/api/endpoints").part("endpoints")}
        except Failure:
            return {}  # a token may read runs and no endpoints

    def endpoint_name(self, endpoint_id: str | None) -> str | None:
        """Return what a person calls an endpoint; its id in forms for programs, and where the name cannot be had."""
        if endpoint_id is None or not self.printer.is_table:
            return endpoint_id
        return self._endpoint_names.get(endpoint_id, endpoint_id)

    @cached_property
    def printer(self) -> Printer:
        values = self.settings.values
        form = values["output"].text
        if self.query and form not in ("yaml", "name"):
            form = "json"
        look = Look(
            form=form,
            query=self.query,
            colour=cast(Colour, values["color"].text),
            is_absolute=values["absolute_time"].is_on,
            zone=UTC if values["utc"].is_on else self.zone,
            pager=values["pager"].text,
            environ=self.environ,
        )
        return Printer(look, self.now())

    def refuse_clash(self) -> None:
        """Raise click.UsageError for options that exclude each other, before anything is done."""
        if self.query and self.flags.get("output") in ("table", "wide", "csv"):
            raise click.UsageError(f"--query gives json, yaml or name, not {self.flags['output']}")

    def close(self) -> None:
        """Show what waits for the pager."""
        if "printer" in vars(self):
            self.printer.close()

    def confirm(self, action: str, *, yes: bool) -> None:
        """Ask before something is destroyed. action: `delete job nightly`.

        Raise click.UsageError where nobody can answer, Failure if the answer is no.
        """
        if yes:
            return
        if not self.has_terminal():
            raise click.UsageError(f"pass --yes to {text.visible(action)}; there is no terminal to ask on")
        if not click.confirm(f"Really {text.visible(action)}?", err=True):
            raise Failure(f"did not {action}")

    def ask(self, question: str, option: str, *, is_secret: bool = False, is_new: bool = False) -> str:
        """Return what the person types. is_new: a secret that is made up now, so it is asked for twice.

        Raise click.UsageError, naming the option to use instead, where nobody can answer.
        """
        if not self.has_terminal():
            raise click.UsageError(f"pass {option}; there is no terminal to ask on")
        answer: str = click.prompt(question, hide_input=is_secret, confirmation_prompt=is_new, err=True)
        return answer

    def _trace(self, line: str) -> None:
        if self.debug:
            click.echo(text.visible(line), err=True)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
