import sys
from pathlib import Path

import pytest

from agent.apply import run_job_interpreter


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


def test_without_a_system_python_ours_starts_run_job(tmp_path: Path):
    assert run_job_interpreter(tmp_path / "python3") == Path(sys.executable).resolve()
