"""How a key of config.yaml is declared, read and written: one line in a dataclass says all that is known of it.

    sync_s: float = field(default=30, metadata=setting(seconds, is_in_environment=True))

What enrolment tells has `told(rule)`, what a person may set has `setting(rule)`; a dataclass within the dataclass is a section.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar, get_type_hints

from chalicelib.domain import yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.yaml_source import Source

PREFIX = "CRONTOPUS_"
_WHOLE = "the file"
Rule = Callable[[Any], Any]
T = TypeVar("T")


def told(rule: Rule) -> dict[str, Any]:
    """Return what declares a key that enrolment writes. rule: takes what YAML gave, returns the value or raises ValueError."""
    return {"rule": rule, "is_setting": False}


def setting(rule: Rule, *, is_in_environment: bool = False, is_shown: bool = False) -> dict[str, Any]:
    """Return what declares a key that a person may set; enrolling again leaves it as it is.

    is_in_environment: a variable overrides it, see `variable`. is_shown: enrolment writes it down although it is the default.
    """
    return {"rule": rule, "is_setting": True, "is_in_environment": is_in_environment, "is_shown": is_shown}


def variable(place: str) -> str:
    """Return the variable of the environment that overrides a key: CRONTOPUS_INTERVALS_SYNC_S for intervals.sync_s."""
    return PREFIX + place.replace(".", "_").upper()


def keys(kind: type[Any], prefix: str = "") -> dict[str, Mapping[str, Any]]:
    """Return every key, by its dotted place, with how it is declared."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, one, inner in _declared(kind):
        found |= keys(inner, f"{prefix}{name}.") if inner else {prefix + name: one.metadata}
    return found


def variables(kind: type[Any]) -> dict[str, str]:
    """Return the variables that override keys, each with the key's place."""
    return {variable(place): place for place, how in keys(kind).items() if how.get("is_in_environment")}


def read(kind: type[T], text: bytes, environ: Mapping[str, str]) -> T:
    """Return the configuration that a file and the environment say.

    Raise Invalid with every problem: the key's place, or the variable -> what is wrong, and where.
    """
    try:
        source = yaml_source.load(text)
    except Invalid as e:
        words = next(iter(e.problems.values()))
        raise Invalid.of({_WHOLE: words}) from e
    reading = _Reading(source, environ)
    values = reading.section(kind, "", source.data)
    if reading.problems:
        raise Invalid.of(reading.problems)
    return _build(kind, values)


def as_document(config: Any) -> dict[str, Any]:
    """Return what to write into the file: what was told, what is shown anyway, and what is not the default."""
    document: dict[str, Any] = {}
    for name, one, inner in _declared(type(config)):
        value = getattr(config, name)
        if inner:
            if part := as_document(value):
                document[name] = part
        elif not one.metadata["is_setting"] or one.metadata["is_shown"] or value != _default(one):
            document[name] = list(value) if isinstance(value, tuple) else value
    return document


def with_settings_of(config: T, former: T) -> T:
    """Return the configuration with what a person had set in the former one."""
    changes: dict[str, Any] = {}
    for name, one, inner in _declared(type(config)):
        before = getattr(former, name)
        if inner:
            changes[name] = with_settings_of(getattr(config, name), before)
        elif one.metadata["is_setting"]:
            changes[name] = before
    return replace(config, **changes)  # type: ignore[type-var]


def nearest(word: str, known: Mapping[str, object] | list[str]) -> str | None:
    """Return the known word that was probably meant."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _declared(kind: type[Any]) -> list[tuple[str, Field[Any], type[Any] | None]]:
    """Return name, field and, for a section, its class."""
    types = get_type_hints(kind)
    return [(one.name, one, types[one.name] if is_dataclass(types[one.name]) else None) for one in fields(kind)]


def _default(one: Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def _build(kind: type[T], values: Mapping[str, Any]) -> T:
    inner = {name: _build(section, values[name]) for name, _, section in _declared(kind) if section}
    return kind(**{**values, **inner})


class _Reading:
    """One pass over one file, which collects problems instead of stopping at the first."""

    def __init__(self, source: Source, environ: Mapping[str, str]) -> None:
        self.source = source
        self.environ = environ
        self.problems: dict[str, str] = {}

    def section(self, kind: type[Any], prefix: str, value: object) -> dict[str, Any]:
        place = prefix.rstrip(".")
        if not isinstance(value, dict) and (value is not None or not prefix):
            self._problem(place or _WHOLE, "must be a map of keys and values")
            value = None
        section: dict[str, Any] = value if isinstance(value, dict) else {}
        declared = _declared(kind)
        self._refuse_unknown(prefix, section, [name for name, _, _ in declared])
        values: dict[str, Any] = {}
        for name, one, inner in declared:
            if inner:
                values[name] = self.section(inner, f"{prefix}{name}.", section.get(name))
            elif not self._override(f"{prefix}{name}", one, name, values):
                self._value(f"{prefix}{name}", one, name, section.get(name), values)
        return values

    def _value(self, place: str, one: Field[Any], name: str, value: object, values: dict[str, Any]) -> None:
        if value is None:
            if one.default is MISSING and one.default_factory is MISSING and place.split(".")[0] not in self.problems:
                self._problem(place, "is required")
            return
        try:
            values[name] = one.metadata["rule"](value)
        except ValueError as e:
            self._problem(place, str(e))

    def _override(self, place: str, one: Field[Any], name: str, values: dict[str, Any]) -> bool:
        """Take the value from the environment if it is there, and say whether it was."""
        written = self.environ.get(variable(place)) if one.metadata.get("is_in_environment") else None
        if not written:
            return False
        try:
            values[name] = _from_text(one.metadata["rule"], written)
        except ValueError as e:
            self.problems[variable(place)] = f"{e} (from the environment)"
        return True

    def _refuse_unknown(self, prefix: str, section: Mapping[str, object], known: list[str]) -> None:
        for key in section:
            if key not in known:
                near = nearest(key, known)
                hint = f"did you mean {prefix}{near}?" if near else f"known are {', '.join(known)}"
                self._problem(f"{prefix}{key}", f"unknown key; {hint}")

    def _problem(self, place: str, words: str) -> None:
        self.problems[place] = words + self.source.place("" if place == _WHOLE else place)


def _from_text(rule: Rule, written: str) -> Any:
    """Return the value of a variable: as text where the rule takes text, else what YAML makes of it."""
    try:
        return rule(written)
    except ValueError:
        try:
            return rule(yaml_source.load(written.encode()).data)
        except Invalid as e:
            raise ValueError("cannot be read") from e
