"""What a task starts."""

import pytest

from agent.schedulers.factory import refuse_open_python, task_command
from agent.windows_zones import names, zone_of
from chalicelib.domain.errors import Stalled
from chalicelib.domain.zones import is_known

JOB = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
RUN_JOB = "C:\\Program Files\\Crontopus\\.crontopus\\bin\\run-job.py"


def test_blanks_in_a_path_are_quoted():
    found = task_command("C:\\Py thon\\python.exe", RUN_JOB, JOB, is_guarded=True)

    assert found == ("C:\\Py thon\\python.exe", f'-I -S "{RUN_JOB}" --guard CRONTOPUS:{JOB}')


@pytest.mark.parametrize("path", ["C:\\%TEMP%\\run-job.py", "C:\\J\xfcrgen\\run-job.py", "C:\\$(Arg0)\\x", 'C:\\a"b'])
def test_what_windows_would_expand_or_garble_is_refused(path: str):
    with pytest.raises(Stalled, match="CRONTOPUS_HOME"):
        task_command("C:\\python.exe", path, JOB, is_guarded=False)


def test_windows_zones_are_those_of_iana():
    assert (zone_of("UTC"), zone_of("Romance Standard Time"), zone_of("Martian Standard Time")) == (
        "Etc/UTC",
        "Europe/Paris",
        None,
    )


def test_every_zone_of_the_table_is_known():
    assert [zone for zone in map(zone_of, names()) if zone is None or not is_known(zone)] == []
    assert len(names()) > 130


OPEN = ("C:\\Users\\ada\\python.exe", "C:\\Python311\\python.exe", "C:\\Program Files (evil)\\python.exe")


@pytest.mark.parametrize("path", OPEN)
def test_system_runs_no_python_that_others_could_change(path: str):
    with pytest.raises(Stalled) as caught:
        refuse_open_python(path, {"PROGRAMFILES": "C:\\Program Files"})

    assert caught.value.code == "python_open"


def test_system_runs_python_from_program_files():
    refuse_open_python("c:\\program files\\Python311\\python.exe", {"PROGRAMFILES": "C:\\Program Files"})
