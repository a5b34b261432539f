"""config.toml: named sets of settings, of which one is in use."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import tomli_w

from cli import files
from cli.errors import Failure, NotFound

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,62}")

Setting = str | bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """in_use: the profile that counts where nothing else names one; None before `config use`."""

    in_use: str | None = None
    profiles: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)


class Profiles:
    """The file. It is written as a whole; what stands in it beside our own keys makes it refused, not lost."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.toml"

    def read(self) -> Configuration:
        """Return what the file says, nothing before there is one. Raise Failure if it cannot be read."""
        try:
            data = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Configuration()
        except OSError as e:
            raise Failure(f"cannot read {self.path}: {e.strerror}") from e
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise Failure(f"{self.path} is no TOML: {e}", hints=["correct it, or delete it"]) from e
        in_use, profiles = data.pop("profile", None), data.pop("profiles", {})
        if data:
            raise self._misshapen(f"knows no {next(iter(data))!r} at its top; known are 'profile' and [profiles.NAME]")
        if not isinstance(in_use, str | None) or not isinstance(profiles, dict):
            raise self._misshapen("needs a text as 'profile' and tables as [profiles.NAME]")
        if wrong := [name for name, values in profiles.items() if not isinstance(values, dict)]:
            raise self._misshapen(f"needs a table as [profiles.{wrong[0]}]")
        return Configuration(in_use, profiles)

    def put(self, profile: str, key: str, value: Setting | None) -> None:
        """Store one setting of a profile, which is made if need be; None takes it away, and the profile with its last one."""
        refuse_name(profile)
        before = self.read()
        values = {name: given for name, given in {**before.profiles.get(profile, {}), key: value}.items() if given is not None}
        others = {name: given for name, given in before.profiles.items() if name != profile}
        self._write(Configuration(before.in_use, {**others, profile: values} if values else others))

    def use(self, profile: str) -> None:
        """Make this profile the one that counts. Raise NotFound if there is none."""
        before = self.read()
        if profile != DEFAULT and profile not in before.profiles:
            raise NotFound(
                f"no profile {profile!r}", hints=[f"make it: crontopus auth login --profile {profile} --api-url URL"]
            )
        self._write(Configuration(profile, before.profiles))

    def _write(self, configuration: Configuration) -> None:
        top: dict[str, object] = {"profile": configuration.in_use} if configuration.in_use else {}
        files.replace(self.path, tomli_w.dumps({**top, "profiles": configuration.profiles}))

    def _misshapen(self, what: str) -> Failure:
        return Failure(f"{self.path} {what}", hints=["correct it, or delete it"])


def refuse_name(profile: str) -> None:
    """Raise click.UsageError for what cannot name a profile."""
    if not _NAME.fullmatch(profile):
        raise click.UsageError(f"{profile!r} cannot name a profile: letters, digits, - _ . and at most 63 of them")
