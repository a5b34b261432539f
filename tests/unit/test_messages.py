from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.domain import incidents, messages
from chalicelib.domain.alert_rules import Rule, Signal, Subject
from chalicelib.domain.messages import Context

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
JOB = Subject("ada", "ep-1", "web-1", "j" * 36, "backup", "ops")
INCIDENT = incidents.opened("01", Rule("job-failed", "failure"), Signal("failure", JOB, NOON, 1, why="exit code 3"))


def test_a_message_says_whom_it_is_about_and_what_is_wrong():
    told = messages.message_of(INCIDENT, "opened", Context(output="x" * 5000, exit_code=3), NOON)

    assert (told.title, told.why, told.dedup_key) == ("ops/backup on web-1 failed", "exit code 3", "ctp/ada/01")
    assert told.context.output is not None
    assert len(told.context.output) == messages.MAX_OUTPUT


def test_a_reminder_and_an_escalation_say_that_they_are_none_of_the_first():
    titles = [messages.message_of(INCIDENT, kind, Context(), NOON).title for kind in ("reminder", "escalation")]

    assert titles == ["Still: ops/backup on web-1 failed", "Nobody has looked: ops/backup on web-1 failed"]


def test_the_end_is_told_as_that():
    ended = incidents.resolved(INCIDENT, NOON, None)

    assert messages.message_of(ended, "resolved", Context(), NOON).title == "ops/backup on web-1 is well again"


def test_an_endpoint_and_a_tenant_have_words_too():
    machine = replace(INCIDENT, kind="offline", subject=Subject("ada", "ep-1", "web-1"))

    assert messages.headline(machine) == "web-1 is offline"
    assert messages.headline(replace(machine, kind="rate_limited", subject=Subject("ada"))).startswith("tenant ada sends")


def test_a_digest_is_as_grave_as_its_gravest():
    mild = replace(INCIDENT, incident_id="02", severity="warning")

    told = messages.digest_of((mild, INCIDENT), "digest-1", NOON)

    assert (told.severity, told.title, told.count) == ("critical", "2 incidents have opened", 2)
    assert len(told.incidents) == 2
