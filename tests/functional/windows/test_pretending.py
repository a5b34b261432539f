"""What the agent loads and says where it takes itself for Windows. It was never run there: this tells only what is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
# One process for all: it loads everything twice.
CODE = """
import json
from importlib import import_module
from pathlib import Path
from tests.fixtures.pretend_windows import Registry, module_names

for name in module_names():
    import_module(name)

from agent.home import Home
from agent.machine import facts
from agent.system import system

told = facts(None, Home(Path('.')), 0, "crontab", {})
found = {"modules": len(module_names()), "guid": system.machine_guid(), "zone": system.zone(), "uid": system.uid()}
found |= {"facts": [told.platform, told.scheduler, told.timezone]}
found |= {"bases": [system.base_of(0, {}), system.base_of(7, {"USERPROFILE": "C:/Users/ada"})]}
Registry.values["DynamicDaylightTimeDisabled"] = 1
found["fixed zone"] = system.zone()
Registry.values["DynamicDaylightTimeDisabled"], Registry.values["TimeZoneKeyName"] = 0, "Customized"
found["odd zone"] = system.zone()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environ = {"PATH": os.environ["PATH"], "CRONTOPUS_HOME": str(tmp_path_factory.mktemp("home"))}
    command = [sys.executable, "-m", "tests.fixtures.pretend_windows", CODE]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_every_module_is_loaded_without_anything_of_unix(found: dict[str, Any]):
    assert found["modules"] > 50


def test_the_registry_tells_machine_and_zone(found: dict[str, Any]):
    assert (found["guid"], found["zone"]) == ("0123-guid", "Europe/Berlin")


def test_a_machine_without_daylight_saving_time_has_a_fixed_zone(found: dict[str, Any]):
    # An hour ahead of Greenwich, which POSIX signs the other way round.
    assert (found["fixed zone"], found["odd zone"]) == ("Etc/GMT-1", None)


def test_the_agent_of_the_whole_machine_lies_where_only_administrators_write(found: dict[str, Any]):
    assert (found["uid"], found["bases"]) == (0, ["C:\\Program Files\\Crontopus", "C:/Users/ada"])


def test_facts_are_those_of_task_scheduler(found: dict[str, Any]):
    assert found["facts"] == ["win32", "taskscheduler", "Europe/Berlin"]
