"""Jobs that wait for other jobs."""

from collections.abc import Collection, Iterator, Mapping

from chalicelib.domain.manifest_job import Job


def parents(job: Job) -> tuple[str, ...]:
    """Return the jobs that this one depends on, as NAMESPACE/NAME."""
    return tuple(name if "/" in name else f"{job.namespace}/{name}" for name in job.depends_on)


def problems(jobs: Collection[Job]) -> dict[str, str]:
    """Return NAMESPACE/NAME -> what is wrong with what it depends on, among all jobs of a repository."""
    waiting = {job.reference: parents(job) for job in jobs if job.depends_on}
    if not waiting:
        return {}
    known = {job.reference for job in jobs}
    found = {name: unknown for name, names in waiting.items() if (unknown := [one for one in names if one not in known])}
    told = {
        name: f"no manifest defines {', '.join(unknown)}; until one does, it counts as met" for name, unknown in found.items()
    }
    if circle := cycle(waiting):
        told[circle[0]] = f"{' -> '.join(circle)}: none of them will ever run"
    return told


def cycle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Return one circle of jobs that wait for each other, first and last the same; empty if there is none.

    edges: job -> what it depends on.
    """
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        steps: list[Iterator[str]] = [iter([start])]
        while steps:
            here = next(steps[-1], None)
            if here is None:
                steps.pop()
                if path and len(path) > len(steps) - 1:
                    done.add(path.pop())
            elif here in path:
                return [*path[path.index(here) :], here]
            elif here not in done:
                path.append(here)
                steps.append(iter(edges.get(here, ())))
    return []
