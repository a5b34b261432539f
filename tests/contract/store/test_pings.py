"""The table of pings: who comes second loses, and what is kept is what is listed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.checks import Check, Definition, Flip, Start, State
from chalicelib.domain.pings import Kept
from chalicelib.store import pings
from tests.fixtures.builders import JOB_ID, NOON, run, run_id

pytestmark = pytest.mark.usefixtures("tables")

RID = "9e0ac3f2-3d2b-4d0c-8f83-2f6a1c0b7d01"
DEFINITION = Definition(
    "ada", JOB_ID, "default", "backup", "my_backup", "default/backup.yaml", "a" * 40, schedule="0 8 * * *", zone="Europe/Paris"
)
FULL = State(
    count=7,
    last_ping_at=NOON,
    result="down",
    last_duration_ms=12,
    open=Start(run_id(2), RID),
    starts=(Start(run_id(1), None), Start(run_id(2), RID)),
    flips=(Flip(NOON - timedelta(hours=1), True), Flip(NOON, False)),
    is_resumed=True,
)


def kept(number: int = 1, **changes: object) -> Kept:
    facts = {
        "number": number, "kind": "success", "at": NOON, "method": "GET", "scheme": "https", "remote_addr": "192.0.2.1",
        "user_agent": "curl/8", "rid": None, "duration_ms": None, "run_id": None, "body": None, "has_body": False,
    }  # fmt: skip
    return Kept(**(facts | changes))


@pytest.fixture
def check() -> Check:
    assert pings.define(DEFINITION, State(), NOON, expected=None)
    return Check(DEFINITION, State())


def test_what_was_defined_is_found(check):
    found = pings.find(JOB_ID)

    assert found == pings.Found(check, is_retired=False)


def test_every_part_of_the_state_comes_back(check):
    assert pings.advance(check, FULL)

    assert pings.load_many([JOB_ID]) == {JOB_ID: Check(DEFINITION, FULL)}


def test_the_key_is_no_job_id():
    assert pings.define(DEFINITION, State(), NOON, expected=None)

    (entry,) = pings.PingItem.scan()
    assert JOB_ID not in entry.check_key


def test_of_two_pings_that_read_the_same_the_second_one_loses(check):
    assert pings.advance(check, replace(check.state, count=1))

    assert not pings.advance(check, replace(check.state, count=1))


def test_a_ping_loses_to_a_new_definition(check):
    assert pings.define(replace(DEFINITION, sha="b" * 40), State(), NOON, expected=check)

    assert not pings.advance(check, replace(check.state, count=1))


def test_a_definition_loses_to_a_ping(check):
    assert pings.advance(check, replace(check.state, count=1))

    assert not pings.define(replace(DEFINITION, sha="b" * 40), State(), NOON, expected=check)


def test_nobody_takes_an_id_that_is_in_use(check):
    assert not pings.define(replace(DEFINITION, tenant_id="eve"), State(), NOON, expected=None)


def test_a_retired_check_is_not_listed_and_keeps_its_state(check):
    pings.advance(check, FULL)

    pings.retire("ada", JOB_ID, DEFINITION.sha, NOON)

    assert pings.entries("ada") == []
    assert pings.find(JOB_ID) == pings.Found(Check(DEFINITION, FULL), is_retired=True)


def test_only_its_tenant_retires_a_check_and_only_as_it_was_read(check):
    pings.retire("eve", JOB_ID, DEFINITION.sha, NOON)
    pings.retire("ada", JOB_ID, "b" * 40, NOON)

    assert [entry.job_id for entry in pings.entries("ada")] == [JOB_ID]


def test_checks_are_listed_by_tenant_and_slug(check):
    pings.define(replace(DEFINITION, job_id=RID, slug="other"), State(), NOON, expected=None)

    assert [entry.slug for entry in pings.entries("ada")] == ["my_backup", "other"]
    assert [entry.job_id for entry in pings.entries("ada", "my_backup")] == [JOB_ID]
    assert pings.entries("eve") == []


def test_the_last_hundred_pings_are_kept(check):
    for number in range(1, 103):
        pings.keep(JOB_ID, kept(number), None)
    now = Check(DEFINITION, State(count=102))

    numbers = [ping.number for ping in pings.list_kept(now)]

    assert numbers == list(range(102, 2, -1))
    assert pings.find_kept(now, 2) is None


def test_pings_of_a_ring_that_was_begun_anew_are_not_listed(check):
    pings.keep(JOB_ID, kept(50), None)

    assert pings.list_kept(Check(DEFINITION, State(count=3))) == []


def test_a_ping_and_its_run_are_one_call(check, calls):
    whole = kept(kind="fail", rid=RID, duration_ms=5, run_id=run_id(), body=b"\x00\xff", has_body=True)

    pings.keep(JOB_ID, whole, run())

    assert calls.names == ["BatchWriteItem"]
    assert pings.find_kept(Check(DEFINITION, State(count=1)), 1) == whole
