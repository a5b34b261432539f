from dataclasses import replace

import pytest

from chalicelib.domain.endpoints import Endpoint, Facts, Heartbeat, endpoint_id
from chalicelib.domain.errors import Conflict, Gone, NotFound, Unauthenticated
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import heartbeats as heartbeat_store
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

    told = heartbeat_store.record("ada", "ep-1", BEAT, NOON)

    facts = replace(FACTS, version="0.2.0", timezone=None, scheduler="cronie")
    expected = replace(WEB, facts=facts, last_heartbeat_at=NOON, commit="c" * 40, spool_depth=3, problems=BEAT.problems)
    expected = replace(expected, oldest_unsent_at=BEAT.oldest_unsent_at, clock_at=BEAT.clock_at)
    assert endpoint_store.find("ada", "ep-1") == told == expected


def test_a_heartbeat_may_say_nothing_of_what_is_unknown():
    endpoint_store.save(WEB)

    heartbeat_store.record("ada", "ep-1", replace(BEAT, commit=None, oldest_unsent_at=None, scheduler=None), NOON)

    assert endpoint_store.find("ada", "ep-1").commit is None


def test_a_heartbeat_makes_no_endpoint():
    with pytest.raises(Gone) as caught:
        heartbeat_store.record("ada", "ep-1", BEAT, NOON)

    assert caught.value.code == "endpoint_gone"
    assert endpoint_store.find("ada", "ep-1") is None


def test_a_heartbeat_does_not_revive_a_revoked_endpoint():
    endpoint_store.save(WEB)
    endpoint_store.mark_revoked(WEB)

    with pytest.raises(Unauthenticated) as caught:
        heartbeat_store.record("ada", "ep-1", BEAT, NOON)

    assert caught.value.code == "endpoint_revoked"
    assert endpoint_store.find("ada", "ep-1") == replace(WEB, is_revoked=True)


@pytest.mark.parametrize(("name", "labels"), [("new", None), (None, {"team": "ops"}), (None, {}), ("new", {"a": "", "é": "ü"})])
def test_what_is_amended_changes_and_the_rest_stays(name, labels):
    before = replace(WEB, labels={"old": "1"})
    endpoint_store.save(before)

    told = endpoint_store.amend("ada", "ep-1", name, labels)

    expected = replace(
        before, facts=replace(FACTS, name=name or FACTS.name), labels=before.labels if labels is None else labels
    )
    assert endpoint_store.find("ada", "ep-1") == told == expected


def test_an_endpoint_stored_before_there_were_labels_has_none():
    endpoint_store.save(WEB)
    endpoint_store.EndpointItem("ada", "ep-1").update(actions=[endpoint_store.EndpointItem.labels.remove()])

    assert endpoint_store.find("ada", "ep-1") == WEB
    assert heartbeat_store.record("ada", "ep-1", BEAT, NOON).labels == {}


def test_amending_makes_no_endpoint():
    with pytest.raises(NotFound):
        endpoint_store.amend("ada", "ep-1", "new", None)

    assert endpoint_store.find("ada", "ep-1") is None


def test_an_endpoint_that_enrolled_again_meanwhile_is_not_revoked():
    again = replace(WEB, token_digest="e" * 64)
    endpoint_store.save(again)

    with pytest.raises(Conflict):
        endpoint_store.mark_revoked(WEB)
    assert endpoint_store.find("ada", "ep-1") == again


def test_only_a_revoked_endpoint_is_deleted():
    endpoint_store.save(WEB)

    with pytest.raises(Conflict):
        endpoint_store.delete_revoked(WEB)
    endpoint_store.delete_revoked(endpoint_store.mark_revoked(WEB))

    assert endpoint_store.find("ada", "ep-1") is None


def test_a_tenant_lists_its_own():
    for endpoint in (WEB, replace(WEB, endpoint_id="ep-2"), replace(WEB, tenant_id="eve")):
        endpoint_store.save(endpoint)

    assert [endpoint.endpoint_id for endpoint in endpoint_store.list_of_tenant("ada")] == ["ep-1", "ep-2"]


def test_a_machine_has_one_id_in_a_tenant_and_another_in_the_next():
    assert endpoint_id("ada", "m") == endpoint_id("ada", "m")
    assert len({endpoint_id("ada", "m"), endpoint_id("eve", "m"), endpoint_id("ada", "n"), endpoint_id("adam", "")}) == 4
