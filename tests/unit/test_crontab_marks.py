import pytest

from chalicelib.domain import crontab_lines, crontab_marks
from tests.fixtures.builders import JOB_ID

MARK = b" # CRONTOPUS:" + JOB_ID.encode()


def why(command, above=b""):
    (job,) = crontab_lines.jobs(above + b"0 5 * * * " + command)
    return crontab_marks.obstacle(job)


@pytest.mark.parametrize("raw", [b"@daily x", b"0 1 * * * x  ", b"@daily x\r", b"@daily caf\xe9\t"])
def test_a_mark_taken_off_leaves_the_line_as_it_was(raw):
    marked = crontab_marks.marked(raw, JOB_ID)

    assert marked == raw + MARK
    assert (crontab_marks.id_of(marked), crontab_marks.unmarked(marked)) == (JOB_ID, raw)
    assert crontab_marks.id_of(raw) is None


COMPLETE = [
    b"x",
    b"x  ",
    b"x\r",
    b"echo 'it'\"'\"'s' \"a \\\" b\" `date` $(date)",
    b"date +\\%F",
    b"x # don't",
    b"echo a#b",
    b"(cd /; ls) && { x; }",
    b"case $1 in a) x;; esac",
    b"echo a\\ ",
    b"x &",
]


@pytest.mark.parametrize("command", COMPLETE)
def test_a_command_that_is_complete_can_bear_a_mark(command):
    assert why(command) is None


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (b"mail me%hello", "begins the command's input"),
        (b"echo \\\\%x", "begins the command's input"),
        (b"echo it's", "is open"),
        (b'echo "', "is open"),
        (b"echo `date", "is open"),
        (b"echo $(date", "is open"),
        (b"echo a\\", "is open"),
        (b"cat << EOF", "is open"),
        (b"echo $'\\''", "is open"),
        (b"x" * 950, "longer than the 998 bytes"),
    ],
)
def test_a_line_whose_meaning_a_mark_could_change_says_why(command, words):
    assert words in str(why(command))


def test_the_longest_command_that_takes_a_mark_fills_the_limit():
    assert why(b"x" * (998 - len(MARK))) is None


@pytest.mark.parametrize("shell", [b"/usr/bin/fish", b"/usr/bin/python3", b"/usr/bin/perl"])
def test_a_shell_that_may_read_the_mark_otherwise_gets_none(shell):
    assert "which may not read the mark as a comment" in str(why(b"x", b"SHELL=" + shell + b"\n"))


def test_an_adopted_line_is_kept_in_a_comment():
    raw = b"0 5 * * *\tcaf\xe9 %x \r"
    comment = crontab_marks.set_aside(crontab_marks.marked(raw, JOB_ID), JOB_ID)

    assert crontab_lines.read_line(comment).kind == "comment"
    assert crontab_marks.aside_of(comment) == (JOB_ID, raw)


def test_all_that_was_written_into_a_table_goes_again():
    raws = [b"A=1", b"@daily x\r", b"# mine", b"@daily y %z", b""]
    other = JOB_ID[:-1] + "2"
    table = [raws[0], crontab_marks.marked(raws[1], JOB_ID), raws[2], crontab_marks.set_aside(raws[3], other), raws[4]]

    assert crontab_marks.plain(b"\n".join(table)) == b"\n".join(raws)


def test_a_copy_of_a_kept_line_does_not_run_twice():
    comment = crontab_marks.set_aside(b"@daily x", JOB_ID)

    assert crontab_marks.plain(comment + b"\n" + comment) == b"@daily x\n" + comment
    assert crontab_marks.plain(comment + b"\n@daily x" + MARK) == comment + b"\n@daily x"
