"""What other services and crontabs hold, as jobs, and back."""

import pytest

from chalicelib.domain import checks_crontab, checks_import, manifest
from chalicelib.domain.checks_import import Imported, Names
from chalicelib.domain.errors import Invalid
from tests.fixtures.builders import job

UUID = "31365bce-8da9-4729-8ff3-aaa71d56b712"
CHECK = {
    "name": "Filesystem Backup", "slug": "filesystem-backup", "tags": "backup fs", "desc": "Every hour", "grace": 600,
    "n_pings": 1, "status": "up", "last_ping": "2020-03-24T14:02:03+00:00", "manual_resume": True, "methods": "POST",
    "ping_url": f"https://hc-ping.com/{UUID}", "channels": "*", "timeout": 3600,
}  # fmt: skip
MONITOR = {
    "key": "nightly", "name": "Nightly", "type": "job", "schedules": ["0 3 * * *"], "timezone": "Europe/Riga",
    "grace_seconds": 120, "tags": ["db team"], "note": "n", "paused": False, "assertions": [],
}  # fmt: skip


def names() -> Names:
    return Names("default")


def healthchecks(**changes: object) -> Imported:
    (one,) = checks_import.from_healthchecks({"checks": [CHECK | changes]}, names())
    return one


def cronitor(**changes: object) -> Imported:
    (one,) = checks_import.from_cronitor({"monitors": [MONITOR | changes]}, names())
    return one


def crontab(text: str, *, has_users: bool = False) -> list[Imported]:
    return checks_crontab.from_crontab(text, names(), has_users=has_users)


def test_a_check_keeps_its_id_so_that_only_the_host_of_its_url_changes():
    found = healthchecks().job

    assert found
    assert (found.id, found.name, found.period_s, found.grace_s) == (UUID, "filesystem-backup", 3600, 600)
    assert (found.checkin_by, found.checkin_resume, found.checkin_methods) == ("ping", "manual", "post")
    assert (found.labels, found.annotations["ping/name"]) == ({"backup": "", "fs": ""}, "Filesystem Backup")


def test_a_check_by_schedule_and_in_a_pause_stays_so():
    found = healthchecks(schedule="5 4 * * *", tz="Europe/Riga", timeout=None, status="paused").job

    assert found
    assert (found.schedule, found.timezone, found.period_s, found.paused) == ("5 4 * * *", "Europe/Riga", None, True)


def test_a_check_that_was_read_with_a_narrow_key_gets_a_new_url():
    found = healthchecks(ping_url=None, unique_key="a" * 40)

    assert found.job and found.job.id is None
    assert "new ping URL" in found.notes[0]


def test_a_check_that_cron_does_not_know_is_named_with_the_reason():
    found = healthchecks(schedule="0 0 L * *", tz="UTC", timeout=None)

    assert found.job is None
    assert "day of month" in found.notes[0]


@pytest.mark.parametrize("document", [{}, {"checks": 7}, [1], "x", None])
def test_what_is_no_list_of_checks_is_refused(document):
    with pytest.raises(Invalid):
        checks_import.from_healthchecks(document, names())


def test_two_of_one_name_become_two_jobs():
    found = checks_import.from_healthchecks([CHECK, CHECK | {"ping_url": None}], names())

    assert [one.job.name for one in found if one.job] == ["filesystem-backup", "filesystem-backup-2"]


def test_what_is_exported_is_what_was_imported():
    found = healthchecks(status="up").job
    assert found

    (check,) = checks_import.to_healthchecks([found, job()])["checks"]

    assert {key: CHECK[key] for key in check} == check


def test_a_monitor_becomes_a_check():
    found = cronitor().job

    assert found
    assert (found.name, found.schedule, found.timezone, found.grace_s) == ("nightly", "0 3 * * *", "Europe/Riga", 120)
    assert found.labels == {"db-team": ""}


@pytest.mark.parametrize(("schedule", "period_s"), [("every 5 minutes", 300), ("every hour", 3600), ("Every 2 days", 172800)])
def test_a_monitor_by_period_stays_so(schedule, period_s):
    found = cronitor(schedules=[schedule]).job

    assert found
    assert (found.period_s, found.schedule) == (period_s, None)


def test_a_monitor_of_a_web_site_is_no_job():
    assert (cronitor(type="check").job, "asks no web sites" in cronitor(type="check").notes[0]) == (None, True)


def test_a_line_becomes_a_job_with_the_variables_above_it():
    text = 'SHELL=/bin/bash\nMAILTO=""\nA = "x y"\n# nightly\n30 3 * * *  /usr/bin/backup.sh --all >/dev/null 2>&1\n'

    (found,) = crontab(text)

    assert found.job
    assert (found.job.name, found.job.schedule, found.job.shell) == ("backup", "30 3 * * *", "/bin/bash")
    assert (found.job.command, found.job.env) == ("/usr/bin/backup.sh --all >/dev/null 2>&1", {"A": "x y"})


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("cd /srv/app && /usr/bin/python3 manage.py clearsessions", "manage"),
        ("test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily", "anacron"),
        ("FOO=1 nice -n 10 tar czf /b.tgz /home", "tar"),
        ("true", "true"),
        ("[ -d /x ]", "x"),
        (":", "job"),
    ],
)
def test_a_job_is_called_what_it_runs(command, name):
    (found,) = crontab(f"@daily {command}")

    assert found.job and found.job.name == name


def test_a_system_table_names_a_login_in_each_line():
    (found,) = crontab("17 * * * * root  cd / && run-parts /etc/cron.hourly", has_users=True)

    assert found.job
    assert (found.job.user, found.job.command) == ("root", "cd / && run-parts /etc/cron.hourly")


def test_an_escaped_percent_sign_is_one_and_a_bare_one_begins_the_input():
    escaped, bare, odd = crontab("@daily date +\\%F\n@daily mail -s x me%hello\nSHELL=/bin/csh\n@daily x%y\n")

    assert escaped.job and escaped.job.command == "date +%F"
    assert bare.job and bare.job.command == "exec <<'CRONTOPUS_INPUT'\nhello\nCRONTOPUS_INPUT\nmail -s x me"
    assert odd.job is None and "/bin/csh cannot say" in odd.notes[0]


def test_lines_of_ours_and_comments_are_left_out():
    assert crontab("# x\n\n* * * * * /root/.crontopus/bin/run-job CRONTOPUS:5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11\n") == []


def test_what_cron_would_refuse_is_named():
    (found,) = crontab("61 * * * * true")

    assert found.job is None
    assert "cron would refuse it" in found.notes[0]


def test_every_imported_manifest_reads_back_as_its_job():
    imported = [*checks_import.from_healthchecks([CHECK], names()), *crontab("A='1'\n@daily echo \"$A\"\n")]

    for (path, text), one in zip(checks_import.files_of(imported), imported, strict=True):
        assert manifest.parse(text.encode(), path, strict=True).job == one.job


def test_jobs_become_lines_that_cron_takes():
    lines = list(checks_crontab.to_crontab([job(command="date +%F", env={"A": "x y"}, working_dir="/srv"), job(paused=True)]))

    assert lines == [
        "# default/backup",
        "*/5 * * * * cd /srv && export A='x y'; date +\\%F",
        "# default/backup; paused or disabled",
        "# */5 * * * * echo hello",
    ]


def test_a_line_that_was_exported_is_imported_as_the_same_command():
    (found,) = crontab("\n".join(checks_crontab.to_crontab([job(command="date +%F")])))

    assert found.job and (found.job.schedule, found.job.command) == ("*/5 * * * *", "date +%F")
