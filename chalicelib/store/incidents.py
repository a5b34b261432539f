"""Incidents in the alerts table: each one's item, and for each open one an item that only one can have."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.transactions import TransactWrite

from chalicelib.domain import times
from chalicelib.domain.alert_rules import Subject
from chalicelib.domain.errors import Conflict
from chalicelib.domain.incidents import Event, Incident
from chalicelib.store.tables import Table, WholeNumber, connection, is_condition_failure, store_errors, table_name

KEPT = timedelta(days=400)
_INCIDENT, _OPEN = "incident#", "open#"
_MOMENTS = ("opened_at", "last_bad_at", "resolved_at", "snoozed_until")


class AlertItem(Table):
    """id: `incident#` and its id, or `open#` and the key of its episode."""

    class Meta:
        table_name = table_name("alerts")

    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute(null=True)
    incident_id = UnicodeAttribute(null=True)
    rev = WholeNumber(null=True)
    ttl = WholeNumber(null=True)


def find(tenant_id: str, incident_id: str) -> Incident | None:
    """Return the incident, or None."""
    try:
        with store_errors():
            return _incident(AlertItem.get(tenant_id, _INCIDENT + incident_id, consistent_read=True))
    except AlertItem.DoesNotExist:
        return None


def find_open(tenant_id: str, key: str) -> Incident | None:
    """Return the open incident of an episode, or None. key: see `incidents.episode_key`."""
    try:
        with store_errors():
            incident_id = AlertItem.get(tenant_id, _OPEN + key, consistent_read=True).incident_id
    except AlertItem.DoesNotExist:
        return None
    return find(tenant_id, incident_id)


def list_open(tenant_id: str) -> list[Incident]:
    """Return the open incidents, the newest first: one Query, and one read for each hundred of them."""
    with store_errors():
        ids = [item.incident_id for item in AlertItem.query(tenant_id, AlertItem.id.startswith(_OPEN), consistent_read=True)]
        found = map(_incident, AlertItem.batch_get([(tenant_id, _INCIDENT + one) for one in ids], consistent_read=True))
        return sorted(found, key=lambda incident: incident.incident_id, reverse=True)


def page(tenant_id: str, before: str | None, limit: int) -> list[Incident]:
    """Return at most `limit` incidents, the newest first. before: only older ones than this id."""
    newest = _INCIDENT + before if before else _INCIDENT + "~"
    with store_errors():
        found = AlertItem.query(
            tenant_id, AlertItem.id.between(_INCIDENT, newest), scan_index_forward=False, limit=limit + 1, page_size=limit + 1
        )
        return [_incident(item) for item in found if item.id != newest][:limit]


def add(incident: Incident) -> bool:
    """Store a new incident, and say whether it is: another one of the same episode may be open already. One transaction."""
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.save(_pointer(incident), condition=AlertItem.id.does_not_exist())
            transaction.save(_item(replace(incident, rev=1)), condition=AlertItem.id.does_not_exist())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def save(before: Incident, after: Incident) -> Incident:
    """Write what has become of an incident and return it as it is stored; an ended one makes room for the next of its episode.

    Raise Conflict if somebody else has written it since it was read.
    """
    stored = replace(after, rev=before.rev + 1)
    is_same = AlertItem.rev == before.rev
    try:
        with store_errors():
            if before.is_open and not after.is_open:
                with TransactWrite(connection=connection()) as transaction:
                    transaction.save(_item(stored), condition=is_same)
                    transaction.delete(_pointer(before), condition=AlertItem.incident_id == before.incident_id)
            else:
                _item(stored).save(condition=is_same)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"incident {before.incident_id} changed since it was read; try again") from e
    return stored


def _pointer(incident: Incident) -> AlertItem:
    return AlertItem(incident.tenant_id, _OPEN + incident.key, incident_id=incident.incident_id)


def _item(incident: Incident) -> AlertItem:
    ends_at = incident.resolved_at + KEPT if incident.resolved_at else None
    return AlertItem(
        incident.tenant_id,
        _INCIDENT + incident.incident_id,
        body=json.dumps(_plain(incident), separators=(",", ":")),
        rev=incident.rev,
        ttl=int(ends_at.timestamp()) if ends_at else None,
    )


def _plain(incident: Incident) -> dict[str, Any]:
    facts = asdict(incident)
    for name in ("tenant_id", "incident_id", "rev"):
        del facts[name]
    for name in _MOMENTS:
        facts[name] = _text(facts[name])
    facts["told"] = [[_text(at), kind] for at, kind in incident.told]
    facts["events"] = [[_text(event.at), event.kind, event.words, event.who] for event in incident.events]
    return facts


def _incident(item: AlertItem) -> Incident:
    facts: dict[str, Any] = json.loads(item.body or "{}")
    facts |= {name: _moment(facts[name]) for name in _MOMENTS}
    return Incident(
        **facts
        | {
            "tenant_id": item.tenant_id,
            "incident_id": item.id.removeprefix(_INCIDENT),
            "rev": item.rev,
            "subject": _subject(facts["subject"]),
            "told": tuple((_moment(at), kind) for at, kind in facts["told"]),
            "events": tuple(Event(times.from_text(at), kind, words, who) for at, kind, words, who in facts["events"]),
        }
    )


def _subject(facts: Mapping[str, Any]) -> Subject:
    return Subject(**facts)


def _text(moment: datetime | None) -> str | None:
    return times.to_text(moment) if moment else None


def _moment(text: str | None) -> datetime | None:
    return times.from_text(text) if text else None
