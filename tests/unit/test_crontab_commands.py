import pytest

from chalicelib.domain import crontab_commands as commands


@pytest.mark.parametrize(
    ("command", "alone", "given"),
    [
        ("x", "x", None),
        ("date +\\%F", "date +%F", None),
        ("echo 'a\\\\b'  ", "echo 'a\\\\b'  ", None),
        ("cat%", "cat", ""),
        ("cat%one%two", "cat", "one\ntwo\n"),
        ("cat%one\\%two%", "cat", "one%two\n"),
        ("cat%a\\\\b", "cat", "a\\\\b\n"),
        ("x\\", "x\\", None),
    ],
)
def test_a_percent_sign_begins_the_input_unless_it_is_escaped(command, alone, given):
    assert commands.split_input(command) == (alone, given)


@pytest.mark.parametrize(
    ("flavour", "seen"),
    [
        ("debian", ("echo 'a\\b%c' \\n", "x\\\\y\n")),
        ("cronie", ("echo 'a\\\\b%c' \\n", "x\\\\y\n")),
        ("busybox", ("echo 'a\\\\b\\%c' \\n%x\\\\y", None)),
    ],
)
def test_backslashes_are_read_as_each_cron_reads_them(flavour, seen):
    assert commands.split_input("echo 'a\\\\b\\%c' \\n%x\\\\y", flavour) == seen


def test_a_manifests_command_holds_the_input_itself():
    assert commands.for_manifest("mail -s x me%hi%$HOME", "/bin/sh") == (
        "exec <<'CRONTOPUS_INPUT'\nhi\n$HOME\nCRONTOPUS_INPUT\nmail -s x me"
    )


def test_input_that_holds_the_word_for_its_end_gets_another_word():
    assert "<<'CRONTOPUS_INPUT_'\n" in str(commands.for_manifest("cat%CRONTOPUS_INPUT", "/bin/bash"))


def test_a_shell_without_here_documents_takes_no_input():
    assert commands.for_manifest("cat%x", "/usr/bin/fish") is None
    assert commands.for_manifest("cat \\%x", "/usr/bin/fish") == "cat %x"


@pytest.mark.parametrize(
    ("command", "above", "name"),
    [
        ('x && ~/.crontopus/bin/checkin "Nightly dump" ops success', "# other", "Nightly dump"),
        ("x; /root/.crontopus/bin/checkin tidy default", "", "tidy"),
        ("cronitor exec --no-stdout a1B2c3 /usr/bin/x", "", "a1B2c3"),
        ("x && curl https://cronitor.link/p/0a1b2c3d/daily-x?state=complete", "", "daily-x"),
        ("x && curl -fsS https://hc-ping.com/fqOOd6-F4MMNuCEnzTU01w/db-backups/0", "", "db-backups"),
        ("x; curl https://crontopus.example.org/ping/0123456789abcdefghijkl/tidy", "", "tidy"),
        ("/opt/x.sh && curl https://hc-ping.com/5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11/fail", "", "x"),
        ("runitor -api-url https://h -slug nightly -- /usr/bin/x", "", "nightly"),
        ("sentry-cli monitors run my-monitor -- x", "", "my-monitor"),
        ("/usr/bin/x", "# Nightly dump:", "Nightly dump:"),
        ("/usr/bin/x", "#0 5 * * * old", "x"),
        ("/usr/bin/x", "# m h  dom mon dow   command", "x"),
        ("/usr/bin/x", "# ------", "x"),
        ("/usr/bin/x", "# @daily old", "x"),
        ("cd /srv/app && python3 manage.py clear", "", "manage"),
    ],
)
def test_a_job_is_called_what_its_check_in_its_comment_or_its_program_says(command, above, name):
    assert commands.name_of(command, above) == name
