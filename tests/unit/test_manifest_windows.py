"""What a manifest may say of jobs on Windows."""

import pytest

from chalicelib.domain import manifest
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job


def read(more: str) -> Job:
    text = f'apiVersion: v1\nkind: Job\nmetadata: {{name: a}}\nspec: {{schedule: "0 3 * * *", command: dir, {more}}}\n'
    return manifest.parse(text.encode(), "default/a.yaml", strict=True).job


@pytest.mark.parametrize("shell", ["cmd", "powershell", "pwsh", "C:\\Git\\bin\\bash.exe", "/bin/bash"])
def test_a_shell_may_be_one_of_windows(shell: str):
    assert read(f"shell: '{shell}'").shell == shell


@pytest.mark.parametrize("folder", ["C:\\jobs", "d:/jobs", "\\\\server\\share", "/srv"])
def test_a_directory_may_be_one_of_windows(folder: str):
    assert read(f"workingDir: '{folder}'").working_dir == folder


@pytest.mark.parametrize("more", ["shell: bash", "shell: 'cmd.exe /c'", "workingDir: jobs", "workingDir: 'C:jobs'"])
def test_what_is_no_place_is_refused(more: str):
    with pytest.raises(Invalid):
        read(more)
