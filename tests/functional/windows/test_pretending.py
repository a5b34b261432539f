"""What the agent loads and says where it takes itself for Windows. It was never run there: this tells only what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def pretended(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fixtures.pretend_windows", code]
    environ = {"PATH": os.environ["PATH"], "CRONTOPUS_HOME": str(tmp_path), "COVERAGE": ""}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_every_module_is_loaded_without_anything_of_unix(tmp_path: Path):
    code = """
from importlib import import_module
from tests.fixtures.pretend_windows import module_names
for name in module_names():
    import_module(name)
print(len(module_names()))
"""
    done = pretended(code, tmp_path)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.parametrize(("command", "code", "said"), [("version", 0, "0.1.0"), ("status", 2, "not enrolled")])
def test_commands_answer(command: str, code: int, said: str, tmp_path: Path):
    done = pretended(f"import sys; sys.argv = ['x', '{command}']; from agent.__main__ import main; main()", tmp_path)

    assert (done.returncode, said in done.stdout) == (code, True), done.stderr


def test_the_registry_tells_machine_and_zone(tmp_path: Path):
    code = """
from agent.system import system
from tests.fixtures.pretend_windows import Registry
print(system.machine_guid(), system.zone())
Registry.values["DynamicDaylightTimeDisabled"] = 1
print(system.zone())
Registry.values["DynamicDaylightTimeDisabled"], Registry.values["TimeZoneKeyName"] = 0, "Customized"
print(system.zone())
"""
    done = pretended(code, tmp_path)

    # W. Europe: an hour ahead of Greenwich, which POSIX signs the other way round.
    assert done.stdout.split("\n")[:3] == ["0123-guid Europe/Berlin", "Etc/GMT-1", "None"], done.stderr


def test_the_agent_of_the_whole_machine_lies_where_only_administrators_write(tmp_path: Path):
    code = """
from agent.system import system
print(system.uid(), system.base_of(0, {}), system.base_of(7, {"USERPROFILE": "C:/Users/ada"}))
"""
    assert pretended(code, tmp_path).stdout.strip() == "0 C:\\Program Files\\Crontopus C:/Users/ada"


def test_facts_and_schedules_are_those_of_task_scheduler(tmp_path: Path):
    code = """
from pathlib import Path
from agent.home import Home
from agent.machine import facts, scheduler_flavour, timezone
told = facts(None, Home(Path('.')), 0, "crontab", {})
print(told.platform, told.scheduler, told.timezone)
"""
    done = pretended(code, tmp_path)

    assert done.stdout.split() == ["win32", "taskscheduler", "Europe/Berlin"], done.stderr
