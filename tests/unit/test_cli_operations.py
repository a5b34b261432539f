"""Tenants, the audit log, ping keys, metrics, and jobs as they stand on machines."""

import json
from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

AT = "2026-11-20T11:57:00.000Z"
ENDPOINTS = Reply({"endpoints": [{"id": "ep-1", "name": "web"}]})
INSTANCE = {
    "job_id": "x",
    "job_name": "backup",
    "namespace": "ops",
    "endpoint_id": "ep-1",
    "status": "scheduled",
    "source": "crontopus",
    "drift": False,
    "reason": None,
    "last_seen": AT,
    "last_run": {"run_id": "r", "status": "failure", "started_at": AT},
    "streak": {"ending": "failure", "length": 3},
}


def instance(**changes: Any) -> dict[str, Any]:
    return {**INSTANCE, **changes}


def test_the_jobs_of_a_machine_tell_how_they_stand() -> None:
    api = FakeApi(ENDPOINTS, Reply({"jobs": [instance()], "total": 1}))

    result = run("endpoints", "jobs", "web", api=api)

    assert api.sent[1] == ("GET", "/api/endpoints/ep-1/jobs")
    assert "ops/backup  scheduled  failure   3m ago   3 failure" in result.stdout


def test_a_job_that_the_scheduler_does_not_hold_is_in_drift() -> None:
    jobs = [instance(drift=True, last_run=None, streak={"ending": None, "length": 0})]

    shown = run("endpoints", "jobs", "web", api=FakeApi(ENDPOINTS, Reply({"jobs": jobs, "total": 1}))).stdout

    assert "drift   never" in shown
    assert "the scheduler does not hold what it should" in shown


def test_only_what_others_made_is_discovered() -> None:
    jobs = [instance(), instance(job_name="tidy", namespace="discovered", source="discovered")]

    result = run("endpoints", "discovered", "web", "-o", "name", api=FakeApi(ENDPOINTS, Reply({"jobs": jobs, "total": 2})))

    assert result.stdout == "discovered/tidy\n"


def test_a_job_is_shown_on_each_of_its_machines() -> None:
    place = {"id": "ep-1", "name": "web", "state": "active", "instance": instance()}

    result = run("jobs", "endpoints", "ops/backup", api=FakeApi(Reply({"endpoints": [place], "job_id": "x", "total": 1})))

    assert "web       active  scheduled  failure" in result.stdout


def test_an_installer_goes_into_a_file_byte_for_byte() -> None:
    api = FakeApi(Reply(b"#!/bin/sh\n# \xc3\xbc\n"))

    result = run("endpoints", "installer", "linux", api=api)

    assert result.stdout == "#!/bin/sh\n# ü\n"
    assert api.sent == [("GET", "/api/endpoints/install/script/linux")]


def test_an_installer_that_is_refused_is_no_file() -> None:
    result = run("endpoints", "installer", "linux", api=FakeApi(refusal(403, "forbidden", "not with this token")))

    assert (result.exit_code, result.stdout) == (4, "")


def test_a_released_machine_says_until_when() -> None:
    released = {"id": "ep-1", "name": "web", "released_until": "2026-11-21T12:00:00.000Z"}

    result = run("endpoints", "release", "web", "--yes", api=FakeApi(ENDPOINTS, Reply({"endpoint": released})))

    assert result.stdout == "Released endpoint web until 2026-11-21 12:00:00+00:00 (in 1d).\n"


@pytest.mark.parametrize(
    ("args", "sent"),
    [
        (("--description", "d"), {"description": "d"}),
        (("--colour", ""), {"colour": None}),
        (("--description", "", "--colour", "#00ff00"), {"description": None, "colour": "#00ff00"}),
    ],
)
def test_a_namespace_is_described_and_an_empty_text_takes_it_away(args: tuple[str, ...], sent: dict[str, Any]) -> None:
    api = FakeApi(Reply({"namespace": {}, "commit": "c0ffee"}))

    result = run("namespaces", "update", "ops", *args, api=api)

    assert api.last_body == sent
    assert result.stdout == "Updated namespace ops (commit c0ffee).\n"


def test_a_namespace_update_of_nothing_is_a_usage_error() -> None:
    assert run("namespaces", "update", "ops").exit_code == 2


TENANT = {"id": "ann", "email": "a@b.c", "email_verified": False, "state": "active", "retention_days": 90, "created_at": AT}


def test_ones_own_account_is_shown_with_what_it_used() -> None:
    usage = {"month": "2026-11", "calls": 5, "check_ins": 7, "stored_bytes": 9, "endpoints": 1}
    api = FakeApi(Reply({"tenant": TENANT, "usage": usage, "limits": {}}))

    shown = run("tenants", "show", api=api).stdout

    assert api.sent == [("GET", "/api/tenants/me")]
    assert "a@b.c (not verified)" in shown
    assert "Check-ins   7" in shown


