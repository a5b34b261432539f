"""How jobs and endpoints are doing, from what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.instances import PING_ENDPOINT
from chalicelib.domain.tallies import Tally, total
from chalicelib.domain.windows import Window
from chalicelib.services import counting
from chalicelib.services.counting import Counted, RunFilter
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store


@dataclass(frozen=True, slots=True)
class JobReport:
    """job_ids: more than one where a job was made anew under its name."""

    job_name: str
    namespace: str
    job_ids: tuple[str, ...]
    endpoint_ids: tuple[str, ...]
    tally: Tally


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """endpoint: None where runs came by ping URL, or from a machine that has been deleted since."""

    endpoint_id: str
    endpoint: Endpoint | None
    job_count: int
    tally: Tally

    @property
    def name(self) -> str | None:
        if self.endpoint:
            return self.endpoint.facts.name
        return PING_ENDPOINT if self.endpoint_id == PING_ENDPOINT else None


@dataclass(frozen=True, slots=True)
class MachineFilter:
    """Which endpoints. name and hostname: part of them, in any case; the others are exact."""

    name: str | None = None
    hostname: str | None = None
    platform: str | None = None
    machine_id: str | None = None

    def takes(self, report: EndpointReport) -> bool:
        facts = report.endpoint.facts if report.endpoint else None
        return (
            (self.name is None or self.name.lower() in (report.name or "").lower())
            and (self.hostname is None or (facts is not None and self.hostname.lower() in facts.hostname.lower()))
            and (self.platform is None or (facts is not None and self.platform == facts.platform))
            and (self.machine_id is None or (facts is not None and self.machine_id == facts.machine_id))
        )


def by_job(caller: Caller, window: Window, wanted: RunFilter) -> list[JobReport]:
    """Return one report for each name and namespace, most runs first. With a status, only jobs that have runs of it."""
    rows: dict[tuple[str, str], list[Counted]] = {}
    for row in counting.count(caller.tenant_id, window, wanted):
        if row.tally.runs or (row.is_current and wanted.status is None):
            rows.setdefault((row.namespace, row.job_name), []).append(row)
    found = [_job_report(some) for some in rows.values()]
    return sorted(found, key=lambda report: (-report.tally.runs, report.namespace, report.job_name))


def _job_report(rows: list[Counted]) -> JobReport:
    return JobReport(
        job_name=rows[0].job_name,
        namespace=rows[0].namespace,
        job_ids=tuple(sorted({row.job_id for row in rows})),
        endpoint_ids=tuple(sorted({row.endpoint_id for row in rows})),
        tally=total(row.tally for row in rows),
    )


def by_endpoint(caller: Caller, window: Window, wanted: RunFilter, machines: MachineFilter) -> list[EndpointReport]:
    """Return one report for each endpoint, most runs first; one without runs as well."""
    known = {endpoint.endpoint_id: endpoint for endpoint in endpoint_store.list_of_tenant(caller.tenant_id)}
    rows: dict[str, list[Counted]] = {endpoint_id: [] for endpoint_id in known}
    for row in counting.count(caller.tenant_id, window, wanted, [*known, PING_ENDPOINT]):
        if row.tally.runs or row.is_current:
            rows.setdefault(row.endpoint_id, []).append(row)
    found = [_endpoint_report(endpoint_id, known, some) for endpoint_id, some in rows.items()]
    kept = [report for report in found if machines.takes(report) and wanted.endpoint_id in (None, report.endpoint_id)]
    return sorted(kept, key=lambda report: (-report.tally.runs, report.name or "", report.endpoint_id))


def of_endpoint(caller: Caller, endpoint_id: str, window: Window) -> Tally:
    """Return how often jobs ran on one endpoint; for 24 hours that is one Query."""
    return total(row.tally for row in counting.count(caller.tenant_id, window, RunFilter(endpoint_id=endpoint_id)))


def _endpoint_report(endpoint_id: str, known: Mapping[str, Endpoint], rows: list[Counted]) -> EndpointReport:
    jobs = {row.job_id for row in rows if row.is_current}
    return EndpointReport(endpoint_id, known.get(endpoint_id), len(jobs), total(row.tally for row in rows))
