from tests.unit.cli_fakes import FakeApi, Reply, run

SLOTS = {
    "job_id": "j",
    "slots": [
        {"endpoint_id": "ep-1", "at": "2026-11-20T08:00:00Z", "state": "missed", "runs": [], "why": None},
        {"endpoint_id": "ep-1", "at": "2026-11-20T07:00:00Z", "state": "ok", "runs": ["0199"], "why": None},
    ],
    "total": 2,
    "counts": {"missed": 1, "ok": 1},
    "expected": [],
}


def test_slots_are_a_table_with_their_sum() -> None:
    api = FakeApi(Reply(SLOTS))

    result = run("jobs", "slots", "ops/backup", "--hours", "48", "--state", "missed", api=api)

    assert api.sent == [("GET", "/api/jobs/ops/backup/slots?hours=48&state=missed&limit=100")]
    assert "missed" in result.stdout
    assert "1 ok, 1 missed" in result.stderr


def test_no_slots_say_what_is_needed() -> None:
    result = run("jobs", "slots", "backup", api=FakeApi(Reply({**SLOTS, "slots": [], "counts": {}})))

    assert "An endpoint has to confirm a job." in result.stderr + result.stdout
