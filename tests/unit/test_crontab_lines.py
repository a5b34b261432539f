import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import crontab_lines
from chalicelib.domain.crontab_lines import read_line


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "blank"),
        (b" \t\r", "blank"),
        (b"# 0 5 * * * disabled", "comment"),
        (b" \t# indented", "comment"),
        (b"MAILTO=me", "variable"),
        (b"'A B' = ' x '\r", "variable"),
        (b"*/5 * * * * x", "job"),
        (b"* * * * * A=1", "job"),
        (b"@reboot x=1", "job"),
        (b"  0\t1 * * mon\ttidy  ", "job"),
        (b"* * * * *", "unknown"),
        (b"@daily", "unknown"),
        (b"hello", "unknown"),
    ],
)
def test_each_line_is_what_cron_takes_it_for(raw, kind):
    assert read_line(raw).kind == kind


def test_a_command_is_the_rest_of_its_line_with_blanks_and_carriage_return():
    line = read_line(b"\t0  1 *\t* 1-5 \tdate +\\%F # caf\xe9 \r")

    assert (line.schedule, line.command) == (b"0  1 *\t* 1-5", b"date +\\%F # caf\xe9 \r")


def test_a_system_table_has_a_login_in_each_line():
    line = read_line(b"17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly", has_users=True)

    assert (line.schedule, line.user, line.command) == (b"17 *\t* * *", b"root", b"cd / && run-parts /etc/cron.hourly")
    assert read_line(b"@daily root", has_users=True).kind == "unknown"


def test_variables_hold_for_the_lines_below_them():
    table = b"0 1 * * * a\nA=1\nSHELL = '/bin/bash'\n@daily b\nA=2\n"

    first, second = crontab_lines.jobs(table)

    assert (first.variables, first.shell) == ({}, b"/bin/sh")
    assert (second.variables, second.shell) == ({b"A": b"1", b"SHELL": b"/bin/bash"}, b"/bin/bash")
    assert crontab_lines.variables_at_end(table)[b"A"] == b"2"


def test_only_the_comment_directly_above_belongs_to_a_job():
    above = [job.above for job in crontab_lines.jobs(b"# one\n@daily a\n@daily b\n# two\n\n@daily c\n")]

    assert above == [b"# one", b"", b""]


@given(st.binary(max_size=200))
def test_the_lines_joined_are_the_table(table):
    raws = [line.raw for line in crontab_lines.lines(table)]

    assert b"\n".join(raws) == table.removesuffix(b"\n")
