"""Judging a manifest without storing it: the control plane and the command line say the same words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import basename, splitext

from chalicelib.domain import manifest, names, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job
from chalicelib.domain.manifest_fields import is_default


@dataclass(frozen=True, slots=True)
class Verdict:
    """problems: path of the field -> what is wrong and where. warnings: what is allowed and may not be meant."""

    problems: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not self.problems


def check(text: bytes, path: str | None = None, tenant: str | None = None) -> Verdict:
    """Return what is wrong with a manifest.

    path: where the file lies in the repository; without one the namespace that the manifest states is believed.
    tenant: whose repository it is; without one the tenant that the manifest states is believed.
    """
    try:
        source = yaml_source.load(text)
        folder = path.split("/")[0] if path and "/" in path else None
        namespace = folder or stated_namespace(source.data) or names.DEFAULT
        read = manifest.read(source, namespace, strict=True, tenant=tenant)
    except Invalid as e:
        return Verdict(e.problems)
    if problem := names.name_problem(namespace):
        key = "path" if folder else "metadata.namespace"
        return Verdict({key: f"{namespace!r} is no namespace: {problem}{source.place(key) if not folder else ''}"})
    return Verdict({}, (*read.warnings, *_warnings(read.job, path, source)))


def stated_namespace(data: object) -> str | None:
    """Return the namespace that a loaded document names, or None."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return namespace if isinstance(namespace, str) and namespace else None


def _warnings(job: Job, path: str | None, source: yaml_source.Source) -> list[str]:
    return [f"{place}: {words}{source.place(place)}" for place, words in (*_misfits(job, path), *_promises(job))]


def _misfits(job: Job, path: str | None) -> Iterator[tuple[str, str]]:
    if path and splitext(basename(path))[0] != job.name:
        yield "metadata.name", f"says {job.name!r}, but the file is {basename(path)}; the job goes by the former"
    if job.namespace == "system":
        yield "metadata.namespace", "'system' is kept by the system; choose another"


def _promises(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what the manifest asks for in vain."""
    if job.timeout_s and job.max_runtime_s and job.timeout_s <= job.max_runtime_s and not job.retry_attempts:
        yield "spec.maxRuntime", "no run gets so long, for spec.timeout ends it before; make it shorter"
    if not job.is_reported:
        yield "spec.checkin.enabled", "nothing is recorded of this job, so nobody learns when it fails or is missed"
    for place in ("spec.maxRuntime", "spec.minRuntime", "spec.alerts.rules", "spec.alerts.channels"):
        if not is_default(job, place):
            yield place, "is kept, and no alert is sent for it yet"
