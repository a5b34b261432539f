"""What the fields of a manifest must be to each other."""

from collections.abc import Collection, Iterator

from chalicelib.domain.manifest_fields import is_default
from chalicelib.domain.manifest_job import Job

# What an agent and run-job do for a job. Nothing of ours is there when a job runs elsewhere and only pings.
_NEEDS_AN_AGENT = (
    "spec.user",
    "spec.timeout",
    "spec.concurrency",
    "spec.retry.attempts",
    "spec.agent.selector",
    "spec.checkin.enabled",
    "spec.resources.nice",
    "spec.resources.ioClass",
    "spec.resources.memory",
    "spec.resources.cpu",
    "spec.dependsOn",
)
_NEEDS_PINGS = ("spec.period", "spec.checkin.methods", "spec.checkin.resume")


def problems_together(job: Job, known: Collection[str]) -> dict[str, str]:
    """Return place -> why the fields of this job do not go together.

    known: places, or sections, that have a problem already: what the job says there is not what its author meant.
    """
    found = {**dict(_when_it_runs(job)), **dict(_who_runs_it(job)), **dict(_rest(job))}
    if "spec.period" in known:  # it was there, in the schedule's place
        found.pop("spec.schedule", None)
    return {place: problem for place, problem in found.items() if not _is_known(place, known)}


def _is_known(place: str, known: Collection[str]) -> bool:
    return any(place == other or place.startswith(f"{other}.") for other in known)


def _when_it_runs(job: Job) -> Iterator[tuple[str, str]]:
    if job.schedule is None and job.period_s is None:
        yield (
            "spec.schedule",
            "is required; a job that reports by ping may have a period instead" if job.is_pinged else "is required",
        )
    if job.schedule is not None and job.period_s is not None:
        yield "spec.period", "stands beside spec.schedule; keep one of them"
    if job.schedule == "@reboot" and job.timezone:
        yield "spec.timezone", "means nothing to @reboot; drop it"
    if job.period_s is not None and job.timezone:
        yield "spec.timezone", "means nothing to a period; drop it"


def _who_runs_it(job: Job) -> Iterator[tuple[str, str]]:
    if not job.is_pinged and job.command is None:
        yield "spec.command", "is required"
    if job.is_pinged and job.schedule == "@reboot":
        yield "spec.schedule", "nobody knows when a machine that has no agent boots; use a period"
    places = _NEEDS_AN_AGENT if job.is_pinged else _NEEDS_PINGS
    why = "reports by ping: nothing of ours is there to keep this" if job.is_pinged else "runs under an agent"
    for place in places:
        if not is_default(job, place):
            yield (
                place,
                f"cannot be kept, for the job {why}; drop it, or set checkin.by to {'agent' if job.is_pinged else 'ping'}",
            )


def _rest(job: Job) -> Iterator[tuple[str, str]]:
    if job.args and job.command is None:
        yield "spec.args", "are the arguments of a command, and there is none"
    if job.min_runtime_s and job.max_runtime_s and job.min_runtime_s >= job.max_runtime_s:
        yield "spec.minRuntime", "must be less than spec.maxRuntime: no run would be right"
    own = {job.name, job.reference}
    if job.name and not own.isdisjoint(job.depends_on):
        yield "spec.dependsOn", "names the job itself, which would never run"
    if not job.is_reported and (job.alert_rules or job.alert_channels):
        yield "spec.alerts", "nothing is known of runs that are not recorded; drop it, or checkin.enabled: false"
