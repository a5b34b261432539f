from datetime import UTC, datetime

from chalicelib.domain import signals
from chalicelib.domain.instances import Instance, Reported
from chalicelib.domain.slots import Slot

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def instance(*, drift: bool = False, reason: str | None = None) -> Instance:
    return Instance("ada", "ep-1", "j", "backup", "ops", Reported("scheduled", "crontopus", drift, reason, NOON))


def test_what_the_machine_says_of_the_line_comes_before_what_it_says_of_itself():
    problems = ("the disk is nearly full", "cron is not running on this machine")

    assert signals.cause_of_silence(instance(drift=True, reason="edited by hand"), problems) == "edited by hand"
    assert signals.cause_of_silence(instance(reason="mended since"), problems) == "cron is not running on this machine"
    assert signals.cause_of_silence(instance(), problems[:1]) is None


def test_a_slot_with_a_run_ends_the_count_of_misses():
    slots = [Slot(NOON, "missed"), Slot(NOON, "ok"), Slot(NOON, "unknown")]

    assert signals.of_slots(instance(), slots, 3) == ([], 0)
    assert signals.of_slots(instance(), slots[:1], 3)[1] == 4
