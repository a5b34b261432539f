"""What is seen in tables, and what is told of each line."""

from agent.discovery.scan import Circumstances, look
from agent.discovery.tables import Table
from chalicelib.domain import crontab_marks
from tests.fixtures.builders import JOB_ID

DEBIAN = Circumstances("/home/u", "debian", None, "Europe/Paris")
CRONIE = Circumstances("/home/u", "cronie", "CRON_TZ", "Europe/Paris")


def seen(own=b"", others=(), known=(), here=DEBIAN):
    return look(own, others, known, here)


def one(own, **more):
    (found,) = seen(own, **more)
    return found


def test_a_line_is_told_with_schedule_command_and_name():
    found = one(b"# Nightly dump\n30 3 * * *\t/usr/bin/dump --all \r\n")

    assert (found.schedule, found.command, found.name) == ("30 3 * * *", "/usr/bin/dump --all \r", "Nightly dump")
    assert (found.number, found.table, found.user, found.job_id) == (2, None, None, None)


def test_what_is_no_job_or_is_an_agents_is_passed_over():
    table = (
        b"# 0 5 * * * off\nA=1\n\nodd\n* * * * * /root/.crontopus/bin/run-job CRONTOPUS:" + JOB_ID.encode() + b"\n"
        b"# BEGIN CRONTOPUS ep-2\n@daily x\n# END CRONTOPUS ep-2\n"
        b"0 1 * * * ~/.crontopus/bin/run-job " + JOB_ID.encode() + b" # CRONTOPUS:" + JOB_ID.encode() + b"\n"
    )

    assert seen(table) == []


def test_a_marked_line_is_known_by_its_mark_and_hashed_without_it():
    bare, marked = one(b"@daily x"), one(crontab_marks.marked(b"@daily x", JOB_ID))

    assert (marked.job_id, marked.line_hash, marked.command) == (JOB_ID, bare.line_hash, "x")


def test_a_copy_of_a_marked_line_is_told_without_mark():
    line = crontab_marks.marked(b"@daily x", JOB_ID)

    assert [found.job_id for found in seen(line + b"\n" + line)] == [JOB_ID, None]


def test_an_adopted_line_in_its_comment_is_told_as_such():
    aside = crontab_marks.set_aside(b"@daily x%y", JOB_ID)

    first, second = seen(b"A=1\n" + aside + b"\n" + crontab_marks.marked(b"@daily z", JOB_ID))

    assert (first.job_id, first.is_set_aside, first.command) == (JOB_ID, True, "x%y")
    assert (second.job_id, second.is_set_aside) == (None, False)


def test_another_agents_marks_in_our_table_are_its_own():
    table = b"# BEGIN CRONTOPUS ep-2\n# END CRONTOPUS ep-2\n" + crontab_marks.marked(b"@daily x", JOB_ID)

    assert seen(table) == []
    assert one(table, known=[JOB_ID]).job_id == JOB_ID


def test_variables_are_told_where_our_lines_would_have_others():
    first, second = seen(b"A=1\nPATH=/opt/bin\n@daily x\nPATH=/usr/bin\nSHELL=/bin/bash\nB=2\n@daily y\n")

    assert (first.env, first.shell) == ({"PATH": "/opt/bin", "SHELL": "/bin/sh"}, None)
    assert first.note == "B is set further down; adopted, the job would have it too"
    assert (second.env, second.shell, second.note) == ({}, "/bin/bash", None)


def test_the_default_path_and_home_are_told_where_they_are_changed_further_down():
    assert one(b"@daily x\nPATH=/p\nHOME=/h\n").env == {"PATH": "/usr/bin:/bin", "HOME": "/home/u"}


def test_mail_that_would_go_elsewhere_is_said():
    assert one(b"MAILTO=a\n@daily x\nMAILTO=\n").note == "its output is mailed to a; adopted, to nobody"


def test_a_zone_counts_where_cron_heeds_it():
    table = b"CRON_TZ=Asia/Tokyo\n@daily x\n"

    assert (one(table, here=CRONIE).timezone, one(table).timezone) == ("Asia/Tokyo", None)
    assert one(b"@daily x\nCRON_TZ=Asia/Tokyo\n", here=CRONIE).timezone == "Europe/Paris"


def test_what_no_manifest_can_hold_is_an_obstacle_to_adoption():
    assert "no UTF-8" in str(one(b"@daily caf\xe9").obstacle)
    assert one(b"@daily caf\xe9").command == "caf\ufffd"
    assert "backslash" in str(one(b"@daily a\\\\b", here=Circumstances(flavour="vixie")).obstacle)
    assert one(b"@daily a\\\\b").obstacle is None


def test_a_carriage_return_keeps_the_mark_off_where_cron_would_end_the_line_there():
    assert "carriage return" in str(one(b"@daily x\r", here=Circumstances(is_text=True)).unmarked)
    assert one(b"@daily x\r").unmarked is None


def test_tables_of_others_are_told_with_their_place_and_user():
    others = [
        Table("/etc/cron.d/a", b"A=1\n17 * * * *\troot  cd / && run\n"),
        Table("the crontab of bob", b"@daily x\n", "bob"),
    ]

    system, bob = seen(others=others)

    assert (system.table, system.user, system.command, system.env) == ("/etc/cron.d/a", "root", "cd / && run", {"A": "1"})
    assert (bob.table, bob.user) == ("the crontab of bob", "bob")
    assert "not ours to write" in str(system.unmarked)
