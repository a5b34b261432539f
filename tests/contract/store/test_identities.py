from dataclasses import replace

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.sso import Identity
from chalicelib.domain.tenants import Tenant
from chalicelib.store import identities, tenants
from tests.fixtures.builders import NOON

FIRST = Identity("id-1", "ada", "oidc", "https://id.example.org", "1", "ada@example.org", NOON)
SECOND = replace(FIRST, identity_id="id-2", subject="2")
ADA = Tenant("ada", "ada", "ada@example.org", "", "registering", 0, "t-1", None, NOON)


@pytest.fixture
def ada(tables) -> Tenant:
    """Ada, who has no password."""
    tenants.reserve(ADA)
    return ADA


def count() -> int:
    found = tenants.find("ada")
    assert found
    return found.identity_count


def test_a_person_is_found_by_issuer_and_subject_together(ada):
    identities.link(FIRST)

    assert identities.find("https://id.example.org", "1") == FIRST
    assert identities.find("https://id.example.org", "2") is None
    assert identities.find("https://other.example.org", "1") is None


def test_parts_do_not_run_into_one_another(ada):
    identities.link(replace(FIRST, issuer="https://a", subject="bc"))

    assert identities.find("https://ab", "c") is None


def test_identities_are_listed_in_order_and_counted(ada):
    identities.link(FIRST)
    identities.link(SECOND)

    assert identities.list_of_tenant("ada") == [FIRST, SECOND]
    assert (identities.list_of_tenant("eve"), count()) == ([], 2)


def test_a_person_is_linked_once_and_counted_once(ada):
    tenants.reserve(replace(ADA, tenant_id="eve", username="eve", email="eve@example.org"))
    identities.link(FIRST)

    for tenant_id in ("ada", "eve"):
        with pytest.raises(Conflict):
            identities.link(replace(FIRST, tenant_id=tenant_id, identity_id="id-9"))
    assert count() == 1


def test_nobody_is_linked_to_an_account_that_is_not_there(tables):
    with pytest.raises(Conflict):
        identities.link(FIRST)

    assert identities.find(FIRST.issuer, FIRST.subject) is None


def test_of_two_unlinkings_at_once_one_leaves_a_way_in(ada):
    """Each saw two identities when it decided."""
    identities.link(FIRST)
    identities.link(SECOND)

    identities.unlink(FIRST)
    with pytest.raises(Conflict):
        identities.unlink(SECOND)
    assert identities.list_of_tenant("ada") == [SECOND]


def test_with_a_password_the_last_one_may_go(ada):
    tenants.change_password(ADA, "hash")
    identities.link(FIRST)

    identities.unlink(FIRST)

    assert (identities.list_of_tenant("ada"), count()) == ([], 0)


def test_with_a_password_that_was_sworn_off_it_stays(ada):
    tenants.change_password(ADA, "hash")
    identities.link(FIRST)
    identities.set_sso_only("ada", is_sso_only=True)

    with pytest.raises(Conflict):
        identities.unlink(FIRST)


def test_what_is_unlinked_is_not_unlinked_twice(ada):
    tenants.change_password(ADA, "hash")
    identities.link(FIRST)
    identities.unlink(FIRST)

    with pytest.raises(Conflict):
        identities.unlink(FIRST)
    assert count() == 0


def test_a_password_is_sworn_off_only_where_there_is_another_way_in(ada):
    with pytest.raises(Conflict):
        identities.set_sso_only("ada", is_sso_only=True)

    identities.set_sso_only("ada", is_sso_only=False)


def test_a_use_is_noted_but_brings_nothing_back(ada):
    tenants.change_password(ADA, "hash")
    identities.link(FIRST)
    identities.note_use(FIRST, NOON)
    used = identities.find(FIRST.issuer, FIRST.subject)
    identities.unlink(FIRST)

    identities.note_use(FIRST, NOON)

    assert used and used.last_used_at == NOON
    assert identities.find(FIRST.issuer, FIRST.subject) is None