def test_accounts_are_listed_over_pages() -> None:
    api = FakeApi(Reply({"tenants": [TENANT], "next": "x"}), Reply({"tenants": [{**TENANT, "id": "bob"}], "next": None}))

    assert run("tenants", "list", "-o", "name", api=api).stdout == "ann\nbob\n"


def test_an_account_is_stopped_with_a_reason() -> None:
    api = FakeApi(Reply({"tenant": {**TENANT, "state": "suspended"}}))

    run("tenants", "suspend", "bob", "--reason", "unpaid", "--yes", api=api)

    assert (api.sent, api.last_body) == ([("POST", "/api/tenants/bob/suspend")], {"reason": "unpaid"})


ENTRY = {
    "seq": 7,
    "at": AT,
    "action": "job.deleted",
    "outcome": "done",
    "by": {"kind": "user", "name": "ann"},
    "target": {"namespace": "ops", "name": "x\x1b"},
    "address": "192.0.2.1",
    "hash": "ff",
}


def test_the_audit_log_says_who_did_what() -> None:
    api = FakeApi(Reply({"entries": [ENTRY], "head": None, "next": None}))

    result = run("audit", "list", "--since", "2h", api=api)

    assert "3m ago  ann (user)  job.deleted  done     name=x\\x1b namespace=ops  192.0.2.1  7" in result.stdout
    assert "since=2026-11-20T10%3A00%3A00" in api.sent[0][1]


def verdict(**changes: Any) -> Reply:
    body = {"valid": True, "checked": 1000, "first_seq": 1, "last_seq": 1000, "broken": None, "next": None}
    return Reply({**body, "head": {"seq": 1500, "at": AT, "hash": "ff"}, **changes})


def test_the_chain_is_checked_from_its_beginning_to_its_end() -> None:
    api = FakeApi(verdict(next="1000"), verdict(checked=500, first_seq=1001, last_seq=1500))

    result = run("audit", "verify", "--json", api=api)

    body = json.loads(result.stdout)
    assert (body["checked"], body["first_seq"], body["last_seq"], result.exit_code) == (1500, 1, 1500, 0)
    assert api.sent[1] == ("GET", "/api/audit/verify?next=1000")


def test_a_chain_that_was_broken_ends_with_1_and_says_where() -> None:
    api = FakeApi(verdict(valid=False, broken={"seq": 12, "why": "its hash is another"}, next="1000"))

    result = run("audit", "verify", api=api)

    assert result.exit_code == 1
    assert "Holds     no" in result.stdout
    assert "entry 12: its hash is another" in result.stderr
    assert len(api.requests) == 1


def test_an_empty_log_holds() -> None:
    empty = verdict(checked=0, first_seq=None, last_seq=None, head=None)

    assert "Checked  0 entries" in run("audit", "verify", api=FakeApi(empty)).stdout


def test_only_the_ping_key_goes_to_stdout() -> None:
    made = {"ping_key": {"id": "pk-1", "name": "web"}, "plain_text": "key"}

    result = run("ping-keys", "create", "web", api=FakeApi(Reply(made, 201)))

    assert result.stdout == "key\n"
    assert "/ping/KEY/JOB" in result.stderr


def test_metrics_are_printed_as_they_come() -> None:
    text = "# HELP a b\ncrontopus_jobs 3\n"

    assert run("metrics", api=FakeApi(Reply(text.encode()))).stdout == text
    assert json.loads(run("metrics", "--json", api=FakeApi(Reply(text.encode()))).stdout) == {"metrics": text}


BLOCK = {"id": "bl-1", "address": "192.0.2.7", "reason": "guesses", "times_in_a_row": 2, "created_at": AT, "until": None}


def test_a_block_without_an_end_says_so() -> None:
    listed = run("blocks", "list", api=FakeApi(Reply({"blocks": [BLOCK]})))
    api = FakeApi(Reply({"block": BLOCK}, 201))

    made = run("blocks", "add", "192.0.2.7", "--reason", "guesses", api=api)

    assert "192.0.2.7  removed  guesses  bl-1  3m ago" in listed.stdout
    assert made.stdout == "Blocked 192.0.2.7 until it is removed.\n"
    assert api.last_body == {"address": "192.0.2.7", "hours": None, "reason": "guesses"}


def test_a_trusted_network_is_listed_by_what_removes_it() -> None:
    network = {"id": "tn-1", "network": "192.0.2.0/24", "reason": "CI", "created_at": AT}

    assert run("trusted-networks", "list", "-o", "name", api=FakeApi(Reply({"trusted_networks": [network]}))).stdout == "tn-1\n"
