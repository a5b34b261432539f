"""Numbers as Prometheus reads them: the text format, version 0.0.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["gauge", "counter", "summary"]


@dataclass(frozen=True, slots=True)
class Sample:
    """suffix: what stands behind the family's name, `_sum` or `_count` of a summary."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its samples. name: with its unit at the end, and `_total` if it counts."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help_text: str, samples: Iterable[Sample]) -> Family:
    return Family(name, "gauge", help_text, tuple(samples))


def by(label: str, counts: Mapping[str, float]) -> list[Sample]:
    """Return one sample for each name in `counts`."""
    return [Sample(value, {label: name}) for name, value in counts.items()]


def exposition(families: Iterable[Family]) -> str:
    """Return the text that a scraper reads. A family without samples is left out."""
    return "".join(_text(family) for family in families if family.samples)


def _text(family: Family) -> str:
    lines = [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}"]
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in sample.labels.items())
        within = f"{{{labels}}}" if labels else ""
        lines.append(f"{family.name}{sample.suffix}{within} {_number(sample.value)}")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
