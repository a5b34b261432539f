"""Judging a manifest without storing it: the control plane and the command line say the same words."""

from dataclasses import dataclass, field
from posixpath import basename

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
    if path and basename(path) != f"{job.name}.yaml":
        place = source.place("metadata.name")
        found.append(
            f"metadata.name: says {job.name!r}, but the file is {basename(path)}; API and console go by the file{place}"
        )
    if job.namespace == "system":
        found.append(f"metadata.namespace: 'system' is kept by the system; choose another{source.place('metadata.namespace')}")
    return found
