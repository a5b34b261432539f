"""A machine that enrolls with another tenant: whose endpoint it was stays, unless it proves itself or was let go."""

import pytest

from tests.functional.api.conftest import FACTS, beat


def of_ada(ada, agent):
    return ada.get(f"/api/endpoints/{agent['endpoint']['id']}").body["endpoint"]


def enroll(tenant, **more):
    return tenant.post("/api/endpoints/enroll", FACTS | more)


def test_another_tenants_enrolment_makes_an_endpoint_there_and_touches_nothing_here(api, ada, eve, agent):
    enrolled = enroll(eve)

    assert enrolled.status == 201
    assert enrolled.body["endpoint"]["id"] != agent["endpoint"]["id"]
    assert (of_ada(ada, agent)["state"], beat(api, agent).status) == ("inactive", 200)


def test_a_machine_that_proves_itself_leaves_its_former_tenant(api, ada, eve, agent):
    enrolled = enroll(eve, previous_token=agent["token"])

    former = of_ada(ada, agent)
    assert (enrolled.status, former["state"], former["is_transferred"]) == (201, "revoked", True)
    assert (beat(api, agent).code, beat(api, enrolled.body).status) == ("endpoint_revoked", 200)


def test_the_former_tenants_repository_is_closed_to_a_machine_that_left(ada, eve, agent, forge):
    enroll(eve, previous_token=agent["token"])

    with pytest.raises(AssertionError, match=r"401|Authentication|denied"):
        forge.clone(agent["git"]["url"], agent["git"]["username"], agent["git"]["token"])


def test_a_copied_token_ends_nothing_from_another_machine(api, ada, eve, agent):
    assert enroll(eve, machine_id="e" * 64, previous_token=agent["token"]).status == 201

    assert (of_ada(ada, agent)["is_transferred"], beat(api, agent).status) == (False, 200)


@pytest.mark.parametrize("token", ["cte_" + "0" * 49, "nonsense", "ctp_" + "0" * 49])
def test_a_token_that_proves_nothing_hinders_nothing(api, ada, eve, agent, token):
    assert enroll(eve, previous_token=token).status == 201

    assert beat(api, agent).status == 200


def test_enrolling_again_with_the_same_tenant_is_no_transfer(ada, agent):
    again = enroll(ada, previous_token=agent["token"])

    assert (again.status, again.body["endpoint"]["is_transferred"]) == (200, False)


def test_a_released_machine_may_be_taken_over(api, ada, eve, agent):
    released = ada.post(f"/api/endpoints/{agent['endpoint']['id']}/release")
    before = beat(api, agent).status
    enroll(eve)

    assert released.body["endpoint"]["released_until"] > released.body["endpoint"]["enrolled_at"]
    assert (before, beat(api, agent).status, of_ada(ada, agent)["is_transferred"]) == (200, 401, True)


def test_a_release_lasts_a_week(api, ada, eve, agent, time_machine):
    ada.post(f"/api/endpoints/{agent['endpoint']['id']}/release")
    time_machine.shift(7 * 24 * 3600 + 1)
    enroll(eve)

    assert beat(api, agent).status == 200


def test_enrolling_again_takes_a_release_back(api, ada, eve, agent):
    ada.post(f"/api/endpoints/{agent['endpoint']['id']}/release")
    again = enroll(ada).body
    enroll(eve)

    assert beat(api, again).status == 200


def test_a_revoked_endpoint_has_nothing_to_release(ada, agent):
    path = f"/api/endpoints/{agent['endpoint']['id']}"
    ada.post(f"{path}/revoke")

    assert ada.post(f"{path}/release").status == 409


def test_while_the_forge_is_down_for_it_the_former_endpoint_stays_as_it_is(api, ada, eve, agent, flaky_forge):
    flaky_forge.calls.clear()
    # The calls of an enrolment come first, then the one that would end the former endpoint.
    enroll(eve, machine_id="e" * 64)
    flaky_forge.fail_call(len(flaky_forge.calls))
    enrolled = enroll(eve, previous_token=agent["token"])
    flaky_forge.heal()

    assert enrolled.status == 201
    assert (of_ada(ada, agent)["is_transferred"], beat(api, agent).status) == (False, 200)
