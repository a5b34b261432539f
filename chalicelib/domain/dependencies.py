"""Jobs that wait for other jobs."""

from collections.abc import Collection, Iterator, Mapping

from chalicelib.domain.manifest_job import Job


def parents(job: Job) -> tuple[str, ...]:
    """Return the jobs that this one depends on, as NAMESPACE/NAME."""
    return tuple(name if "/" in name else f"{job.namespace}/{name}" for name in job.depends_on)


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
