"""What `make up` shows on a terminal and in a log."""

import io

import pytest

from infra.local.show import Show


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_step_ends_in_one_line_with_its_result_and_seconds():
    out = io.StringIO()

    with Show(out).step("package") as step:
        step.done("12 MB")

    assert out.getvalue() == "  ✓ package: 12 MB  (0.0 s)\n"


def test_in_a_log_a_waiting_line_comes_once_whatever_counts():
    out = io.StringIO()

    with Show(out).step("run") as step:
        for seconds in (3, 2, 1):
            step.now("waiting", f", {seconds} s")

    assert out.getvalue().count("waiting") == 1
    assert " s\n" not in out.getvalue().splitlines()[0]


def test_on_a_terminal_the_count_is_shown_in_place():
    out = Terminal()

    with Show(out).step("run") as step:
        step.now("waiting", ", 3 s")
        step.now("waiting", ", 2 s")

    assert "\r\x1b[K  · run: waiting, 3 s\r\x1b[K  · run: waiting, 2 s\r\x1b[K  ✓ run" in out.getvalue()


def test_a_failed_step_is_marked_and_the_error_goes_on():
    out = io.StringIO()

    with pytest.raises(ValueError, match="broken"), Show(out).step("forge"):
        raise ValueError("broken")

    assert out.getvalue() == "  ✗ forge\n"
