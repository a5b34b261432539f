from datetime import UTC, datetime, timedelta
from typing import Any

from agent.errors import REMEDIES
from agent.logs import redacted
from agent.overview import table
from agent.status import judge, problems_for_heartbeat

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOON_TEXT = "2026-11-20T12:00:00.000Z"
ERROR = {"code": "git_auth", "message": "refused", "remedy": "enroll again", "at": "x", "since": "y"}


def known(**changes: Any) -> dict[str, Any]:
    heartbeat = {"succeeded_at": NOW.isoformat(), "state": "active", "skew_s": 0.1, "error": None}
    return {
        "heartbeat": heartbeat,
        "sync": {"managed": 2, "held": [], "held_why": None, "problems": [], "error": None},
    } | changes


def reasons(status: dict[str, Any], *, is_running: bool = True) -> list[str]:
    return judge(status, NOW, is_running=is_running, heartbeat_s=30)


def test_an_agent_with_nothing_to_complain_of_is_well() -> None:
    assert reasons(known()) == []


def test_an_agent_that_does_not_run_is_not_well() -> None:
    assert "not running" in reasons(known(), is_running=False)[0]


def test_an_error_comes_with_what_to_do() -> None:
    assert reasons(known(sync={"error": ERROR})) == ["sync: refused (git_auth, since y); enroll again"]


def test_held_removals_and_broken_manifests_are_reasons() -> None:
    assert len(reasons(known(sync={"held_why": ERROR, "problems": ["default/a.yaml: bad"]}))) == 2


def test_an_api_that_fell_silent_is_a_reason() -> None:
    late = {"succeeded_at": (NOW - timedelta(seconds=121)).isoformat(), "skew_s": 0}

    assert "has not answered since" in reasons(known(heartbeat=late))[0]


def test_a_clock_that_is_off_is_a_reason() -> None:
    heartbeat = {"succeeded_at": NOW.isoformat(), "skew_s": -301}

    assert "clock is off" in reasons(known(heartbeat=heartbeat))[0]


def test_the_control_plane_hears_the_gravest_first_and_not_too_much() -> None:
    sync = {"error": ERROR, "problems": [f"default/{number}.yaml: " + "x" * 600 for number in range(100)]}

    told = problems_for_heartbeat(sync, ["1 result lost"])

    assert told[:2] == ["git_auth: refused", "1 result lost"]
    assert (len(told), max(map(len, told))) == (50, 500)


def test_a_machine_that_is_not_enrolled_is_told_in_words() -> None:
    assert "not enrolled" in table({"state": "not_enrolled", "why": []}, NOW)


def test_every_remedy_is_a_sentence_for_a_person() -> None:
    assert all(len(text) > 15 for text in REMEDIES.values())


def test_credentials_never_reach_a_log_line() -> None:
    line = redacted(
        '{"a": "cte_' + "A" * 49 + '", "b": "https://u:secret@h/x", "c": "Basic dTpzZWNyZXQ=", "d": "CRONTOPUS:5f0c"}'
    )

    assert not any(secret in line for secret in ("AAAA", "secret@", "dTpz"))
    assert "CRONTOPUS:5f0c" in line


SHOWN: dict[str, Any] = {
    "state": "healthy",
    "endpoint_id": "ep-1",
    "name": "web-1",
    "tenant_id": "demo",
    "version": "0.1.0",
    "pid": 7,
    "api_url": "https://api",
    "api": {"succeeded_at": NOON_TEXT},
    "update": {"on_trial": None, "available": None, "error": None},
    "repository": "https://git/r",
    "branch": "main",
    "scheduler": "debian",
    "sync": {"succeeded_at": NOON_TEXT, "managed": 3, "held": ["x"], "drift": {"at": "t", "jobs": ["y", "z"]}},
    "clock_skew_s": -1.25,
    "next_sync_at": "2026-11-20T12:00:30.000Z",
    "suspended": None,
    "spool": {"depth": 0, "quarantined": 0, "lost": 0},
    "why": [],
}


def test_a_person_sees_clock_next_round_and_what_is_held_or_was_edited() -> None:
    told = table(SHOWN, NOW + timedelta(seconds=10))

    assert "1.2 s behind the control plane's" in told
    assert "last round 10 s ago, the next within 20 s" in told
    assert "2 drifted, 1 held" in told


def test_a_suspension_is_told_with_what_ends_it() -> None:
    told = table(SHOWN | {"suspended": "suspended since t by the machine", "next_sync_at": None}, NOW)

    assert "crontopus-agent resume" in told
    assert "next" not in told
