"""What runs and slots say to the rules. By the state that is reached, not by the step to it: said twice, it is the same."""

from collections.abc import Mapping, Sequence

from chalicelib.domain.alert_rules import Signal, Subject
from chalicelib.domain.instances import Instance
from chalicelib.domain.slots import Slot

_RAN = frozenset({"ok", "late", "failed", "running", "overlapped", "skipped"})


def subject_of(instance: Instance, endpoint_name: str | None = None, labels: Mapping[str, str] | None = None) -> Subject:
    """Return what an alert about an instance is about."""
    return Subject(
        tenant_id=instance.tenant_id,
        endpoint_id=instance.endpoint_id,
        endpoint_name=endpoint_name,
        job_id=instance.job_id,
        job_name=instance.job_name,
        namespace=instance.namespace,
        labels=labels or {},
    )


def of_runs(instance: Instance) -> list[Signal]:
    """Return what the newest runs of an instance say. A good sign is one only where something is open: `alarms` says what."""
    last, streak, subject = instance.last, instance.streak, subject_of(instance)
    if last is None or not (streak.ending == "bad" or instance.alarms):
        return []
    found = []
    if streak.ending == "bad" and instance.last_failure_at:
        words = _how(instance)
        found.append(Signal("failure", subject, instance.last_failure_at, streak.length, why=words, run_id=last.run_id))
    elif "failure" in instance.alarms and instance.last_success_at:
        found.append(Signal("failure", subject, instance.last_success_at, good_in_row=streak.length, run_id=last.run_id))
    if "missed" in instance.alarms:
        found.append(Signal("missed", subject, last.started_at, good_in_row=1, why="it ran", run_id=last.run_id))
    return found


def _how(instance: Instance) -> str:
    last = instance.last
    if last is None or last.status not in ("failure", "timeout"):
        return "its last result was a failure"
    if last.status == "timeout":
        return "it ran into its timeout"
    return f"exit code {last.exit_code}" if last.exit_code is not None else "it failed"


def of_slots(
    instance: Instance, slots: Sequence[Slot], missed_before: int, problems: Sequence[str] = ()
) -> tuple[list[Signal], int]:
    """Return what slots that were just decided say, and how many in a row have been missed after them.

    missed_before: in a row, before these. problems: what the endpoint says is wrong with it.
    """
    missed, subject = missed_before, subject_of(instance)
    last_missed: Slot | None = None
    for slot in slots:
        if slot.state == "missed":
            missed, last_missed = missed + 1, slot
        elif slot.state in _RAN:
            missed, last_missed = 0, None
    if last_missed is None:
        return [], missed
    words = f"nothing ran at {last_missed.at:%Y-%m-%d %H:%M} UTC"
    if cause := cause_of_silence(instance, problems):
        words = f"{words}: {cause}"
    return [Signal("missed", subject, last_missed.at, missed, why=words)], missed


def cause_of_silence(instance: Instance, problems: Sequence[str]) -> str | None:
    """Return why a job did not run, as far as its endpoint has told, or None."""
    reported = instance.reported
    if reported and reported.drift and reported.reason:
        return reported.reason
    return next((problem for problem in problems if "cron is not running" in problem), None)
