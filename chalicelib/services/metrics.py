"""What a tenant's Prometheus reads. Nothing is scanned: one Query for the endpoints, one for each endpoint's instances."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import get_args

from chalicelib.domain import endpoints as endpoint_rules
from chalicelib.domain.endpoints import Endpoint, EndpointState
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.instances import PING_ENDPOINT, Instance
from chalicelib.domain.metrics import Family, Sample, by, gauge
from chalicelib.domain.runs import STATUSES
from chalicelib.domain.tallies import total
from chalicelib.services.counting import each
from chalicelib.services.job_filters import JobState, state_of
from chalicelib.services.jobs import Listing
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import instances as instance_store


def of_tenant(caller: Caller, list_jobs: Callable[[], Listing], now: datetime) -> list[Family]:
    """Return the tenant's numbers. While the forge is away its own are missing and `crontopus_repository_up` is 0."""
    endpoints = list(endpoint_store.list_of_tenant(caller.tenant_id))
    names = {endpoint.endpoint_id: endpoint.facts.name for endpoint in endpoints} | {PING_ENDPOINT: PING_ENDPOINT}
    read = each(lambda known: list(instance_store.list_of_endpoint(caller.tenant_id, known)), names)
    instances = [found for some in read for found in some]
    return [*_of_endpoints(endpoints, now), *_of_jobs(list_jobs), *_of_runs(instances, now), *_of_instances(instances, names)]


def _of_endpoints(endpoints: Iterable[Endpoint], now: datetime) -> list[Family]:
    endpoints = list(endpoints)
    states: Counter[str] = Counter(endpoint_rules.state(endpoint, now) for endpoint in endpoints)
    heard = [
        Sample(endpoint.last_heartbeat_at.timestamp(), {"endpoint": endpoint.facts.name, "endpoint_id": endpoint.endpoint_id})
        for endpoint in endpoints
        if endpoint.last_heartbeat_at
    ]
    unsent = sum(endpoint.spool_depth for endpoint in endpoints)
    return [
        gauge("crontopus_endpoints", "Endpoints by state.", by("state", _all(get_args(EndpointState), states))),
        gauge("crontopus_endpoint_last_heartbeat_timestamp_seconds", "When an endpoint was heard of last.", heard),
        gauge("crontopus_unsent_runs", "Runs that endpoints have not delivered yet, as they say.", [Sample(unsent)]),
    ]


def _of_jobs(list_jobs: Callable[[], Listing]) -> list[Family]:
    up = "crontopus_repository_up", "Whether the repository could be read; without it there are no numbers of jobs."
    try:
        listing = list_jobs()
    except CrontopusError:
        return [gauge(*up, [Sample(0)])]
    states: Counter[str] = Counter(state_of(stored.job) for stored in listing.jobs)
    return [
        gauge(*up, [Sample(1)]),
        gauge("crontopus_jobs", "Jobs in the repository by state.", by("state", _all(get_args(JobState), states))),
        gauge("crontopus_broken_manifests", "Manifests that cannot be used as they stand.", [Sample(len(listing.broken))]),
    ]


def _of_runs(instances: Iterable[Instance], now: datetime) -> list[Family]:
    date = now.astimezone(UTC).date().isoformat()
    today = total(instance.today for instance in instances if instance.day == date)
    counts: dict[str, float] = {status: today.of(status) for status in STATUSES}
    ended: dict[str, float] = {"success": today.successes, "failure": today.failures}
    return [
        gauge("crontopus_runs_today", "Runs since midnight UTC by status.", by("status", counts)),
        gauge("crontopus_results_today", "Results since midnight UTC: a timeout is a failure.", by("result", ended)),
    ]


def _of_instances(instances: Iterable[Instance], names: Mapping[str, str]) -> list[Family]:
    shown = [(instance, _labels(instance, names)) for instance in instances]
    success, failure, was_good, lasted = [], [], [], []
    for instance, labels in shown:
        if instance.last_success_at:
            success.append(Sample(instance.last_success_at.timestamp(), labels))
        if instance.last_failure_at:
            failure.append(Sample(instance.last_failure_at.timestamp(), labels))
        if instance.last and instance.last.status != "running":
            was_good.append(Sample(1 if instance.last.status == "success" else 0, labels))
        if instance.last and instance.last.duration_ms is not None:
            lasted.append(Sample(instance.last.duration_ms / 1000, labels))
    drifted = sum(1 for instance, _ in shown if instance.reported and instance.reported.drift)
    return [
        gauge("crontopus_job_last_success_timestamp_seconds", "When a job succeeded last.", success),
        gauge("crontopus_job_last_failure_timestamp_seconds", "When a job failed last.", failure),
        gauge("crontopus_job_last_run_success", "Whether the last run that ended was a success.", was_good),
        gauge("crontopus_job_last_run_duration_seconds", "How long the last run took.", lasted),
        gauge("crontopus_drifted_instances", "Scheduler entries that are not as they should be.", [Sample(drifted)]),
    ]


def _labels(instance: Instance, names: Mapping[str, str]) -> dict[str, str]:
    endpoint = names.get(instance.endpoint_id, instance.endpoint_id)
    return {"namespace": instance.namespace, "job": instance.job_name, "endpoint": endpoint, "job_id": instance.job_id,
            "endpoint_id": instance.endpoint_id}  # fmt: skip


def _all(names: Iterable[str], counts: Mapping[str, int]) -> dict[str, float]:
    return {name: float(counts.get(name, 0)) for name in names}
