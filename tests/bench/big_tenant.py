"""A tenant with 100,000 runs of 7 days, 1,000 instances on 200 endpoints, as its tables hold it."""

import base64
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

TENANT, RUNS, INSTANCES, ENDPOINTS, DAYS = "bench", 100_000, 1000, 200, 7
Partitions = dict[str, list[dict[str, Any]]]


def partitions(now: datetime) -> Partitions:
    """Return what the tables hold, by partition."""
    from chalicelib.domain.instances import Change, fold
    from chalicelib.store import days, runs

    found: Partitions = defaultdict(list)
    for number in range(ENDPOINTS):
        found[f"crontopus-endpoints||{TENANT}"].append(_endpoint(number, now))
    for number in range(INSTANCES):
        ran = runs_of(number, now)
        for run in ran:
            feed = {name: value for name, value in _typed(runs._item(run)).items() if name not in ("output", "ttl")}
            found[f"crontopus-runs|feed|{feed['feed']['S']}"].append(feed)
        folded = fold(None, [Change(run) for run in ran], {})
        for day in folded.days:
            found[f"crontopus-days||{TENANT}#{day.date}"].append(_typed(days._item(day)))
        item = _typed(instance_item(folded.instance))
        found[f"crontopus-instances||{item['endpoint_key']['S']}"].append(item)
    for key, items in found.items():
        if key.startswith("crontopus-runs"):
            items.sort(key=lambda item: item["run_id"]["S"])
    return dict(found)


def runs_of(number: int, now: datetime) -> list[Any]:
    from chalicelib.domain import ids
    from tests.fixtures.builders import run

    made = []
    each = RUNS // INSTANCES
    for place in range(each):
        moment = now - timedelta(days=DAYS - 1) * (each - 1 - place) / each - timedelta(milliseconds=number)
        random = (number * each + place).to_bytes(10, "big")
        made.append(
            run(
                tenant_id=TENANT,
                run_id=ids.uuid7_from(moment, random),
                job_id=ids.uuid4_from(number.to_bytes(16, "big")),
                job_name=f"job-number-{number}",
                namespace=f"team-{number % 20}",
                endpoint_id=f"ep-{number % ENDPOINTS:024d}",
                status="failure" if (number + place) % 29 == 0 else "success",
                started_at=moment,
                finished_at=moment,
                received_at=moment,
                reported_at=moment,
            )
        )
    return made


def _endpoint(number: int, now: datetime) -> dict[str, Any]:
    from chalicelib.store.endpoints import EndpointItem

    item = EndpointItem(
        TENANT,
        f"ep-{number:024d}",
        name=f"machine-{number}",
        hostname=f"machine-{number}.example.org",
        platform="linux",
        version="0.1.0",
        machine_id=f"{number:064x}",
        timezone="Europe/Vienna",
        scheduler="debian",
        enrolled_at=now,
        last_heartbeat_at=now,
        token_digest="d" * 64,
        git_token_name="x",
        is_revoked=False,
    )
    return {name: value for name, value in _typed(item).items() if name not in ("labels", "problems")}


def instance_item(instance: Any) -> Any:
    from chalicelib.store import instances

    return instances.InstanceItem(
        f"{TENANT}#{instance.endpoint_id}",
        instance.job_id,
        name=instance.job_name,
        namespace=instance.namespace,
        status="scheduled",
        source="crontopus",
        drift=False,
        seen_at=instance.last.started_at,
        last=instances._packed(instance.last),
        success_at=instance.last_success_at,
        failure_at=instance.last_failure_at,
        recent=instance.recent.to_bytes(),
        hours=instance.hours.to_bytes(),
        day=instance.day,
        today=instance.today.to_text(),
        rev=100,
    )


def _typed(item: Any) -> dict[str, Any]:
    """Return an item as JSON says it."""
    values = item.serialize(null_check=False)
    return {name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in values.items()}
