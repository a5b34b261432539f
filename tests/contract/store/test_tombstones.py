from datetime import timedelta

import pytest

from chalicelib.domain.credentials import Credential
from chalicelib.store import tokens as token_store
from chalicelib.store import tombstones
from tests.fixtures.builders import NOON

pytestmark = pytest.mark.usefixtures("tables")
DIGEST = "d" * 64


def test_the_newest_fate_of_a_token_is_told():
    for fate in ("revoked", "gone"):
        tombstones.put(DIGEST, fate, NOON)

        assert tombstones.find(DIGEST) == fate


def test_nothing_is_known_of_other_tokens():
    tombstones.put(DIGEST, "gone", NOON)

    assert tombstones.find("e" * 64) is None


def test_a_tombstone_is_no_token_and_in_no_list():
    tombstones.put(DIGEST, "revoked", NOON)
    token_store.save(Credential(DIGEST, "enrollment", "ada", "et-1", "ada", "web", NOON))

    assert [found.token_id for found in token_store.list_of_tenant("ada", "enrollment")] == ["et-1"]
    token_store.delete(DIGEST)
    assert token_store.find(DIGEST) is None
    assert tombstones.find(DIGEST) == "revoked"


def test_a_tombstone_is_deleted_after_a_year():
    tombstones.put(DIGEST, "revoked", NOON)

    assert tombstones.TombstoneItem.get(f"tombstone#{DIGEST}").ttl == (NOON + timedelta(days=366)).timestamp()
