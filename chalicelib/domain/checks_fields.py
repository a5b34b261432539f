"""The fields of a healthchecks check as a job has them: where each one lives in the manifest, and back."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from chalicelib.domain import durations, names
from chalicelib.domain.checks import DEFAULT_ZONE, DESCRIPTION, NAME, SLUG, slug_of
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job

DEFAULT_PERIOD_S = 86400
DEFAULT_GRACE_S = 3600
# What a manifest's rules complain about -> the field that a caller of the management API has written.
FIELDS = {
    "spec.schedule": "schedule",
    "spec.timezone": "tz",
    "spec.period": "timeout",
    "spec.grace": "grace",
    "metadata.labels": "tags",
    "metadata.annotations": "desc",
    "metadata.name": "name",
}
_SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller says about a check; None is left as it is."""

    name: str | None = None
    slug: str | None = None
    tags: str | None = None
    desc: str | None = None
    timeout: int | None = None
    grace: int | None = None
    schedule: str | None = None
    tz: str | None = None
    manual_resume: bool | None = None
    methods: str | None = None


def new_job(name: str, slug: str) -> Job:
    """Return the job that a check without further words is: a ping a day, an hour of grace."""
    annotations = {SLUG: slug} if slug != name else {}
    return Job(
        id=None,
        name=name,
        namespace=names.DEFAULT,
        checkin_by="ping",
        period_s=DEFAULT_PERIOD_S,
        grace_s=DEFAULT_GRACE_S,
        annotations=annotations,
    )


def changed(job: Job, wanted: Wanted) -> Job:
    """Return the job as it is wanted. A schedule takes the place of a period, and the other way round. Raise Invalid."""
    annotations = _annotations(job, {NAME: wanted.name, SLUG: wanted.slug, DESCRIPTION: wanted.desc})
    labels = job.labels if wanted.tags is None else _labels(job, wanted.tags)
    job = replace(job, annotations=annotations, labels=labels)
    if wanted.schedule is not None:
        job = replace(job, schedule=wanted.schedule, period_s=None, timezone=job.timezone or DEFAULT_ZONE)
    elif wanted.timeout is not None:
        job = replace(job, schedule=None, timezone=None, period_s=_seconds("timeout", wanted.timeout))
    if wanted.tz is not None and job.schedule:
        job = replace(job, timezone=wanted.tz)
    if wanted.grace is not None:
        job = replace(job, grace_s=_seconds("grace", wanted.grace))
    if wanted.manual_resume is not None:
        job = replace(job, checkin_resume="manual" if wanted.manual_resume else "any")
    if wanted.methods is not None:
        job = replace(job, checkin_methods="post" if wanted.methods == "POST" else "any")
    return job


def _annotations(job: Job, wanted: Mapping[str, str | None]) -> dict[str, str]:
    annotations = dict(job.annotations)
    for key, value in wanted.items():
        if value is None:
            continue
        if not value or (key != DESCRIPTION and value == job.name):
            annotations.pop(key, None)
        else:
            annotations[key] = value
    return annotations


def _seconds(field: str, span_s: int) -> int:
    try:
        return durations.seconds(durations.text_of(span_s))
    except ValueError as e:
        raise Invalid.of({field: "is more than 115 days and no whole number of minutes"}) from e


def name_of(job: Job) -> str:
    """Return what people call a check."""
    return job.annotations.get(NAME) or job.name


def tags_of(job: Job) -> str:
    """Return the labels as tags: `key` for one without a value, `key=value` for the others; those with blanks are left out."""
    tags = (f"{key}={value}" if value else key for key, value in job.labels.items())
    return " ".join(tag for tag in tags if not re.search(r"\s", tag))


def _labels(job: Job, tags: str) -> dict[str, str]:
    labels = {key: value for key, value in job.labels.items() if re.search(r"\s", key + value)}
    for tag in tags.split():
        key, _, value = tag.partition("=")
        if key == _SOURCE and value:
            raise Invalid.of({"tags": f"{tag!r} says who found a job, which only an agent may"})
        if not key or key in labels or (value == "" and "=" in tag):
            key, value = tag, ""
        labels[key] = value
    return labels


def matches(job: Job, wanted: Wanted, unique: Collection[str]) -> bool:
    """Tell whether a check has the wanted values in all of these fields."""
    has = {
        "name": name_of(job),
        "slug": slug_of(job),
        "tags": tags_of(job),
        "timeout": job.period_s,
        "grace": job.grace_s,
    }
    given = {field: getattr(wanted, field) for field in unique}
    defaults = {"name": "", "slug": "", "tags": "", "timeout": DEFAULT_PERIOD_S, "grace": DEFAULT_GRACE_S}
    return all(has[field] == (defaults[field] if value is None else value) for field, value in given.items())


def file_name(text: str, taken: Collection[str]) -> str:
    """Return a name for the job of a check that is called so, none of those that are taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: names.MAX_NAME].strip("-") or "check"
    candidate, number = plain, 2
    while candidate in taken:
        ending = f"-{number}"
        candidate, number = plain[: names.MAX_NAME - len(ending)].rstrip("-") + ending, number + 1
    return candidate
