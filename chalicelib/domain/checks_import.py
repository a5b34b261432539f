"""What other services hold about jobs, as jobs: their own JSON in, manifests out. Pure; nothing is asked of anybody."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from chalicelib.domain import checks_fields, ids, manifest, names
from chalicelib.domain.checks import DEFAULT_ZONE, DESCRIPTION, SLUG
from chalicelib.domain.checks_fields import Wanted
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job

Source = Literal["healthchecks", "cronitor", "crontab"]
_EVERY = re.compile(r"every\s+(\d+)?\s*(second|minute|hour|day)s?", re.IGNORECASE)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Imported:
    """One thing of the source. job: None where it cannot be a job. notes: what is lost or has to be looked at."""

    name: str
    job: Job | None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Names:
    """Names for jobs of one namespace, each given once."""

    namespace: str
    taken: set[str] = field(default_factory=set)

    def free(self, text: str) -> str:
        name = checks_fields.file_name(text, self.taken)
        self.taken.add(name)
        return name


def from_healthchecks(document: Any, given: Names) -> list[Imported]:
    """Return the checks of `GET /api/v3/checks/` (or v1, v2), under their own ids. Raise Invalid if it is something else."""
    return [checked(str(check.get("name") or ""), partial(_of_check, check, given)) for check in _list(document, "checks")]


def from_cronitor(document: Any, given: Names) -> list[Imported]:
    """Return the monitors of `GET /api/monitors`. Raise Invalid if it is something else."""
    return [checked(_title(one), partial(_of_monitor, one, given)) for one in _list(document, "monitors")]


def _list(document: Any, key: str) -> list[dict[str, Any]]:
    found = document.get(key) if isinstance(document, dict) else document
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Invalid.of({key: f"is no list of {key}; give the JSON that the API of that service answers with"})
    return found


def checked(name: str, make: Callable[[], Imported]) -> Imported:
    """Return what was made if a manifest may say it, else why not."""
    try:
        made = make()
        if made.job:
            path = names.manifest_path(made.job.namespace, made.job.name)
            manifest.parse(manifest.dump(made.job).encode(), path, strict=True)
    except Invalid as e:
        words = "; ".join(re.sub(r" \(line \d+, column \d+\)$", "", problem) for problem in e.problems.values())
        return Imported(name, None, (words,))
    except (TypeError, ValueError, AttributeError) as e:
        return Imported(name, None, (f"a field is not what that service documents: {e}",))
    return made


def _of_check(check: Mapping[str, Any], given: Names) -> Imported:
    name = given.free(check.get("slug") or check.get("name") or "")
    wanted = Wanted(
        name=check.get("name"),
        slug=check.get("slug"),
        tags=check.get("tags"),
        desc=check.get("desc"),
        timeout=check.get("timeout"),
        grace=check.get("grace"),
        schedule=check.get("schedule"),
        tz=check.get("tz"),
        manual_resume=check.get("manual_resume"),
        methods=check.get("methods"),
    )
    job = replace(checks_fields.changed(checks_fields.new_job(name, name), wanted), namespace=given.namespace)
    uuid = str(check.get("uuid") or str(check.get("ping_url") or "").rpartition("/")[2]).lower()
    job = replace(job, id=uuid if ids.is_uuid(uuid, 4) else None, paused=check.get("status") == "paused")
    notes = [] if job.id else ["its id is not in there (the key may only read): it gets a new ping URL"]
    notes += [f"{key} is not supported" for key in ("subject", "start_kw", "success_kw", "failure_kw") if check.get(key)]
    return Imported(check.get("name") or name, job, tuple(notes))


def _title(monitor: Mapping[str, Any]) -> str:
    return str(monitor.get("name") or monitor.get("key") or "")


def _of_monitor(monitor: Mapping[str, Any], given: Names) -> Imported:
    kind = str(monitor.get("type") or "job")
    if kind not in ("job", "heartbeat"):
        return Imported(_title(monitor), None, (f"is a {kind}: Crontopus asks no web sites",))
    name = given.free(str(monitor.get("key") or monitor.get("name") or ""))
    schedules = monitor.get("schedules") or [monitor.get("schedule")]
    tags = " ".join(re.sub(r"\s+", "-", str(tag)) for tag in monitor.get("tags") or ())
    wanted = Wanted(name=_title(monitor), tags=tags, desc=monitor.get("note") or None, grace=monitor.get("grace_seconds"))
    job = checks_fields.changed(checks_fields.new_job(name, name), _timed(wanted, schedules[0], monitor.get("timezone")))
    notes = ["only its first schedule is taken"] if len(schedules) > 1 else []
    notes += ["its assertions are not taken: see spec.maxRuntime and spec.alerts"] if monitor.get("assertions") else []
    notes += [] if schedules[0] else ["it had no schedule: a ping a day is expected"]
    job = replace(job, namespace=given.namespace, paused=bool(monitor.get("paused")))
    return Imported(_title(monitor), job, (*notes, "it gets a new ping URL"))


def _timed(wanted: Wanted, schedule: str | None, zone: str | None) -> Wanted:
    if not schedule:
        return wanted
    every = _EVERY.fullmatch(schedule.strip())
    if every:
        return replace(wanted, timeout=int(every[1] or 1) * _UNITS[every[2].lower()])
    return replace(wanted, schedule=schedule, tz=zone or None)


def files_of(imported: list[Imported]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the manifest of everything that can be a job."""
    for one in imported:
        if one.job:
            yield names.manifest_path(one.job.namespace, one.job.name), manifest.dump(one.job)


def to_healthchecks(jobs: list[Job]) -> dict[str, Any]:
    """Return pinged jobs as `POST /api/v3/checks/` takes them, one by one; others are left out."""
    return {"checks": [_check_of(job) for job in jobs if job.is_pinged]}


def _check_of(job: Job) -> dict[str, Any]:
    schedule = {"schedule": job.schedule, "tz": job.timezone or DEFAULT_ZONE}
    timed: dict[str, Any] = {"timeout": job.period_s} if job.period_s else schedule
    return {
        "name": checks_fields.name_of(job),
        "slug": job.annotations.get(SLUG) or job.name,
        "tags": checks_fields.tags_of(job),
        "desc": job.annotations.get(DESCRIPTION, ""),
        "grace": max(60, job.grace_s),
        "manual_resume": job.checkin_resume == "manual",
        "methods": "POST" if job.checkin_methods == "post" else "",
        **timed,
    }
