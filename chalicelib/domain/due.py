"""Tickets: notes to look at one instance at a certain minute. The sweep takes those of each minute, one shard after another."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain import times
from chalicelib.domain.slots import Expectation

# A partition of DynamoDB takes a thousand writes a second; what is due at a full hour is spread over these.
SHARDS = 16
MINUTE = timedelta(minutes=1)
# In the place of a job: look whether the endpoint itself is still there.
ENDPOINT = "!endpoint"
# How long minutes that were not swept are caught up; tickets are kept a little longer.
CATCH_UP = timedelta(hours=24)
KEPT = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Ticket:
    """due_at: the whole minute in which to look. after: slots up to this moment are decided.

    rule: names the expectation that the ticket was made for; once it is another, the ticket means nothing.
    missed: how many slots in a row had been missed by then.
    """

    tenant_id: str
    endpoint_id: str
    job_id: str
    due_at: datetime
    after: datetime
    rule: str
    missed: int = 0

    @property
    def shard(self) -> int:
        """One of SHARDS, the same for all tickets of an instance, so that two for one minute are one."""
        key = f"{self.tenant_id}#{self.endpoint_id}#{self.job_id}"
        return hashlib.sha256(key.encode()).digest()[0] % SHARDS


def minute_of(moment: datetime) -> datetime:
    """Return the whole minute that a moment belongs to."""
    return moment.replace(second=0, microsecond=0)


def due_minute(look_at: datetime, now: datetime, lead: timedelta = 2 * MINUTE) -> datetime:
    """Return the minute whose sweep shall look: the first from `look_at` on.

    lead: the least there is between this minute and that one, lest it be over before the ticket lies there.
    """
    whole = minute_of(look_at)
    wanted = whole if whole == look_at else whole + MINUTE
    return max(wanted, minute_of(now) + lead)


def rule_of(expected: Expectation) -> str:
    """Return what names an expectation: another schedule, zone, grace or beginning gives another name."""
    facts = (expected.schedule or "", expected.zone, str(expected.grace), str(times.to_millis(expected.since)))
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
