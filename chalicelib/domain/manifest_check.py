"""Judging a manifest without storing it: the control plane and the command line say the same words."""

from dataclasses import dataclass, field
from posixpath import basename, splitext

from chalicelib.domain import manifest, names, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job


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
    found = []
    if path and splitext(basename(path))[0] != job.name:
        place = source.place("metadata.name")
        found.append(f"metadata.name: says {job.name!r}, but the file is {basename(path)}; the job goes by the former{place}")
    if job.timeout_s and job.max_runtime_s and job.timeout_s <= job.max_runtime_s:
        place = source.place("spec.maxRuntime")
        found.append(f"spec.maxRuntime: no run gets so long, for spec.timeout ends each attempt before; make it shorter{place}")
    if not job.is_reported:
        place = source.place("spec.checkin.enabled")
        found.append(
            f"spec.checkin.enabled: nothing is recorded of this job, so nobody learns when it fails or is missed{place}"
        )
    if job.namespace == "system":
        found.append(f"metadata.namespace: 'system' is kept by the system; choose another{source.place('metadata.namespace')}")
    return found
