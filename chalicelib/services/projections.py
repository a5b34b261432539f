"""What is derived from the ledger, brought up to date run by run. Twice, late or out of order changes nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.runs import Run
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one instance, in the order of the stream. positions: their sequence numbers there."""

    positions: list[str]
    runs: list[Run]

    def project(self) -> str:
        """Write them into their instance and return what came of it."""
        written = [instance_store.record_last(run) for run in self.runs]
        return "projected" if any(written) else "known"


def by_instance(records: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Return the runs of a batch of stream records by instance. What expired is left out: it stays counted."""
    groups: dict[tuple[str, str, str], Group] = {}
    for record in records:
        if "NewImage" not in record["dynamodb"]:
            continue
        run = run_store.of_stream(record["dynamodb"]["NewImage"])
        group = groups.setdefault((run.tenant_id, run.endpoint_id, run.job_id), Group([], []))
        group.positions.append(record["dynamodb"]["SequenceNumber"])
        group.runs.append(run)
    return list(groups.values())
