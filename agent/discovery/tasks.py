"""Windows' tasks as tables of cron, for discovery: one table for each task that cron can say, read and never written.

A task that cron cannot say as a whole is left out: half of it would be another job.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

from agent.discovery.tables import Table
from agent.schedulers.task_triggers import MONTHS, WEEKDAYS
from agent.schedulers.taskxml import SYSTEM_SID

# Ours, and those that Windows brings.
_NOT_LOOKED_AT = ("\\crontopus\\", "\\crontopusagent", "\\microsoft\\")

# Anything else, such as an end or a random delay, cron does not have.
_KNOWN = frozenset(
    ("Enabled", "StartBoundary", "Repetition", "ScheduleByDay", "ScheduleByWeek", "ScheduleByMonth", "ExecutionTimeLimit")
)


def tables(found: Mapping[str, ET.Element], whose: Collection[str] | None = None) -> Iterator[Table]:
    """Yield a table for each task. found: path -> Task element, without namespace. whose: one user, None: all."""
    for path, task in sorted(found.items()):
        if path.casefold().startswith(_NOT_LOOKED_AT) or (task.findtext("Settings/Enabled") or "true").strip() == "false":
            continue
        user = _user(task)
        if whose is not None and user.casefold() not in {name.casefold() for name in whose}:
            continue
        schedules, command = _schedules(task), _command(task)
        if schedules and command:
            name = path.rpartition("\\")[2]
            lines = "".join(f"# {name}\n{schedule} {command}\n" for schedule in schedules)
            yield Table(f"the task {path}", lines.encode(), user)


def _user(task: ET.Element) -> str:
    user = (task.findtext("Principals/Principal/UserId") or "").strip()
    return "SYSTEM" if user in ("", SYSTEM_SID) else user.rpartition("\\")[2]


def _command(task: ET.Element) -> str | None:
    """Return the command as cron would write it, None unless it is one program."""
    actions = [step for step in task.find("Actions") or () if isinstance(step.tag, str)]
    if len(actions) != 1 or actions[0].tag != "Exec" or actions[0].findtext("WorkingDirectory"):
        return None
    program, arguments = ((actions[0].findtext(name) or "").strip() for name in ("Command", "Arguments"))
    words = f'"{program}"' if " " in program and not program.startswith('"') else program
    text = f"{words} {arguments}".strip()
    return text.replace("%", "\\%") if program and text.isprintable() else None


def _schedules(task: ET.Element) -> list[str] | None:
    """Return the triggers as schedules, None if one of them cannot be said."""
    found = []
    for trigger in task.find("Triggers") or ():
        if not isinstance(trigger.tag, str) or (trigger.findtext("Enabled") or "true").strip() == "false":
            continue
        schedule = schedule_of(trigger)
        if schedule is None:
            return None
        found.append(schedule)
    return found


def schedule_of(trigger: ET.Element) -> str | None:
    """Return a trigger as cron's fields, or @reboot, None if cron cannot say it."""
    if any(isinstance(child.tag, str) and child.tag not in _KNOWN for child in trigger):
        return None
    if trigger.tag == "BootTrigger":
        return "@reboot" if trigger.find("Repetition") is None else None
    begin = _begin(trigger)
    if begin is None or begin.second:
        return None
    repetition = trigger.find("Repetition")
    if trigger.tag == "TimeTrigger":
        return _repeated(begin, repetition) if repetition is not None else None
    if trigger.tag != "CalendarTrigger":
        return None
    dates = _dates(trigger)
    if dates is None or repetition is None:
        return dates and f"{begin.minute} {begin.hour} {dates}"
    return _repeated(begin, repetition) if dates == "* * *" else None


def _begin(trigger: ET.Element) -> datetime | None:
    """Return when a trigger begins by the machine's clock, None if it goes by another."""
    try:
        begin = datetime.fromisoformat((trigger.findtext("StartBoundary") or "").strip())
    except ValueError:
        return None
    return begin if begin.tzinfo is None else None


def _repeated(begin: datetime, repetition: ET.Element) -> str | None:
    """Return a repetition that goes on all day; other ones drift when the clock changes."""
    interval = (repetition.findtext("Interval") or "").strip()
    if (repetition.findtext("Duration") or "P1D").strip() not in ("P1D", "PT24H", "PT1440M"):
        return None
    number, unit = interval.removeprefix("PT")[:-1], interval[-1:]
    minutes = int(number) * (60 if unit == "H" else 1) if number.isdecimal() and unit in ("M", "H") else 0
    if not minutes or 60 % minutes:
        return None
    if begin.minute % minutes == 0:
        return f"*/{minutes} * * * *" if 1 < minutes < 60 else f"{begin.minute if minutes == 60 else '*'} * * * *"
    first = begin.minute % minutes
    return f"{','.join(str(minute) for minute in range(first, 60, minutes))} * * * *"


def _dates(trigger: ET.Element) -> str | None:
    """Return a calendar trigger's days as the last three fields."""
    if (daily := trigger.find("ScheduleByDay")) is not None:
        return "* * *" if (daily.findtext("DaysInterval") or "1").strip() == "1" else None
    if (weekly := trigger.find("ScheduleByWeek")) is not None:
        days = [str(WEEKDAYS.index(day.tag)) for day in weekly.find("DaysOfWeek") or () if day.tag in WEEKDAYS]
        is_each = (weekly.findtext("WeeksInterval") or "1").strip() == "1"
        return f"* * {','.join(sorted(days))}" if days and is_each else None
    if (monthly := trigger.find("ScheduleByMonth")) is not None:
        days = [(day.text or "").strip() for day in monthly.findall("DaysOfMonth/Day")]
        months = [str(MONTHS.index(month.tag) + 1) for month in monthly.find("Months") or () if month.tag in MONTHS]
        if not days or not all(day.isdecimal() for day in days):
            return None
        return f"{','.join(days)} {','.join(months) if 0 < len(months) < 12 else '*'} *"
    return None
