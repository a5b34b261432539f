"""The agent's metrics as text in Prometheus' format, version 0.0.4."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.spool import Backlog
from agent.tally import Counts, JobFacts
from chalicelib.domain.times import from_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "crontopus_agent_"
Labels = Mapping[str, str]


def text(identity: Labels, counts: Counts, sync: Mapping[str, Any], heartbeat: Mapping[str, Any], waiting: Backlog) -> str:
    """Return all metrics. identity: labels of the agent itself. sync, heartbeat: these parts of the status board; sync
    with how many jobs are `drifted` just now.
    """
    families = (*_of_agent(identity, counts, sync, heartbeat), *_of_spool(waiting), *_of_jobs(counts.jobs))
    return "".join(f"{line}\n" for family in families for line in family)


def _of_agent(
    identity: Labels, counts: Counts, sync: Mapping[str, Any], heartbeat: Mapping[str, Any]
) -> Iterator[Iterator[str]]:
    yield _family("info", "gauge", "The agent: its version and whose it is.", [(identity, 1)])
    yield _summary("sync_duration_seconds", "How long rounds took.", counts, "sync")
    yield _one("last_sync_timestamp_seconds", "gauge", "When the last round ended well.", _moment(sync.get("succeeded_at")))
    yield _one("sync_failures_total", "counter", "Rounds that failed.", counts.failed.get("sync", 0))
    changes = [({"change": change}, count) for change, count in counts.changes.items()]
    yield _family("reconciliation_changes_total", "counter", "Lines of the scheduler that rounds have changed.", changes)
    yield _one("scheduler_errors_total", "counter", "Rounds that the scheduler made fail.", counts.scheduler_errors)
    yield _family("jobs", "gauge", "Jobs of the last round, by state.", _states(sync))
    yield _one("heartbeat_failures_total", "counter", "Heartbeats that failed.", counts.failed.get("heartbeat", 0))
    last = _moment(heartbeat.get("succeeded_at"))
    yield _one("last_heartbeat_timestamp_seconds", "gauge", "When the API last answered a heartbeat.", last)
    skew = "How far this machine's clock is ahead of the API's."
    yield _one("clock_skew_seconds", "gauge", skew, heartbeat.get("skew_s"))


def _of_spool(waiting: Backlog) -> Iterator[Iterator[str]]:
    yield _one("spool_depth", "gauge", "Ended runs that the server has not confirmed yet.", waiting.depth)
    oldest = waiting.oldest_at.timestamp() if waiting.oldest_at else None
    yield _one("spool_oldest_timestamp_seconds", "gauge", "When the oldest of them started.", oldest)
    yield _one("spool_quarantined", "gauge", "Runs that could not be delivered.", waiting.quarantined)
    yield _one("results_lost", "gauge", "Results and outputs that could not be written down.", waiting.lost)


def _of_jobs(jobs: Mapping[str, JobFacts]) -> Iterator[Iterator[str]]:
    labelled = [({"job": one.job, "namespace": one.namespace, "job_id": job_id}, one) for job_id, one in sorted(jobs.items())]
    runs = [({**labels, "status": status}, count) for labels, one in labelled for status, count in sorted(one.runs.items())]
    yield _family("job_executions_total", "counter", "Runs that ended since the agent started.", runs)
    ends = [(labels, one.last_run_at_s) for labels, one in labelled]
    yield _family("job_last_run_timestamp_seconds", "gauge", "When the last run ended.", ends)
    successes = [(labels, one.last_success_at_s) for labels, one in labelled if one.last_success_at_s is not None]
    yield _family("job_last_success_timestamp_seconds", "gauge", "When the last successful run ended.", successes)
    codes = [(labels, one.last_exit_code) for labels, one in labelled if one.last_exit_code is not None]
    yield _family("job_last_exit_code", "gauge", "The exit code of the last run.", codes)


def _states(sync: Mapping[str, Any]) -> list[tuple[Labels, float]]:
    """Return how many jobs are in each state; none before the first round."""
    if "managed" not in sync:
        return []
    held, invalid = len(sync.get("held", ())), sync.get("problem_count", 0)
    found = {key: sync.get(key, 0) for key in ("managed", "paused", "elsewhere", "drifted")}
    found |= {"held": held, "invalid": invalid}
    return [({"state": state}, count) for state, count in found.items()]


def _summary(name: str, words: str, counts: Counts, part: str) -> Iterator[str]:
    yield from _head(name, "summary", words)
    yield f"{PREFIX}{name}_sum {counts.seconds.get(part, 0.0):.6f}"
    yield f"{PREFIX}{name}_count {counts.done.get(part, 0)}"


def _one(name: str, kind: str, words: str, value: float | None) -> Iterator[str]:
    """Return a metric without labels; nothing is known of it if the value is None."""
    return _family(name, kind, words, [] if value is None else [({}, value)])


def _family(name: str, kind: str, words: str, samples: Sequence[tuple[Labels, float]]) -> Iterator[str]:
    if not samples:
        return
    yield from _head(name, kind, words)
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels.items())
        yield f"{PREFIX}{name}{f'{{{inside}}}' if inside else ''} {value:.15g}"


def _head(name: str, kind: str, words: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {words}"
    yield f"# TYPE {PREFIX}{name} {kind}"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _moment(told: str | None) -> float | None:
    moment: datetime | None = from_text(told) if told else None
    return moment.timestamp() if moment else None
