"""From signals to incidents: each episode opens once and ends once, whoever says so and however often."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

from chalicelib.domain import ids, incidents
from chalicelib.domain.alert_rules import DEFAULT_RULES, Rule, Signal, judge, rules_for
from chalicelib.domain.errors import Conflict
from chalicelib.domain.incidents import Incident
from chalicelib.store import incidents as incident_store
from chalicelib.store import instances as instance_store

# Who else writes an incident: a person who acknowledges it, another signal of the same moment.
_TRIES = 4
Random = Callable[[int], bytes]


def take(signals: Iterable[Signal], now: datetime, random: Random) -> list[str]:
    """Let the rules judge these signals and return what came of it: opened, again, resolved; nothing where nothing did.

    random: as many bytes as asked for. Raise Conflict if others keep writing the same incident.
    """
    done = []
    for signal in signals:
        for rule in rules_for(rules_of(signal.subject.tenant_id), signal):
            done += _take(rule, signal, now, random)
    return done


def close(tenant_id: str, endpoint_id: str, job_id: str, at: datetime, words: str) -> None:
    """End the open incidents about a job on an endpoint, because nothing is expected of it any more. words: why.

    Raise Conflict if others keep writing one of them.
    """
    for _ in range(_TRIES):
        left = [one for one in incident_store.list_open(tenant_id) if _is_about(one, endpoint_id, job_id)]
        if not left:
            return
        for incident in left:
            # A signal of this very moment may be faster: then it is read again.
            with suppress(Conflict):
                incident_store.save(incident, incidents.resolved(incident, at, words))
                _flag(incident, is_on=False)
    raise Conflict(f"an incident of job {job_id} changed again and again; report once more")


def _is_about(incident: Incident, endpoint_id: str, job_id: str) -> bool:
    return (incident.subject.endpoint_id, incident.subject.job_id) == (endpoint_id, job_id)


def rules_of(tenant_id: str) -> tuple[Rule, ...]:
    """Return the tenant's rules."""
    return DEFAULT_RULES


def _take(rule: Rule, signal: Signal, now: datetime, random: Random) -> list[str]:
    for left in reversed(range(_TRIES)):
        try:
            return _try(rule, signal, now, random)
        except Conflict:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _try(rule: Rule, signal: Signal, now: datetime, random: Random) -> list[str]:
    known = incident_store.find_open(signal.subject.tenant_id, incidents.episode_key(rule.name, signal.subject))
    verdict = judge(rule, signal, is_open=known is not None)
    if verdict == "open":
        return _open(incidents.opened(ids.ulid_from(now, random(10)), rule, signal))
    if known is None:
        return []
    if verdict == "again":
        after = incidents.again(known, signal)
        # Written down once in a while: what fails every minute would cost a write each time.
        if len(after.events) == len(known.events):
            return []
        _flag(known, is_on=True)
        incident_store.save(known, after)
        return ["again"]
    # What happened before it opened does not end it.
    if verdict == "close" and signal.at >= known.opened_at:
        incident_store.save(known, incidents.resolved(known, signal.at, signal.why))
        _flag(known, is_on=False)
        return ["resolved"]
    return []


def _open(incident: Incident) -> list[str]:
    # The flag first: it only makes runs be looked at. The other way round, nobody would notice the end.
    _flag(incident, is_on=True)
    if not incident_store.add(incident):
        raise Conflict("another signal was faster")
    return ["opened"]


def _flag(incident: Incident, *, is_on: bool) -> None:
    """Note on the instance that runs of it concern an open incident."""
    subject = incident.subject
    if subject.endpoint_id and subject.job_id:
        # Two rules of one kind may be open at once, and end at different times.
        alarm = f"{incident.kind}#{incident.key[:6]}"
        instance_store.set_alarm(subject.tenant_id, subject.endpoint_id, subject.job_id, alarm, is_on=is_on)
