"""What the repository wants on this machine, file by file, with the last good version of each."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from agent.here import Here
from agent.placing import Wanted, place
from chalicelib.domain import manifest, namespaces, schedule
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job
from chalicelib.domain.names import name_problem

MAX_MANIFEST_BYTES = 64 * 1024

FileKind = Literal["file", "symlink", "submodule"]

_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One entry of a commit's tree. sha: of the blob."""

    path: str
    sha: str
    kind: FileKind = "file"


@dataclass(frozen=True, slots=True)
class Good:
    """A version of a manifest that could be read. fields: its schedule as it stands in a crontab."""

    blob: str
    job: Job
    fields: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one file. seen: the blob looked at last. good: the last version that could be read.

    problem: why the version seen last could not. is_alien: it never claimed to be a job of a version we know.
    mentions: ids that stand in a version that could not be read and of which no good one is known.
    """

    path: str
    seen: str
    good: Good | None
    problem: str | None = None
    is_alien: bool = False
    mentions: tuple[str, ...] = ()
    _wanted: list[Wanted] = field(default_factory=list, init=False, repr=False, compare=False)

    def wanted(self, good: Good) -> Wanted:
        """Return what its good version asks for. Made once: every round that finds a change anywhere asks every record."""
        if not self._wanted:
            self._wanted.append(Wanted(good.job, self.path, good.blob, good.fields))
        return self._wanted[0]


@dataclass(frozen=True, slots=True)
class Desired:
    """jobs: by id, in the order of their paths. problems: of manifests that cannot be used as they stand. warnings: the rest.

    elsewhere: ids of jobs that are defined, and not to be had on this machine. zone: the scheduler's, None if unknown.
    unsure_ids, unsure_paths: of manifests that cannot be read and of which no good version is known.
    """

    jobs: Mapping[str, Wanted] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    zone: str | None = None
    unsure_ids: frozenset[str] = frozenset()
    unsure_paths: frozenset[str] = frozenset()


def refresh(known: Mapping[str, Record], files: Iterable[TreeFile], read: Callable[[str], bytes]) -> dict[str, Record]:
    """Return the records of these files; what was seen before is not read again.

    read: sha of a blob -> its bytes. A file that has gone has no record any more.
    """
    present = {file.path: file for file in files if is_manifest(file.path)}
    gone = {record.good.job.id: record.good for path, record in known.items() if path not in present and record.good}
    records = {}
    for path, file in present.items():
        before = known.get(path)
        records[path] = before if before and before.seen == file.sha else _look(file, before, gone, read)
    return records


@lru_cache(maxsize=20_000)
def is_manifest(path: str) -> bool:
    """Tell whether a file claims to be a manifest: YAML, in no hidden folder, and not what describes a namespace."""
    _, _, below = path.partition("/")
    return path.endswith((".yaml", ".yml")) and not path.startswith(".") and "/." not in path and below != namespaces.FILE


def _look(file: TreeFile, before: Record | None, gone: Mapping[str | None, Good], read: Callable[[str], bytes]) -> Record:
    text = b""
    try:
        _refuse_place(file)
        text = read(file.sha)
        return Record(file.path, file.sha, _read(text, file))
    except Invalid as e:
        # A manifest may have been moved and broken at once: its id, if it can still be seen, tells which one it was.
        ids = tuple(match.decode() for match in _UUID.findall(text[:MAX_MANIFEST_BYTES]))
        good = before.good if before else next((gone[found] for found in ids if found in gone), None)
        is_alien = not {"apiVersion", "kind", "path"}.isdisjoint(e.problems)
        return Record(file.path, file.sha, good, _words(e), is_alien, () if good else ids)


def _refuse_place(file: TreeFile) -> None:
    """Raise Invalid unless the entry is a plain file in a namespace's folder."""
    *folders, name = file.path.split("/")
    problem = None
    if file.kind != "file":
        problem = f"it is a {file.kind}; only plain files are read"
    elif not folders:
        problem = "it lies in no namespace; move it into a folder"
    elif name_problem(folders[0]):
        problem = f"{folders[0]!r} is no namespace: {name_problem(folders[0])}"
    elif name_problem(name.rpartition(".")[0]):
        problem = f"{name!r} is no job's file: {name_problem(name.rpartition('.')[0])}"
    elif not file.path.isprintable() or "\\" in file.path:
        problem = "its path holds characters that do not belong there"
    if problem:
        raise Invalid.of({"path": problem})


def _read(text: bytes, file: TreeFile) -> Good:
    found = manifest.parse(text, file.path, strict=False)
    if found.job.id is None:
        raise Invalid.of({"metadata.id": "is missing; the control plane adds one, until then the job is not scheduled"})
    return Good(file.sha, found.job, schedule.normalized(found.job.schedule) if found.job.schedule else "", found.warnings)


def _words(error: Invalid) -> str:
    return "; ".join(f"{path}: {what}" for path, what in error.problems.items())


def resolve(
    records: Mapping[str, Record],
    owners: Mapping[str, str],
    tenant_id: str | None = None,
    here: Here | None = None,
    installed: Collection[str] = (),
) -> Desired:
    """Return the jobs that the records add up to on this machine.

    owners: job id -> the path that had it so far; where two files claim one id, that one keeps it, else the first by path.
    installed: ids of jobs that have a line already.
    """
    claims: dict[str, list[str]] = {}
    for path, record in sorted(records.items()):
        if not record.good or not record.good.job.id:
            continue
        if record.good.job.id in claims:
            claims[record.good.job.id].append(path)
        else:
            claims[record.good.job.id] = [path]
    wanted: dict[str, Wanted] = {}
    problems = [_explain(record) for record in records.values() if record.problem and not _is_passed_over(record)]
    for job_id, paths in claims.items():
        keeper = paths[0]
        if len(paths) > 1:
            keeper = owners[job_id] if owners.get(job_id) in paths else keeper
            others = (path for path in paths if path != keeper)
            problems += [f"{path}: metadata.id: {job_id} belongs to {keeper}; give this job its own" for path in others]
        if good := records[keeper].good:
            wanted[job_id] = records[keeper].wanted(good)
    unsure = [record for record in records.values() if record.good is None]
    placed = place(wanted, here or Here(), installed)
    return Desired(
        placed.jobs,
        placed.elsewhere,
        problems=tuple(sorted([*problems, *placed.problems])),
        warnings=(*sorted(_warnings(records, tenant_id)), *placed.warnings),
        zone=here.timezone if here else None,
        unsure_ids=frozenset(mention for record in unsure for mention in record.mentions),
        unsure_paths=frozenset(record.path for record in unsure),
    )


def _is_passed_over(record: Record) -> bool:
    return record.is_alien and record.good is None


def _explain(record: Record) -> str:
    kept = "; its last good version stays in force" if record.good else ""
    return f"{record.path}: {record.problem}{kept}"


def _warnings(records: Mapping[str, Record], tenant_id: str | None) -> Iterable[str]:
    for path, record in records.items():
        if record.problem and _is_passed_over(record):
            yield f"{path}: ignored: {record.problem}"
        elif record.good:
            yield from (f"{path}: {warning}" for warning in record.good.warnings)
            tenant = record.good.job.tenant
            if tenant and tenant_id and tenant != tenant_id:
                yield f"{path}: metadata.tenant says {tenant!r}, but this repository belongs to {tenant_id!r}"
