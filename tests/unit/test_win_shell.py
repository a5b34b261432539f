"""How commands are put to the shells of Windows."""

from pathlib import Path
from typing import Any

import pytest

from agent.wrapper.win_shell import argv_of, batch_script, kind_of, powershell_script


def job(command: str, *args: str, by: str = "cmd") -> dict[str, Any]:
    return {"id": "5f0c", "command": command, "args": list(args), "shell": by}


@pytest.mark.parametrize(
    ("shell", "kind"),
    [
        ("cmd", "cmd"),
        ("C:\\Windows\\System32\\cmd.exe", "cmd"),
        ("powershell", "powershell"),
        ("C:\\Program Files\\PowerShell\\7\\pwsh.exe", "powershell"),
        ("C:\\Program Files\\Git\\bin\\bash.exe", "sh"),
        ("/bin/sh", "sh"),
    ],
)
def test_a_shell_is_known_by_its_name(shell: str, kind: str):
    assert kind_of(shell) == kind


def test_a_batch_file_holds_the_command_as_it_stands():
    assert (
        batch_script(job("robocopy a b\nif errorlevel 8 exit 1\n"))
        == b"@echo off\r\nrobocopy a b\r\nif errorlevel 8 exit 1\r\n"
    )


def test_arguments_for_a_batch_file_are_quoted_and_never_expanded():
    text = batch_script(job("copy", "C:\\Program Files\\", "100%", "a&b")).decode()

    assert text.endswith('copy "C:\\Program Files\\\\" "100%%" "a&b"\r\n')


@pytest.mark.parametrize("argument", ['say "hi"', "two\nlines", "\0"])
def test_an_argument_that_a_batch_file_cannot_hold_is_refused(argument: str):
    with pytest.raises(ValueError, match="powershell"):
        batch_script(job("echo", argument))


def test_letters_beyond_ascii_set_the_code_page():
    assert batch_script(job("type caf\xe9.txt")).startswith(b"@echo off\r\n@chcp 65001 >nul\r\ntype caf\xc3\xa9")


def test_powershell_gets_a_mark_and_passes_the_last_exit_code_on():
    text = powershell_script(job("robocopy a b # comment"))

    assert text.startswith(b"\xef\xbb\xbfrobocopy a b # comment\r\n")
    assert b"exit $LASTEXITCODE" in text


def test_every_quote_that_powershell_knows_is_doubled():
    text = powershell_script(job("Write-Output", "it's", "\u2018\u2019\u201a\u201b", "$x; `n")).decode("utf-8-sig")

    assert text.startswith("Write-Output 'it''s' '\u2018\u2018\u2019\u2019\u201a\u201a\u201b\u201b' '$x; `n'\r\n")


def test_a_script_is_kept_by_its_content(tmp_path: Path):
    (tmp_path / "jobs").mkdir()

    lines = {argv_of(job("dir"), str(tmp_path)), argv_of(job("dir"), str(tmp_path)), argv_of(job("dir /s"), str(tmp_path))}  # type: ignore[arg-type]

    assert len(lines) == len(list((tmp_path / "jobs").glob("5f0c-*.cmd"))) == 2
    assert all(str(line).endswith('.cmd""') and "/d /s /c" in line for line in lines)


def test_powershell_runs_the_file_and_no_text_of_a_user(tmp_path: Path):
    (tmp_path / "jobs").mkdir()

    argv = argv_of(job("Get-Date", by="powershell"), str(tmp_path))

    assert argv[:6] == ["powershell.exe", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]
    assert len(argv) == 7
