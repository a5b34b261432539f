from dataclasses import replace

import pytest

from chalicelib.domain.endpoints import Endpoint, Facts, Heartbeat, endpoint_id
from chalicelib.domain.errors import NotFound
from chalicelib.store import endpoints as endpoint_store
from tests.fixtures.builders import NOON

pytestmark = pytest.mark.usefixtures("tables")
FACTS = Facts("web", "web.example.org", "linux", "0.1.0", "a" * 64, "Europe/Paris", "debian")
WEB = Endpoint("ada", "ep-1", FACTS, NOON, None, None, 0, (), "d" * 64, "ep-1")
BEAT = Heartbeat("0.2.0", "c" * 40, 3, NOON, NOON, None, "cronie", ("crontab cannot be read",))


def test_an_endpoint_is_stored_as_it_enrolled():
    endpoint_store.save(WEB)

    assert endpoint_store.find("ada", "ep-1") == WEB
    assert endpoint_store.find("eve", "ep-1") is None


def test_a_heartbeat_is_what_the_agent_last_said():
    endpoint_store.save(WEB)

    endpoint_store.record_heartbeat("ada", "ep-1", BEAT, NOON)

    facts = replace(FACTS, version="0.2.0", timezone=None, scheduler="cronie")
    expected = replace(WEB, facts=facts, last_heartbeat_at=NOON, commit="c" * 40, spool_depth=3, problems=BEAT.problems)
    assert endpoint_store.find("ada", "ep-1") == expected


def test_a_heartbeat_may_say_nothing_of_what_is_unknown():
    endpoint_store.save(WEB)

    endpoint_store.record_heartbeat("ada", "ep-1", replace(BEAT, commit=None, oldest_unsent_at=None, scheduler=None), NOON)

    assert endpoint_store.find("ada", "ep-1").commit is None


def test_a_heartbeat_makes_no_endpoint():
    with pytest.raises(NotFound) as caught:
        endpoint_store.record_heartbeat("ada", "ep-1", BEAT, NOON)

    assert caught.value.code == "endpoint_gone"
    assert endpoint_store.find("ada", "ep-1") is None


def test_a_tenant_lists_its_own():
    for endpoint in (WEB, replace(WEB, endpoint_id="ep-2"), replace(WEB, tenant_id="eve")):
        endpoint_store.save(endpoint)

    assert [endpoint.endpoint_id for endpoint in endpoint_store.list_of_tenant("ada")] == ["ep-1", "ep-2"]


def test_a_machine_has_one_id_in_a_tenant_and_another_in_the_next():
    assert endpoint_id("ada", "m") == endpoint_id("ada", "m")
    assert len({endpoint_id("ada", "m"), endpoint_id("eve", "m"), endpoint_id("ada", "n"), endpoint_id("adam", "")}) == 4
