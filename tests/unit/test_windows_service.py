"""The agent as a task that starts with Windows."""

from pathlib import Path

import pytest

from agent.schedulers.taskxml import parse, strip_namespace
from agent.services.base import Remove, Run, Setup
from agent.services.windows import WindowsTask, task_xml

SID = "S-1-5-21-1-2-3-1001"
PYTHON = "C:\\Python311\\python.exe"


def setup(uid: int = 0, **more: object) -> Setup:
    facts: dict[str, object] = {"command": (PYTHON, "-I", "C:\\Program Files\\a.pyz"), "home": Path("/d"), "uid": uid}
    return Setup(**(facts | {"login": "ada", "user_home": Path("/u")} | more))  # type: ignore[arg-type]


def xml(uid: int = 0, **more: object) -> str:
    return task_xml(setup(uid, **more), SID).decode("utf-16")


@pytest.mark.parametrize("uid", [0, 4711])
@pytest.mark.parametrize("more", [{}, {"environ": {"CRONTOPUS_HOME": "C:\\x"}, "folder": Path("/f")}])
def test_the_task_is_valid(uid: int, more: dict[str, object]):
    xmlschema = pytest.importorskip("xmlschema")
    schema = xmlschema.XMLSchema(str(Path(__file__).parents[1] / "fixtures" / "task.xsd"))

    schema.validate(xml(uid, **more).partition("?>")[2])


def found(text: str, path: str) -> list[str]:
    root = parse(text)
    strip_namespace(root)
    return [element.text or "" for element in root.findall(path)]


def test_the_machines_agent_starts_with_the_machine_with_highest_privileges():
    text = xml()

    assert "<BootTrigger>" in text
    assert found(text, "Principals/Principal/UserId") == ["S-1-5-18"]
    assert found(text, "Principals/Principal/RunLevel") == ["HighestAvailable"]
    assert found(text, "Actions/Exec/Arguments") == ['-I "C:\\Program Files\\a.pyz" run --as-service']


def test_a_users_agent_starts_at_logon_without_a_window():
    text = xml(4711)

    assert found(text, "Triggers/LogonTrigger/UserId") == [SID]
    assert found(text, "Actions/Exec/Command") == ["C:\\Python311\\pythonw.exe"]


def test_an_agent_that_has_ended_is_started_again_and_never_twice():
    text = xml()

    assert found(text, "Triggers/TimeTrigger/Repetition/Interval") == ["PT5M"]
    assert found(text, "Settings/MultipleInstancesPolicy") == ["IgnoreNew"]
    assert found(text, "Settings/ExecutionTimeLimit") == ["PT0S"]


def test_a_variable_is_set_by_cmd():
    text = xml(environ={"CRONTOPUS_HOME": "C:\\My Data"})

    (arguments,) = found(text, "Actions/Exec/Arguments")
    assert arguments.startswith(f'/d /s /c "set "CRONTOPUS_HOME=C:\\My Data"&& "{PYTHON}" -I')


def test_what_is_stopped_stays_stopped():
    verbs = [step.command[1:] for step in WindowsTask().stop(setup()) if isinstance(step, Run)]

    assert verbs == [("/Change", "/TN", "CrontopusAgent", "/DISABLE"), ("/End", "/TN", "CrontopusAgent")]


def test_steps_of_a_life():
    manager = WindowsTask("schtasks", SID)

    install = [step.command[1] for step in manager.install(setup(), is_new=True) if isinstance(step, Run)]
    uninstall = manager.uninstall(setup())

    assert install == ["/Create", "/Change", "/Run"]
    assert isinstance(uninstall[-1], Remove)
    assert manager.task(setup(4711)) == f"CrontopusAgent-{SID}"
