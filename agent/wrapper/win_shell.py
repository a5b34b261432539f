"""Part of run-job for Windows: how a command is put to a shell, so that its exit code is the job's.

By default that is cmd, with the command as a batch file: any length, any number of lines, and the exit code of its last
command, as of a shell script. PowerShell has to be told to pass on the exit code of what it ran last.
"""

import hashlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POWERSHELLS = ("powershell", "pwsh")
QUOTES = "'\u2018\u2019\u201a\u201b"  # all of them end a text in single quotes, and each is doubled to stand for itself
LAST_CODE = "\r\nif (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }\r\n"
DEFAULT = "/bin/sh"  # what a manifest that names no shell means


def argv_of(job: "dict[str, Any]", directory: str) -> "list[str] | str":
    """Return what is to be started; a script that it needs is put into D/jobs. Raise OSError or ValueError otherwise."""
    kind = kind_of(job["shell"])
    if kind == "sh":
        return [job["shell"], "-c", " ".join([job["command"].rstrip("\n"), *map(quoted_for_sh, job["args"])])]
    if kind == "powershell":
        script = kept_script(directory, job["id"], ".ps1", powershell_script(job))
        program = job["shell"] if os.path.isabs(job["shell"]) else f"{job['shell']}.exe"
        return [program, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", script]
    script = kept_script(directory, job["id"], ".cmd", batch_script(job))
    program = os.environ.get("COMSPEC") or "cmd.exe"
    # cmd takes the first and the last quote off and the rest as it stands.
    return f'"{program}" /d /s /c ""{script}""'


def kind_of(shell: str) -> str:
    """Return which way of quoting a shell wants: cmd, powershell or sh."""
    name = shell.replace("\\", "/").rpartition("/")[2].lower()
    name = name[:-4] if name.endswith(".exe") else name
    if name in POWERSHELLS:
        return "powershell"
    return "cmd" if name == "cmd" or (shell == DEFAULT and sys.platform == "win32") else "sh"


def quoted_for_sh(argument: str) -> str:
    return "'" + argument.replace("'", "'\\''") + "'"


def batch_script(job: "dict[str, Any]") -> bytes:
    """Return the command as a batch file, in UTF-8. Raise ValueError for an argument that no batch file can hold."""
    words = [job["command"].rstrip("\n")]
    for argument in job["args"]:
        if any(mark in argument for mark in '"\n\r\0'):
            raise ValueError(f"cmd cannot be given the argument {argument!r}; use spec.shell: powershell")
        # A backslash before the closing quote would escape it for most programs.
        tail = argument[len(argument.rstrip("\\")) :]
        words.append('"' + argument.replace("%", "%%") + tail + '"')
    text = "\r\n".join(" ".join(words).splitlines()) + "\r\n"
    page = "" if text.isascii() else "@chcp 65001 >nul\r\n"  # cmd reads its own file in the console's code page
    return f"@echo off\r\n{page}{text}".encode()


def powershell_script(job: "dict[str, Any]") -> bytes:
    """Return the command as a script for PowerShell: UTF-8 with its mark, for version 5 reads nothing else as UTF-8."""
    words = [job["command"].rstrip("\n"), *map(quoted_for_powershell, job["args"])]
    return ("\ufeff" + "\r\n".join(" ".join(words).splitlines()) + LAST_CODE).encode()


def quoted_for_powershell(argument: str) -> str:
    return "'" + "".join(sign * 2 if sign in QUOTES else sign for sign in argument) + "'"


def kept_script(directory: str, job_id: str, suffix: str, content: bytes) -> str:
    """Return the path of a file with this content. A new version is a new file: cmd reads on in the old one while it runs."""
    path = os.path.join(directory, "jobs", f"{job_id}-{hashlib.sha256(content).hexdigest()[:12]}{suffix}")
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return path
    except FileNotFoundError:
        pass
    beside = f"{path}.{os.getpid()}.tmp"
    with open(beside, "wb") as file:
        file.write(content)
    os.replace(beside, path)
    return path
