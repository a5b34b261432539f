"""Plan before merge: what files that nobody has committed yet would do to the machines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.domain import manifest_check, planning
from chalicelib.domain.errors import Invalid
from chalicelib.domain.planning import EndpointPlan
from chalicelib.forgejo.files import File, blob_sha
from chalicelib.services import jobs
from chalicelib.services.jobs import Listing
from chalicelib.services.repository import Repository
from chalicelib.store import endpoints as endpoint_store


@dataclass(frozen=True, slots=True)
class Proposal:
    """commit: what it was compared with. problems: path -> field -> words, of the proposed files and their neighbours."""

    commit: str | None
    endpoints: tuple[EndpointPlan, ...]
    problems: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]


def propose(repository: Repository, files: Mapping[str, str | None], *, is_complete: bool) -> Proposal:
    """Return what would happen if these files were committed.

    files: path -> text, None for one that is deleted. is_complete: they are all manifests there are; others would go. A file
    with problems is taken as it stands now, as agents do with a broken manifest.
    """
    here = jobs.list_jobs(repository)
    after, problems = _after(repository, here, files, is_complete=is_complete)
    problems |= {item.path: item.problems for item in jobs.doubles(after)}
    endpoints = [endpoint for endpoint in endpoint_store.list_of_tenant(repository.tenant_id) if not endpoint.is_revoked]
    before, wanted = [stored.job for stored in here.jobs], [stored.job for stored in after.jobs]
    plans = planning.plan(before, wanted, endpoints)
    warnings = planning.warnings(before, wanted, plans)
    for path, text in files.items():
        if text is not None and path not in problems:
            warnings += [
                f"{path}: {words}" for words in manifest_check.check(text.encode(), path, repository.tenant_id).warnings
            ]
    return Proposal(here.commit, tuple(plans), problems, tuple(warnings))


def _after(
    repository: Repository, here: Listing, files: Mapping[str, str | None], *, is_complete: bool
) -> tuple[Listing, dict[str, dict[str, str]]]:
    stored = {one.path: one for one in here.jobs if not is_complete or one.path in files}
    problems: dict[str, dict[str, str]] = {}
    by_name = {one.job.reference: one.job.id for one in here.jobs}
    for path, text in files.items():
        if not jobs.is_manifest(path):
            problems[path] = {"path": "is no manifest's; those end in .yaml and lie in a namespace's folder"}
        elif text is None:
            stored.pop(path, None)
        else:
            try:
                made = jobs.read_job(File(path, blob_sha(text.encode()), text.encode()), repository.tenant_id)
            except Invalid as e:
                problems[path] = e.problems
                continue
            known = stored[path].job.id if path in stored else by_name.get(made.job.reference)
            stored[path] = replace(made, job=replace(made.job, id=made.job.id or known))
    return Listing(here.commit, tuple(sorted(stored.values(), key=jobs.place_of))), problems
