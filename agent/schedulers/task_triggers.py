"""The triggers of a task: their XML, and back to the words of `triggers`."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from agent.schedulers.triggers import MAX_TRIGGERS, WORDS
from chalicelib.domain.errors import Stalled

# All of them began then. What repeats every so many minutes counts from here, so it has to be a full hour of UTC.
SINCE = "2026-01-01"
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ALL_DAYS, _ALL_MONTHS = tuple(range(1, 32)), tuple(range(1, 13))


def write_triggers(parent: ET.Element, triggers: Iterable[str]) -> None:
    """Add the triggers' elements. Raise Stalled if there are more than one task may have, or one is none of ours."""
    texts = list(triggers)
    if len(texts) > MAX_TRIGGERS:
        raise Stalled(f"a task has at most {MAX_TRIGGERS} triggers, not {len(texts)}", code="task_refused")
    for text in texts:
        found = WORDS.fullmatch(text)
        if not found:
            raise Stalled(f"{text!r} is no trigger of ours", code="task_refused")
        if found["boot"]:
            _sub(ET.SubElement(parent, "BootTrigger"), "Enabled", "true")
        elif found["every"]:
            _write_repeating(parent, int(found["every"]))
        else:
            _write_calendar(parent, found.groupdict())


def _write_repeating(parent: ET.Element, minutes: int) -> None:
    trigger = ET.SubElement(parent, "TimeTrigger")
    _sub(trigger, "Enabled", "true")
    _sub(trigger, "StartBoundary", f"{SINCE}T00:00:00Z")
    repetition = ET.SubElement(trigger, "Repetition")  # without a duration it never ends
    _sub(repetition, "Interval", f"PT{minutes}M")
    _sub(repetition, "StopAtDurationEnd", "false")


def _write_calendar(parent: ET.Element, found: dict[str, str | None]) -> None:
    trigger = ET.SubElement(parent, "CalendarTrigger")
    _sub(trigger, "Enabled", "true")
    _sub(trigger, "StartBoundary", f"{SINCE}T{found['hour']}:{found['minute']}:00{found['utc']}")
    if found["weekdays"]:
        schedule = ET.SubElement(trigger, "ScheduleByWeek")
        _sub(schedule, "WeeksInterval", "1")
        _add_named(schedule, "DaysOfWeek", (WEEKDAYS[number] for number in _numbers(found["weekdays"], ())))
    elif found["days"]:
        schedule = ET.SubElement(trigger, "ScheduleByMonth")
        days = ET.SubElement(schedule, "DaysOfMonth")
        for day in _numbers(found["days"], _ALL_DAYS):
            _sub(days, "Day", str(day))
        _add_named(schedule, "Months", (MONTHS[number - 1] for number in _numbers(found["months"], _ALL_MONTHS)))
    else:
        _sub(ET.SubElement(trigger, "ScheduleByDay"), "DaysInterval", "1")


def _numbers(text: str | None, whole: Iterable[int]) -> Iterable[int]:
    return whole if text in ("*", None) else [int(number) for number in str(text).split(",")]


def _add_named(parent: ET.Element, name: str, values: Iterable[str]) -> None:
    holder = ET.SubElement(parent, name)
    for value in values:
        ET.SubElement(holder, value)


def _sub(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def read_trigger(trigger: ET.Element) -> str:
    """Return a trigger in our words; behind a question mark, as it stands, if it is not exactly one that we write."""
    facts = _flat(trigger)
    is_on = facts.pop("Enabled", "true") == "true"
    facts = {key: value for key, value in facts.items() if (key, value) not in _DEFAULTS}
    text = _words(trigger, facts) if is_on else None
    return (
        text if text and WORDS.fullmatch(text) else f"? {trigger.tag} {'' if is_on else 'off '}{_shown(_flat(trigger))}".strip()
    )


_DEFAULTS = {("Repetition/StopAtDurationEnd", "false"), ("RandomDelay", "PT0M"), ("RandomDelay", "PT0S"), ("Delay", "PT0M")}


def _words(trigger: ET.Element, facts: dict[str, str]) -> str | None:
    if trigger.tag == "BootTrigger":
        return None if facts else "boot"
    day, _, clock = facts.pop("StartBoundary", "").partition("T")
    if day != SINCE:
        return None
    if trigger.tag == "TimeTrigger":
        interval = _minutes(facts.pop("Repetition/Interval", ""))
        return f"every {interval} min" if interval and clock == "00:00:00Z" and not facts else None
    utc = "Z" if clock.endswith("Z") else ""
    hour, minute, second = [*clock.removesuffix("Z").split(":"), "", ""][:3]
    dates = _dates(facts) if trigger.tag == "CalendarTrigger" and second == "00" else None
    return f"{dates} {hour}:{minute}{utc}" if dates else None


def _minutes(interval: str) -> int | None:
    """Return the minutes of PT5M or PT1H, None of anything else."""
    number, unit = interval.removeprefix("PT")[:-1], interval[-1:]
    if not interval.startswith("PT") or not number.isdecimal() or unit not in "MH":
        return None
    return int(number) * (60 if unit == "H" else 1)


def _dates(facts: dict[str, str]) -> str | None:
    """Return the days of a calendar trigger, None if it is not one of ours."""
    if facts == {"ScheduleByDay/DaysInterval": "1"}:
        return "daily"
    if facts.keys() == {"ScheduleByWeek/WeeksInterval", "ScheduleByWeek/DaysOfWeek"}:
        numbers = _indexes(facts["ScheduleByWeek/DaysOfWeek"], WEEKDAYS, 0)
        return f"weekly {numbers}" if numbers and facts["ScheduleByWeek/WeeksInterval"] == "1" else None
    if facts.keys() == {"ScheduleByMonth/DaysOfMonth/Day", "ScheduleByMonth/Months"}:
        days, months = facts["ScheduleByMonth/DaysOfMonth/Day"], _indexes(facts["ScheduleByMonth/Months"], MONTHS, 1)
        months = "*" if months == _list(_ALL_MONTHS) else months
        return f"monthly {'*' if days == _list(_ALL_DAYS) else days}/{months}" if months else None
    return None


def _indexes(names: str, known: tuple[str, ...], first: int) -> str | None:
    found = names.split(",")
    return _list(sorted(known.index(name) + first for name in found)) if set(found) <= set(known) else None


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _flat(trigger: ET.Element) -> dict[str, str]:
    """Return path below the trigger -> text; where elements repeat, or have nothing but a name, those with commas between."""
    facts: dict[str, list[str]] = {}

    def take(element: ET.Element, path: str) -> None:
        for child in element:
            if not isinstance(child.tag, str):
                continue
            below = f"{path}/{child.tag}".lstrip("/")
            text = (child.text or "").strip()
            if len(child):
                take(child, below)
            elif text:
                facts.setdefault(below, []).append(text)
            else:
                facts.setdefault(path, []).append(child.tag)

    take(trigger, "")
    return {path: ",".join(texts) for path, texts in facts.items()}


def _shown(facts: dict[str, str]) -> str:
    return " ".join(f"{path}={text}" for path, text in sorted(facts.items()))
