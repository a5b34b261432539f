"""What the agent puts on the host: run-job itself, the job files, the words in the crontab."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from agent.wrapper import command, script
from chalicelib.domain.errors import Stalled
from chalicelib.domain.manifest import Job

PYTHON = Path("/usr/bin/python3")
JOB_ID = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
JOB = Job(id=JOB_ID, name="backup", namespace="default", schedule="@daily", command="true")


def test_the_crontab_holds_plain_words():
    assert command.crontab_command(Path("/home/u/.crontopus"), JOB_ID) == f"/home/u/.crontopus/bin/run-job CRONTOPUS:{JOB_ID}"


@pytest.mark.parametrize(
    "directory", ["/home/a b", "/100%", "/it's", '/"x"', "/$HOME", "/a;b", "/a&b", "/a#b", "/a\tb", "/(a)", "~/x", "x"]
)
def test_a_path_that_cron_or_a_shell_would_read_otherwise_is_refused(directory: str):
    with pytest.raises(Stalled, match="set CRONTOPUS_HOME"):
        command.crontab_command(Path(directory), JOB_ID)


def test_a_path_in_another_alphabet_is_plain_enough():
    assert command.crontab_command(Path("/home/jürgen"), JOB_ID).startswith("/home/jürgen/bin/run-job")


def test_the_shebang_may_be_127_bytes_long():
    exactly = Path("/" + "p" * (127 - len("#!/ -ISE")))

    assert len(script.script(exactly).splitlines()[0]) == 127
    with pytest.raises(Stalled, match="shorter path"):
        script.script(Path(f"{exactly}p"))


def test_an_interpreter_with_a_space_in_its_path_is_refused():
    with pytest.raises(Stalled, match="without spaces"):
        script.script(Path("/opt/my agent/python3"))


def test_the_script_holds_the_whole_program():
    (text,) = [
        node.value.value
        for node in ast.parse(script.script(PYTHON), feature_version=(3, 9)).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]

    assert text.strip() == script.program().strip()


def test_the_program_can_be_read_by_python_3_9_and_needs_no_package_of_ours():
    tree = ast.parse(script.program(), feature_version=(3, 9))

    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    always = {"posix", "select", "sys", "time", "_signal", "_json", "_thread", "_warnings"}
    for_jobs_that_ask = {"ctypes", "datetime", "resource", "zoneinfo"}
    assert modules == always | for_jobs_that_ask | {"_socket", "json", "pwd", "typing", "collections.abc"}


def test_nothing_is_imported_at_the_start_that_costs():
    tree = ast.parse(script.program())

    at_once = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    at_once |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert at_once == {"posix", "select", "sys", "time", "_signal", "_thread", "_warnings"}


def test_run_job_can_be_installed_by_an_agent_that_is_one_archive(tmp_path: Path):
    root = Path(script.__file__).parents[2]
    with ZipFile(tmp_path / "agent.zip", "w") as archive:
        for path in [*root.glob("agent/**/*.py"), *root.glob("chalicelib/*.py"), *root.glob("chalicelib/domain/*.py")]:
            archive.write(path, path.relative_to(root))
    words = "from agent.wrapper import script; print(len(script.program()))"

    found = subprocess.run([sys.executable, "-c", words], cwd=tmp_path, env={"PYTHONPATH": "agent.zip"}, capture_output=True)

    assert int(found.stdout) == len(script.program())


def test_run_job_is_executable_and_written_only_when_it_differs(tmp_path: Path):
    path = command.install(tmp_path / "D", PYTHON)
    first = path.stat()

    command.install(tmp_path / "D", PYTHON)

    assert first.st_mode & 0o777 == 0o755
    assert path.stat().st_ino == first.st_ino


@pytest.mark.parametrize("damage", ["text", "mode"])
def test_a_damaged_run_job_is_put_right(tmp_path: Path, damage: str):
    path = command.install(tmp_path / "D", PYTHON)
    path.write_text("#!/bin/sh\n") if damage == "text" else path.chmod(0o600)

    command.install(tmp_path / "D", PYTHON)

    assert path.read_text() == script.script(PYTHON)
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_job_file_is_json_in_plain_characters_that_only_its_owner_reads(tmp_path: Path):
    job = Job(JOB_ID, "backup", "default", "@daily", "grüße\n🐙", args=("a", "b"), env={"A": "ä"}, timeout_s=90)

    path = command.write_job(tmp_path, job, "c0ffee")

    assert path == tmp_path / "jobs" / f"{JOB_ID}.yaml"
    assert path.read_bytes().isascii()
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes()) == {
        "id": JOB_ID, "name": "backup", "namespace": "default", "command": "grüße\n🐙", "args": ["a", "b"], "env": {"A": "ä"},
        "working_dir": None, "shell": "/bin/sh", "timeout_s": 90, "output": "tail", "max_output_bytes": 10240,
        "commit": "c0ffee",
    }  # fmt: skip


def test_a_job_file_that_says_the_same_is_left_alone(tmp_path: Path):
    first = command.write_job(tmp_path, JOB, None).stat()

    assert command.write_job(tmp_path, JOB, None).stat().st_ino == first.st_ino
    assert command.write_job(tmp_path, JOB, "c0ffee").stat().st_ino != first.st_ino


def test_a_job_file_is_removed_once_and_twice(tmp_path: Path):
    path = command.write_job(tmp_path, JOB, None)

    command.remove_job(tmp_path, JOB_ID)
    command.remove_job(tmp_path, JOB_ID)

    assert not path.exists()


def test_a_job_without_an_id_has_no_file(tmp_path: Path):
    with pytest.raises(Stalled, match="no id yet"):
        command.write_job(tmp_path, Job(None, "backup", "default", "@daily", "true"), None)


def test_an_id_that_is_a_path_is_refused(tmp_path: Path):
    with pytest.raises(Stalled, match="no id of a job"):
        command.remove_job(tmp_path, "../config")
