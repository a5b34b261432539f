import sys
from pathlib import Path

import pytest

from agent.apply import _own_interpreter, run_job_interpreter
from agent.installed import OWN_PYTHON, Installation


def program(path: Path, exit_code: int) -> Path:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def test_the_systems_python_starts_run_job_where_it_will_do(tmp_path: Path):
    system = program(tmp_path / "python3", 0)

    assert run_job_interpreter(system) == system


@pytest.mark.parametrize("exit_code", [1, 127])
def test_a_python_that_is_too_old_or_broken_is_passed_over(tmp_path: Path, exit_code: int):
    assert run_job_interpreter(program(tmp_path / "python3", exit_code)) == Path(sys.executable).resolve()


def test_a_build_with_its_own_python_names_it_by_the_link_that_updates_move(tmp_path: Path):
    place = Installation(tmp_path, "a" * 64)
    (place.own / OWN_PYTHON).parent.mkdir(parents=True)
    program(place.own / OWN_PYTHON, 0)

    assert _own_interpreter(place, place.own / OWN_PYTHON) == tmp_path / "current/python/bin/python3"


def test_without_a_system_python_ours_starts_run_job(tmp_path: Path):
    assert run_job_interpreter(tmp_path / "python3") == Path(sys.executable).resolve()
