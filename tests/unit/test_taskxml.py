"""Tasks as XML: valid by Task Scheduler's schema, everything said, and read back for what they mean."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.schedulers.taskxml import SYSTEM, Runner, Task, meaning, parse, to_xml
from agent.schedulers.triggers import kept, split
from chalicelib.domain.errors import Stalled

SCHEMA = Path(__file__).parents[1] / "fixtures" / "task.xsd"
MARK = "CRONTOPUS:5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
USER = Runner("S-1-5-21-1-2-3-1001", "S4U", "ada")
PATH = "\\Crontopus\\default\\backup-3fa94c21"


def task(*triggers: str, runner: Runner = SYSTEM, arguments: str = f'-I "C:\\D & D\\run-job.py" {MARK}') -> Task:
    return Task(triggers or ("boot",), "C:\\Python\\python.exe", arguments, runner, "CRONTOPUS ep-1", f"{MARK} <backup>")


def text(xml: bytes) -> str:
    return xml.decode("utf-16")


def read(xml: str, runner: Runner = SYSTEM) -> Task:
    return meaning(parse(xml), runner)


@cache
def schema():
    xmlschema = pytest.importorskip("xmlschema")
    return xmlschema.XMLSchema(str(SCHEMA))


FIELDS = (
    ("*", "0", "*/5", "1,31,59", "*/7"),
    ("*", "2", "9-17", "*/3"),
    ("*", "1", "13,31", "*/2"),
    ("*", "6", "1,12"),
    ("*", "1-5", "0"),
)
EXPRESSIONS = st.tuples(*(st.sampled_from(choices) for choices in FIELDS)).map(" ".join)
RUNNERS = (SYSTEM, USER, Runner("S-1-5-21-1-2-3-1001", "InteractiveToken"))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(EXPRESSIONS, st.sampled_from(["UTC", "Europe/Paris", "Australia/Lord_Howe"]), st.sampled_from(RUNNERS))
def test_every_task_is_valid_and_comes_back_as_it_was(expression: str, zone: str, runner: Runner):
    ours = task(*split(kept(expression, None, zone).fields), runner=runner)

    xml = text(to_xml(ours, PATH))

    schema().validate(xml.partition("?>")[2])
    assert read(xml, runner) == ours


def test_the_schema_of_the_tests_refuses_what_task_scheduler_refuses():
    good = text(to_xml(task("every 5 min"), PATH)).partition("?>")[2]

    for old, new in (
        ("PT5M", "PT5S"),
        ("Parallel", "All"),
        ("<Priority>5", "<Priority>50"),
        ("TimeTrigger", "CalendarTrigger"),
    ):
        assert not schema().is_valid(good.replace(old, new)), new


def test_the_file_is_utf_16_with_its_mark_and_says_so():
    xml = to_xml(task(), PATH)

    assert xml[:2] in (b"\xff\xfe", b"\xfe\xff")
    assert text(xml).startswith('<?xml version="1.0" encoding="UTF-16"?>')


def test_what_xml_reserves_is_escaped():
    xml = text(to_xml(task(arguments='a & b < "c" > d ' + "x" * 300), PATH))

    assert "a &amp; b &lt; " in xml
    assert read(xml).arguments == 'a & b < "c" > d ' + "x" * 300


def test_a_control_character_is_refused():
    with pytest.raises(Stalled, match="no task can hold"):
        to_xml(task(arguments="\x07"), PATH)


def test_everything_with_a_dangerous_default_is_said():
    xml = text(to_xml(task(), PATH))

    for said in (
        "<DisallowStartIfOnBatteries>false", "<StopIfGoingOnBatteries>false", "<MultipleInstancesPolicy>Parallel",
        "<StartWhenAvailable>false", "<ExecutionTimeLimit>PT0S", "<Hidden>false", "<Priority>5",
    ):  # fmt: skip
        assert said in xml


def test_more_triggers_than_a_task_may_have_are_refused():
    with pytest.raises(Stalled, match="at most 48"):
        to_xml(task(*["daily 00:00"] * 49), PATH)


def test_a_document_type_is_not_taken():
    with pytest.raises(ValueError, match="document type"):
        parse('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Task/>')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Enabled>true</Enabled>", ""),
        ("<StartWhenAvailable>false</StartWhenAvailable>", ""),
        ("<Interval>PT60M", "<Interval>PT1H"),
        ("S-1-5-18", "NT AUTHORITY\\SYSTEM"),
        ("<Settings>", "<Settings><UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>"),
        ("<RegistrationInfo>", "<RegistrationInfo><Author>X</Author><Date>2026-01-01T00:00:00</Date>"),
        ("<Settings>", "<Settings><IdleSettings><StopOnIdleEnd>true</StopOnIdleEnd></IdleSettings>"),
    ],
)
def test_what_windows_says_in_other_words_is_the_same_task(old: str, new: str):
    ours = task("every 60 min")
    xml = text(to_xml(ours, PATH))
    assert old in xml

    assert read(xml.replace(old, new)) == ours


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<Enabled>true</Enabled>\n    <Hidden>", "<Enabled>false</Enabled>\n    <Hidden>", "Enabled=false"),
        ("<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>", "", "DisallowStartIfOnBatteries=true"),
        ("<ExecutionTimeLimit>PT0S", "<ExecutionTimeLimit>PT1H", "ExecutionTimeLimit=PT1H"),
        ("</Exec>", "</Exec><Exec><Command>calc.exe</Command></Exec>", "action Exec"),
        ("</Exec>", "<WorkingDirectory>C:\\x</WorkingDirectory></Exec>", "WorkingDirectory=C:\\x"),
        ("<Settings>", "<Settings><RestartOnFailure>1</RestartOnFailure>", "RestartOnFailure=1"),
    ],
)
def test_what_somebody_changed_is_seen(old: str, new: str, what: str):
    xml = text(to_xml(task(), PATH))
    assert old in xml

    assert read(xml.replace(old, new)).odd == (what,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Enabled>true</Enabled>\n      <StartBoundary>", "<Enabled>false</Enabled>\n      <StartBoundary>"),
        ("T09:00:00<", "T09:00:30<"),
        ("<DaysInterval>1", "<DaysInterval>2"),
        ("2026-01-01", "2030-01-01"),
        ("<ScheduleByDay>", "<RandomDelay>PT5M</RandomDelay><ScheduleByDay>"),
    ],
)
def test_a_trigger_that_is_not_ours_is_shown_as_it_stands(old: str, new: str):
    xml = text(to_xml(task("daily 09:00"), PATH))
    assert old in xml

    (trigger,) = read(xml.replace(old, new)).triggers

    assert trigger.startswith("? CalendarTrigger")


def test_another_principal_is_seen():
    xml = text(to_xml(task(), PATH)).replace("S-1-5-18", "S-1-5-21-9")

    assert read(xml).runner.sid == "S-1-5-21-9"
