"""Windows' tasks as cron would say them."""

import pytest

from agent.discovery.tasks import tables
from agent.schedulers.taskxml import parse

DAILY = "<CalendarTrigger><StartBoundary>2024-05-05T03:30:00</StartBoundary>{}<ScheduleByDay/></CalendarTrigger>"
WEEKLY = "<ScheduleByWeek><WeeksInterval>{}</WeeksInterval><DaysOfWeek><Monday/><Friday/></DaysOfWeek></ScheduleByWeek>"
MONTHLY = "<ScheduleByMonth><DaysOfMonth><Day>1</Day><Day>{}</Day></DaysOfMonth><Months><June/></Months></ScheduleByMonth>"
EXEC = "<Exec><Command>C:\\Program Files\\a.exe</Command><Arguments>/x %TEMP%</Arguments></Exec>"


def found(triggers: str, actions: str = EXEC, path: str = "\\Backup", more: str = "") -> list[str]:
    principal = "<Principals><Principal><UserId>PC\\ada</UserId></Principal></Principals>"
    task = parse(f"<Task><Triggers>{triggers}</Triggers>{principal}{more}<Actions>{actions}</Actions></Task>")
    return [line for table in tables({path: task}) for line in table.content.decode().splitlines()]


def at(schedule: str, start: str = "2024-05-05T03:30:00") -> str:
    return f"<CalendarTrigger><StartBoundary>{start}</StartBoundary>{schedule}</CalendarTrigger>"


def every(interval: str, start: str = "2024-05-05T03:00:00", more: str = "") -> str:
    repetition = f"<Repetition><Interval>{interval}</Interval>{more}</Repetition>"
    return f"<TimeTrigger><StartBoundary>{start}</StartBoundary>{repetition}</TimeTrigger>"


@pytest.mark.parametrize(
    ("trigger", "schedule"),
    [
        ("<BootTrigger/>", "@reboot"),
        (DAILY.format(""), "30 3 * * *"),
        (at(WEEKLY.format(1)), "30 3 * * 1,5"),
        (at(MONTHLY.format(15)), "30 3 1,15 6 *"),
        (every("PT5M"), "*/5 * * * *"),
        (every("PT1H", "2024-05-05T03:17:00"), "17 * * * *"),
        (every("PT20M", "2024-05-05T03:05:00"), "5,25,45 * * * *"),
        (every("PT1M"), "* * * * *"),
        (DAILY.format("<Repetition><Interval>PT10M</Interval><Duration>P1D</Duration></Repetition>"), "*/10 * * * *"),
    ],
)
def test_a_trigger_that_cron_can_say(trigger: str, schedule: str):
    assert found(trigger) == ["# Backup", f'{schedule} "C:\\Program Files\\a.exe" /x \\%TEMP\\%']


@pytest.mark.parametrize(
    "trigger",
    [
        "",
        "<LogonTrigger/>",
        at(WEEKLY.format(2)),
        at(MONTHLY.format("Last")),
        at("<ScheduleByDay><DaysInterval>3</DaysInterval></ScheduleByDay>"),
        at("<ScheduleByDay/>", "2024-05-05T03:30:00Z"),
        at("<RandomDelay>PT5M</RandomDelay><ScheduleByDay/>"),
        every("PT7M"),
        every("PT5M", more="<Duration>PT2H</Duration>"),
        "<TimeTrigger><StartBoundary>2030-01-01T00:00:00</StartBoundary></TimeTrigger>",
        DAILY.format("") + "<LogonTrigger/>",
    ],
)
def test_a_task_that_cron_cannot_say_as_a_whole_is_left_out(trigger: str):
    assert found(trigger) == []


@pytest.mark.parametrize("path", ["\\Crontopus\\default\\a", "\\CrontopusAgent", "\\Microsoft\\Windows\\Defrag"])
def test_ours_and_those_of_windows_are_not_looked_at(path: str):
    assert found("<BootTrigger/>", path=path) == []


def test_a_disabled_task_is_no_job():
    assert found("<BootTrigger/>", more="<Settings><Enabled>false</Enabled></Settings>") == []


FOLDER = "<Exec><Command>a</Command><WorkingDirectory>x</WorkingDirectory></Exec>"


@pytest.mark.parametrize("actions", ["", EXEC + EXEC, "<ComHandler/>", FOLDER])
def test_what_is_not_one_program_is_left_out(actions: str):
    assert found("<BootTrigger/>", actions) == []


def test_a_task_is_its_users():
    (table,) = tables({"\\B": parse(f"<Task><Triggers><BootTrigger/></Triggers><Actions>{EXEC}</Actions></Task>")})

    assert (table.place, table.user) == ("the task \\B", "SYSTEM")


def test_of_a_users_agent_only_that_users_tasks_are_told():
    task = parse(f"<Task><Triggers><BootTrigger/></Triggers><Actions>{EXEC}</Actions></Task>")

    assert list(tables({"\\B": task}, {"ada", "S-1-5-21-1"})) == []
    assert len(list(tables({"\\B": task}, {"system"}))) == 1
