"""The PowerShell installer, as far as reading goes: it cannot be run here."""

import re
from pathlib import Path

SCRIPT = (Path(__file__).parents[2] / "chalicelib/templates/installers/install.ps1").read_text()


def test_nothing_runs_of_a_download_that_broke_off():
    assert SCRIPT.rstrip().splitlines()[-1] == "Install-Crontopus"
    assert SCRIPT.count("Install-Crontopus") == 2


def test_brackets_and_braces_are_balanced():
    code = re.sub(r"@'.*?\n'@|'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*", "", SCRIPT, flags=re.DOTALL)

    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing), opening


def test_the_token_is_in_no_argument():
    assert not re.search(r"(?<!\$)\$Arguments[^\n]*Token\b(?!Stdin|-stdin)", SCRIPT)
    assert "$Token | & $Python" in SCRIPT


def test_no_text_is_taken_for_code():
    assert not re.search(r"Invoke-Expression|\biex\b|(?<!Get)-Command\b|ScriptBlock\]::Create", SCRIPT, re.IGNORECASE)


def test_paths_are_taken_literally():
    for line in SCRIPT.splitlines():
        for verb in ("Test-Path", "Remove-Item", "Get-Content", "Set-Content", "Move-Item", "Get-FileHash"):
            assert verb not in line or "-LiteralPath" in line or "Env:" in line, line


def test_what_the_agent_knows_survives_the_uninstallation():
    assert "-LiteralPath $Prefix -Recurse" not in SCRIPT
