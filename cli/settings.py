"""What is in force: the flag, else the environment, else the profile, else the default. Each value knows where it is from."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import urlsplit

import click

from cli.formats import FORMATS
from cli.profiles import DEFAULT, Configuration, Setting, refuse_name

DEFAULT_API_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Value:
    """A setting in force, and what set it, in words."""

    text: str
    origin: str

    @property
    def is_on(self) -> bool:
        return self.text == "true"


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. problem: tells in words what is wrong with a value, None if nothing is."""

    meaning: str
    default: str
    problem: Callable[[str], str | None]
    flag: str
    variable: Callable[[Mapping[str, str]], "Value | None"]


@dataclass(frozen=True, slots=True)
class Settings:
    """token: from CRONTOPUS_TOKEN; None means the stored login counts."""

    values: Mapping[str, Value]
    token: str | None

    @property
    def api_url(self) -> str:
        return self.values["api_url"].text

    @property
    def profile(self) -> str:
        return self.values["profile"].text

    @property
    def account(self) -> str:
        """What a stored login is known by: the address, as before there were profiles, or the profile at the address."""
        return self.api_url if self.profile == DEFAULT else f"{self.profile}@{self.api_url}"


def address_problem(address: str) -> str | None:
    """Return in words why this cannot be the address of an API, or None."""
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as e:
        return f"the address cannot be read ({e})"
    example = f"; write it like {DEFAULT_API_URL} or https://crontopus.example.com"
    if parts.scheme not in ("http", "https") or not has_host:
        return "the address must begin with http:// or https:// and name a host" + example
    # A password in an address ends up in process lists, logs and error messages.
    if parts.username is not None:
        return "the address must not hold a user name or password" + example
    return "the address must not hold ? or #" + example if parts.query or parts.fragment else None


def _one_of(*words: str) -> Callable[[str], str | None]:
    return lambda text: None if text in words else f"must be one of {', '.join(words)}, not {text!r}"


def _command_problem(command: str) -> str | None:
    try:
        return None if shlex.split(command) else "must be a command; cat is none"
    except ValueError as e:
        return f"cannot be read as a command ({e})"


def _variable(name: str = "") -> Callable[[Mapping[str, str]], Value | None]:
    return lambda environ: Value(environ[name], name) if environ.get(name) else None


def _colour_variable(environ: Mapping[str, str]) -> Value | None:
    """Source: no-color.org; bixense.com/clicolors."""
    if environ.get("NO_COLOR"):
        return Value("never", "NO_COLOR")
    if environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return Value("always", "CLICOLOR_FORCE")
    return Value("never", "CLICOLOR") if environ.get("CLICOLOR") == "0" else None


_SWITCH = _one_of("true", "false")
KEYS = {
    "api_url": Key("address of the API", DEFAULT_API_URL, address_problem, "--api-url", _variable("CRONTOPUS_API_URL")),
    "output": Key(f"form of results: {', '.join(FORMATS)}", "table", _one_of(*FORMATS), "--output", _variable()),
    "color": Key("colours: auto, always, never", "auto", _one_of("auto", "always", "never"), "--color", _colour_variable),
    "utc": Key("times in UTC instead of local time: true, false", "false", _SWITCH, "--utc", _variable()),
    "absolute_time": Key("times in full instead of `3m ago`: true, false", "false", _SWITCH, "--absolute-time", _variable()),
    "pager": Key("what shows long results; cat is none", "cat", _command_problem, "--no-pager", _variable("CRONTOPUS_PAGER")),
}


def resolve(
    environ: Mapping[str, str], flags: Mapping[str, str], configuration: Configuration, *, last_api_url: str | None = None
) -> Settings:
    """Return the settings in force. last_api_url: where the last login went, before there were profiles.

    Raise click.UsageError, naming the culprit, for a value that cannot be used.
    """
    profile = profile_of(environ, flags, configuration)
    stored = configuration.profiles.get(profile.text, {})
    for key in stored:
        refuse_unknown(key, f"config.toml, [profiles.{profile.text}]")
    older = {"api_url": Value(last_api_url, "last login")} if last_api_url and profile.text == DEFAULT else {}
    if pager := environ.get("PAGER"):
        older["pager"] = Value(pager, "PAGER")
    found = {name: _chosen(name, environ, flags, stored, profile.text) or older.get(name) for name in KEYS}
    values = {name: value or Value(KEYS[name].default, "default") for name, value in found.items()}
    for name, value in values.items():
        if problem := KEYS[name].problem(value.text):
            raise click.UsageError(f"{value.origin}: {problem}")
    values["api_url"] = Value(values["api_url"].text.rstrip("/"), values["api_url"].origin)
    return Settings({"profile": profile, **values}, _token(environ))


def profile_of(environ: Mapping[str, str], flags: Mapping[str, str], configuration: Configuration) -> Value:
    """Return which profile is in force."""
    candidates = (
        Value(flags.get("profile", ""), "--profile"),
        Value(environ.get("CRONTOPUS_PROFILE", ""), "CRONTOPUS_PROFILE"),
        Value(configuration.in_use or "", "config.toml"),
    )
    chosen = next((value for value in candidates if value.text), Value(DEFAULT, "default"))
    refuse_name(chosen.text)
    return chosen


def refuse_unknown(key: str, where: str) -> None:
    """Raise click.UsageError for what is no setting, with the nearest that is one."""
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1)
        advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(KEYS)}"
        raise click.UsageError(f"{where}: there is no setting {key!r}; {advice}")


def stored_value(key: str, value: str) -> Setting:
    """Return a setting as config.toml holds it. Raise click.UsageError if there is no such one, or not with this value."""
    refuse_unknown(key, "config set")
    if problem := KEYS[key].problem(value):
        raise click.UsageError(f"{key}: {problem}")
    return value == "true" if value in ("true", "false") else value


def text_of(value: Setting) -> str:
    """Return a stored value as it is shown and typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _chosen(
    name: str, environ: Mapping[str, str], flags: Mapping[str, str], stored: Mapping[str, Setting], profile: str
) -> Value | None:
    key = KEYS[name]
    candidates = (
        Value(flags.get(name, ""), key.flag),
        key.variable(environ),
        Value(text_of(stored.get(name, "")), f"config.toml, [profiles.{profile}]"),
    )
    return next((value for value in candidates if value and value.text), None)


def _token(environ: Mapping[str, str]) -> str | None:
    token = environ.get("CRONTOPUS_TOKEN", "").strip()
    if problem := token_problem(token):
        raise click.UsageError(f"CRONTOPUS_TOKEN {problem}")
    return token or None


def token_problem(token: str) -> str | None:
    """Return in words why this cannot be a token, or None."""
    is_plain = token.isascii() and (token.isprintable() or not token) and " " not in token
    return None if is_plain else "holds characters that no token has"
