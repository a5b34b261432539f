from dataclasses import replace

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.tenants import Tenant
from chalicelib.store import tenants as tenant_store
from tests.fixtures.builders import NOON

pytestmark = pytest.mark.usefixtures("tables")
ADA = Tenant("ada", "ada", "ada@example.org", "hash", "registering", 0, "t-1", None, NOON)


def test_a_reserved_tenant_is_found():
    tenant_store.reserve(ADA)

    assert tenant_store.find("ada") == ADA


def test_an_unknown_tenant_is_none():
    assert tenant_store.find("ada") is None
    assert tenant_store.find("") is None


def test_a_username_is_taken_once():
    tenant_store.reserve(ADA)

    with pytest.raises(Conflict) as caught:
        tenant_store.reserve(replace(ADA, email="other@example.org"))
    assert list(caught.value.problems) == ["username"]


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@Example.org"])
def test_an_address_is_taken_once_and_takes_no_name_with_it(email):
    tenant_store.reserve(ADA)

    with pytest.raises(Conflict) as caught:
        tenant_store.reserve(replace(ADA, tenant_id="bea", username="bea", email=email))
    assert list(caught.value.problems) == ["email"]
    assert tenant_store.find("bea") is None


def test_an_address_item_is_no_tenant():
    from chalicelib.domain.tenants import email_digest

    tenant_store.reserve(ADA)

    assert tenant_store.find(f"email#{email_digest(ADA.email)}") is None


def test_steps_are_recorded_and_never_go_back():
    tenant_store.reserve(ADA)

    tenant_store.advance(ADA, 5, state="active", forge_credential=b"\x00sealed")
    tenant_store.advance(ADA, 2, state="registering")

    assert tenant_store.find("ada") == replace(ADA, setup_step=5, state="active", forge_credential=b"\x00sealed")
