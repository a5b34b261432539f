"""What no webhook told of is found by the poll, at a cost that follows what changed and not how many tenants there are."""

from datetime import timedelta

import pytest
import requests

from chalicelib.domain.errors import TooLarge, Unavailable
from chalicelib.services import doors, tending
from chalicelib.services.polling import WORKER, Poll
from chalicelib.store import watermarks
from tests.functional.api import forge as forges
from tests.functional.api.client import connect
from tests.functional.api.conftest import tenant
from tests.functional.api.test_webhook import NAMELESS, deliver, event, verdicts

SCHEDULED = {
    "version": "0", "account": "0", "region": "eu-central-1", "detail": {}, "detail-type": "Scheduled Event",
    "source": "aws.events", "time": "2026-11-20T12:00:00Z", "id": "1", "resources": [],
}  # fmt: skip


@pytest.fixture
def poll(api, forge):
    """Poll the repositories of this test's organisation; those of other tests are not ours to look at."""
    made = Poll(
        forge=doors.forge(),
        admin=doors.forge_provisioning(),
        vault=doors.vault(),
        organization=forge.organization,
        public_url="http://127.0.0.1:9",
        random=lambda count: bytes(range(count)),
        request_id="poll-1",
    )
    return lambda: dict(made.tend_changed())


def test_the_function_polls_what_the_deployment_names(api, ada, forge):
    forge.push("ada", "default/pushed.yaml", NAMELESS)

    connect().lambda_.invoke("tend_repositories", SCHEDULED)

    assert verdicts(forge)[0] == ("success", "1 job, all good")


def hooks(forge, tenant_id="ada"):
    url = f"{forge.url}/api/v1/repos/{forge.organization}/job-manifests-{tenant_id}/hooks"
    return url, requests.get(url, auth=(forges.ADMIN, forges.ADMIN_PASSWORD), timeout=10).json()


def test_a_push_that_no_event_told_of_is_tended(ada, forge, poll):
    poll()
    forge.push("ada", "default/pushed.yaml", NAMELESS)

    assert poll() == {"tended": 1}
    assert len(ada.get("/api/jobs/default/pushed").body["job"]["id"]) == 36
    assert verdicts(forge)[0] == ("success", "1 job, all good")


def test_looking_again_changes_nothing(ada, forge, poll):
    forge.push("ada", "default/pushed.yaml", NAMELESS)
    poll()
    before = forge.commits("ada")[0]

    assert set(poll()) <= {"known"}
    assert forge.commits("ada")[0] == before
    assert len(verdicts(forge)) == 1


def test_what_the_webhook_has_tended_is_left_alone(api, ada, forge, poll):
    forge.push("ada", "default/pushed.yaml", NAMELESS)
    deliver(api, event(forge))

    assert set(poll()) == {"known"}
    assert len(verdicts(forge)) == 1


def test_a_webhook_that_is_missing_is_made(ada, forge, poll):
    url, (hook,) = hooks(forge)
    requests.delete(f"{url}/{hook['id']}", auth=(forges.ADMIN, forges.ADMIN_PASSWORD), timeout=10)
    forge.push("ada", "default/pushed.yaml", NAMELESS)

    assert poll() == {"hooked": 1}
    assert [one["config"]["url"] for one in hooks(forge)[1]] == ["http://127.0.0.1:9/api/webhooks/forge"]


def test_a_quiet_minute_costs_a_few_forge_calls_whatever_the_number_of_tenants(api, forge, flaky_forge, poll):
    for name in ("ada", "eve", "kim", "lou"):
        tenant(api, name)
    poll()
    last = watermarks.find(WORKER)
    watermarks.advance(WORKER, last, last + timedelta(seconds=1))
    flaky_forge.calls.clear()

    assert poll() == {}
    assert len(flaky_forge.calls) == 1


def test_a_repository_that_cannot_be_tended_keeps_no_other_from_it(api, forge, poll, monkeypatch):
    for name in ("ada", "eve"):
        tenant(api, name)
        forge.push(name, "default/pushed.yaml", NAMELESS)
    tended = []
    monkeypatch.setattr(tending, "tend", _refusing("ada", tended))

    assert poll() == {"failed": 1, "tended": 1}
    assert tended == ["eve"]


def _refusing(tenant_id, tended):
    def tend(repository, *_):
        if repository.tenant_id == tenant_id:
            raise TooLarge("the repository holds too much")
        tended.append(repository.tenant_id)

    return tend


def test_a_forge_that_goes_down_halfway_is_asked_again_from_there(api, forge, flaky_forge, poll):
    tenant(api, "ada")
    forge.push("ada", "default/pushed.yaml", NAMELESS)
    flaky_forge.is_down = True

    with pytest.raises(Unavailable):
        poll()
    flaky_forge.is_down = False

    assert poll() == {"tended": 1}
