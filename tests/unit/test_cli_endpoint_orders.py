from typing import Any

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

HELD = {
    "code": "removals_held",
    "head": "c" * 40,
    "count": 3,
    "digest": "d" * 64,
    "job_ids": ["id-1", "id-2"],
    "is_approved": False,
}
JOBS = Reply({"jobs": [{"job_id": "id-1", "job_name": "backup", "namespace": "ops"}]})


def api(*replies: Any, held: Any = None, **more: Any) -> FakeApi:
    return FakeApi(Reply({"endpoints": [{"id": "ep-1", "name": "web", "held": held, **more}]}), *replies)


def test_an_approval_shows_what_would_go_and_names_it() -> None:
    fake = api(JOBS, Reply({"endpoint": {}}), held=HELD)

    result = run("endpoints", "approve-removals", "web", api=fake, has_terminal=True, typed="y\n")

    assert result.exit_code == 0
    assert "3 jobs would go with commit cccccccccc (removals_held):\n  ops/backup\n  id-2\n  and 1 more" in result.stderr
    assert fake.sent[-1] == ("POST", "/api/endpoints/ep-1/approve-removals")
    assert fake.last_body == {"head": "c" * 40, "digest": "d" * 64}


def test_an_approval_that_is_not_meant_approves_nothing() -> None:
    fake = api(JOBS, held=HELD)

    result = run("endpoints", "approve-removals", "web", api=fake, has_terminal=True, typed="n\n")

    assert (result.exit_code, len(fake.sent)) == (1, 2)


def test_approving_where_nothing_is_held_is_a_conflict() -> None:
    result = run("endpoints", "approve-removals", "web", "--yes", api=api())

    assert (result.exit_code, result.stderr) == (5, "Error: endpoint web holds no removals back\n")


def test_what_changed_meanwhile_is_not_approved() -> None:
    fake = api(JOBS, refusal(409, "conflict", "endpoint ep-1 is at commit eee by now"), held=HELD)

    assert run("endpoints", "approve-removals", "web", "--yes", api=fake).exit_code == 5


def test_a_suspension_has_an_end_if_one_is_given() -> None:
    fake = api(Reply({"endpoint": {}}))

    result = run("endpoints", "suspend", "web", "--for", "2h", api=fake)

    assert (fake.sent[-1], fake.last_body) == (
        ("POST", "/api/endpoints/ep-1/suspend"),
        {"until": "2026-11-20T14:00:00.000Z"},
    )
    assert result.stdout.startswith("Suspended endpoint web until ")


def test_a_span_that_is_none_is_refused_before_anything_is_asked() -> None:
    fake = api()

    assert (run("endpoints", "suspend", "web", "--for", "soon", api=fake).exit_code, fake.sent) == (2, [])


def test_an_endpoint_is_resumed() -> None:
    fake = api(Reply({"endpoint": {}}))

    assert run("endpoints", "resume", "web", api=fake).stdout == "Resumed endpoint web.\n"
    assert fake.sent[-1] == ("POST", "/api/endpoints/ep-1/resume")


def test_an_endpoint_shows_what_it_holds_back_and_since_when_it_is_suspended() -> None:
    shown = {"id": "ep-1", "name": "web", "held": HELD, "suspended_since": "2026-11-20T11:00:00.000Z"}

    result = run("endpoints", "show", "web", api=api(Reply({"endpoint": shown})))

    assert "3 removals (removals_held); see `crontopus endpoints approve-removals`" in result.stdout
    assert "Suspended" in result.stdout
