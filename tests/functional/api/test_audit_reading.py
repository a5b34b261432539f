"""The audit log read back: in pages, by filter, and link by link."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import audit as rules
from chalicelib.services import audit
from tests.functional.api.test_audit import JOB, entries
from tests.tables import aws


def actions(api, query: str = "") -> list[str]:
    return [entry["action"] for entry in entries(api, query)]


def tamper(tenant_id: str, seq: int, **changes: dict) -> None:
    names = {f"#{name}": name for name in changes}
    sets = ", ".join(f"#{name} = :{name}" for name in changes)
    aws("dynamodb").update_item(
        TableName="crontopus-audit",
        Key={"tenant_id": {"S": tenant_id}, "seq": {"N": str(seq)}},
        UpdateExpression=f"SET {sets}",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
    )


def test_a_log_that_nobody_touched_is_valid(ada):
    ada.post("/api/enrollment-tokens", {"name": "x"})

    verdict = ada.get("/api/audit/verify").body

    assert (verdict["valid"], verdict["checked"], verdict["first_seq"], verdict["last_seq"]) == (True, 3, 1, 3)
    assert verdict["head"] == ada.get("/api/audit").body["head"]
    assert verdict["head"]["hash"] == entries(ada)[0]["hash"]


@pytest.mark.parametrize(
    "changes",
    [{"entry": {"S": '{"seq":2,"at":"2026-11-20T12:00:00.000Z"}'}}, {"entry": {"S": "not JSON"}}, {"hash": {"S": "0" * 64}}],
)
def test_the_first_entry_that_was_touched_is_named(ada, changes):
    ada.post("/api/enrollment-tokens", {"name": "x"})
    tamper("ada", 2, **changes)

    verdict = ada.get("/api/audit/verify").body

    assert (verdict["valid"], verdict["broken"]["seq"], verdict["next"]) == (False, 2, None)


def test_an_entry_that_was_removed_is_named(ada):
    ada.post("/api/enrollment-tokens", {"name": "x"})
    aws("dynamodb").delete_item(TableName="crontopus-audit", Key={"tenant_id": {"S": "ada"}, "seq": {"N": "2"}})

    assert ada.get("/api/audit/verify").body["broken"]["seq"] == 3


def test_a_long_log_is_verified_page_by_page(ada, monkeypatch):
    monkeypatch.setattr(audit, "MAX_VERIFIED", 2)
    for number in range(3):
        ada.post("/api/enrollment-tokens", {"name": str(number)})
    tamper("ada", 5, hash={"S": "0" * 64})

    first = ada.get("/api/audit/verify").body
    second = ada.get(f"/api/audit/verify?next={first['next']}").body
    third = ada.get(f"/api/audit/verify?next={second['next']}").body

    assert [(page["valid"], page["checked"], page["next"]) for page in (first, second, third)] == [
        (True, 2, "2"),
        (True, 2, "4"),
        (False, 1, None),
    ]


def test_what_the_api_shows_verifies_without_the_api(ada):
    ada.post("/api/jobs", JOB)

    shown = [rules.entry_from(entry) for entry in reversed(entries(ada))]

    assert rules.verify(shown, datetime.now(UTC)).broken is None


def test_pages_follow_one_another(ada):
    for number in range(3):
        ada.post("/api/enrollment-tokens", {"name": str(number)})

    first = ada.get("/api/audit?limit=2").body
    second = ada.get(f"/api/audit?limit=2&next={first['next']}").body
    third = ada.get(f"/api/audit?limit=2&next={second['next']}").body

    assert [[entry["seq"] for entry in page["entries"]] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third["next"] is None


def test_entries_are_filtered_by_action_and_time(ada, time_machine):
    ada.post("/api/enrollment-tokens", {"name": "early"})
    noon = datetime.now(UTC) + timedelta(minutes=5)
    time_machine.move_to(noon + timedelta(minutes=5))
    ada.post("/api/enrollment-tokens", {"name": "late"})
    text = noon.strftime("%Y-%m-%dT%H:%M:%SZ")

    assert actions(ada, "?action=session") == ["session.started"]
    assert [entry["target"]["enrollment_token.name"] for entry in entries(ada, "?action=enrollment_token.created")] == [
        "late",
        "early",
    ]
    assert [entry["seq"] for entry in entries(ada, f"?since={text}")] == [4]
    assert [entry["seq"] for entry in entries(ada, f"?until={text}")] == [3, 2, 1]
    assert ada.get("/api/audit?since=yesterday").status == 422


def test_a_log_is_for_its_own_tenant_and_for_those_who_administer_it(api, ada, eve):
    narrow = api.as_(ada.post("/api/tokens", {"name": "ci", "scopes": ["read:tenant"]}).body["plain_text"])

    assert {entry["tenant_id"] for entry in entries(eve)} == {"eve"}
    assert narrow.get("/api/audit").status == 403
