"""A machine and its copy are told apart by the numbers their agents make at each start."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.domain import clones
from chalicelib.domain.clones import MAX_FORMER, Process, Seat, is_refused, problem, take

NOW = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)


def process(letter: str, boot: str | None = None) -> Process:
    return Process(letter * 32, f"{boot or letter}boot-0000")


A, B, C = process("a"), process("b"), process("c")


def spoken(*processes: Process, seat: Seat | None = None, is_late: bool = False) -> Seat:
    seat = seat or Seat()
    for one in processes:
        assert not is_refused(seat, one)
        seat = take(seat, one, NOW, is_late=is_late)
    return seat


def test_the_first_to_speak_has_the_place():
    assert spoken(A, A, A) == Seat(A.instance_id, boot_id=A.boot_id)


def test_a_restart_is_no_copy():
    seat = spoken(A, B, B, C)

    assert (seat.instance_id, seat.duplicate_since) == (C.instance_id, None)


def test_a_thousand_restarts_are_no_copy_and_little_to_remember():
    seat = spoken(*(Process(f"{number:08x}" * 4, "one boot") for number in range(1000)))

    assert (len(seat.former), seat.duplicate_since) == (MAX_FORMER, None)


def test_one_that_was_displaced_and_speaks_again_keeps_the_place_and_the_newer_is_refused():
    seat = spoken(A, B, A)

    assert (seat.instance_id, seat.duplicate_since) == (A.instance_id, NOW)
    assert (is_refused(seat, B), is_refused(seat, A)) == (True, False)


def test_all_copies_that_came_after_it_are_refused():
    seat = spoken(A, B, C, A)

    assert (is_refused(seat, B), is_refused(seat, C)) == (True, True)


def test_a_copy_whose_agent_is_restarted_stays_refused():
    seat = spoken(A, B, A)

    assert is_refused(seat, Process("d" * 32, B.boot_id))


def test_the_machine_that_keeps_the_place_may_restart_its_agent_and_itself():
    again, rebooted = Process("d" * 32, A.boot_id), process("e")
    seat = spoken(A, B, A)

    seat = spoken(again, rebooted, seat=seat)

    assert seat.instance_id == rebooted.instance_id
    assert is_refused(seat, B)


def test_copies_on_one_kernel_are_told_apart_too():
    """Containers share the machine's boot id."""
    one, other = process("a", boot="x"), process("b", boot="x")
    seat = spoken(one, other, one)

    assert (is_refused(seat, other), is_refused(seat, one)) == (True, False)
    assert is_refused(seat, process("d", boot="x")) is False


def test_machines_without_a_boot_id_are_told_apart_too():
    one, other = Process("a" * 32), Process("b" * 32)

    assert is_refused(spoken(one, other, one), other)


def test_one_slow_request_of_a_process_that_has_gone_is_no_copy():
    seat = take(spoken(A, B), A, NOW, is_late=True)

    assert (seat.instance_id, seat.duplicate_since) == (B.instance_id, None)
    assert not is_refused(seat, B)


def test_a_copy_whose_clock_is_behind_is_found_all_the_same():
    seat = spoken(A, B)
    for one in (A, B, A):
        seat = take(seat, one, NOW, is_late=one is A)

    assert is_refused(seat, B)


def test_the_owner_is_told_in_words_for_a_day_after_it_was_heard_of_last():
    seat = replace(spoken(A, B, A), duplicate_from="192.0.2.7")

    told = problem(seat, NOW + timedelta(hours=23))
    assert told is not None
    assert "second machine runs with this one's identity" in told
    assert "from 192.0.2.7" in told
    assert problem(seat, NOW + clones.FORGOTTEN_AFTER) is None
    assert problem(spoken(A, B), NOW) is None
