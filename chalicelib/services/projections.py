"""What is derived from the ledger, brought up to date run by run. Twice, late or out of order changes nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import signals
from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import Change, Instance, days_needed, fold
from chalicelib.services import alerting
from chalicelib.services.alerting import Random
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store

# Who else writes an instance: a rebuild, or a worker that Lambda has given up and that still works.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Group:
    """What happened to runs of one instance, in the order of the stream. positions: their sequence numbers there."""

    positions: list[str]
    changes: list[Change]

    def project(self, random: Random) -> str:
        """Count it all into the instance, let the rules see it, and return what came of it: projected, or known."""
        word, instance = project(self.changes)
        if instance:
            alerting.take(signals.of_runs(instance), self.changes[-1].run.received_at, random)
        return word


def by_instance(records: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Return the runs of a batch of stream records by instance.

    Left out is what is no news: runs that expired, which stay counted, and results that were written a second time.
    """
    groups: dict[tuple[str, str, str], Group] = {}
    for record in records:
        images = record["dynamodb"]
        if "NewImage" not in images:
            continue
        before = images.get("OldImage", {}).get("status", {}).get("S")
        if before not in (None, "running"):
            continue
        run = run_store.of_stream(images["NewImage"])
        group = groups.setdefault((run.tenant_id, run.endpoint_id, run.job_id), Group([], []))
        group.positions.append(images["SequenceNumber"])
        group.changes.append(Change(run, had_started=before == "running"))
    return list(groups.values())


def project(changes: Sequence[Change]) -> tuple[str, Instance | None]:
    """Count these changes of one instance into it: a read, one write, and one more for each day that is over.

    Return projected or known, and the instance as it is now. Raise Conflict if others keep writing at the same time.
    """
    for _ in range(_TRIES - 1):
        try:
            return _project(changes)
        except Conflict:
            continue
    return _project(changes)


def _project(changes: Sequence[Change]) -> tuple[str, Instance | None]:
    run = changes[0].run
    instance = instance_store.find(run.tenant_id, run.endpoint_id, run.job_id)
    wanted = days_needed(instance, changes)
    folded = fold(instance, changes, day_store.find_many(run.tenant_id, run.endpoint_id, run.job_id, wanted))
    if not folded.taken:
        # A try that broke off may have counted it and told nobody.
        return "known", instance
    # The days first: a try that breaks off here is repeated, and finds in them what it has counted.
    for day in folded.days:
        day_store.save(day)
    instance_store.save_derived(instance, folded.instance)
    return "projected", folded.instance
