"""What a check-in costs, in write units, counted as DynamoDB counts: one for each begun KiB of every item and index entry."""

import math
import random

import pytest

from chalicelib.store import endpoints, runs
from tests.fixtures.builders import run

pytestmark = pytest.mark.usefixtures("tables")
BUDGET = 4


def size_bytes(attributes: dict) -> int:
    """Return the size of an item in the service's own format. Source: the developer guide, item sizes and formats."""
    total = 0
    for name, typed in attributes.items():
        ((kind, value),) = typed.items()
        total += len(name.encode()) + {
            "S": lambda v: len(v.encode()),
            "B": len,
            "N": lambda v: math.ceil(len(v.lstrip("-")) / 2) + 1,
            "BOOL": lambda v: 1,
            "NULL": lambda v: 1,
        }[kind](value)
    return total


def units(item: runs.RunItem) -> int:
    whole = item.serialize(null_check=False)
    projected = {*runs.FEED_ATTRIBUTES, "job_key", "run_id", "feed"}
    entry = {name: value for name, value in whole.items() if name in projected}
    return math.ceil(size_bytes(whole) / 1024) + math.ceil(size_bytes(entry) / 1024)


def test_a_run_with_500_bytes_of_output_fits_the_budget():
    noise = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789 \n", k=500))

    assert units(runs._item(run(output=noise, job_name="j" * 63, namespace="n" * 63, tenant_id="t" * 39))) <= BUDGET


def test_the_usual_run_costs_two_units():
    assert units(runs._item(run())) == 2


def test_the_feed_holds_what_the_template_projects():
    from tests.tables import declared_tables

    (table,) = [table for table in declared_tables() if table["TableName"].endswith("runs")]

    assert set(table["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"]) == set(runs.FEED_ATTRIBUTES)


def test_a_heartbeat_touches_no_index():
    assert not endpoints.EndpointItem._indexes
