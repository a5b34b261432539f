"""The build that brings its own Python, for machines that have none: a copy of a CPython of this platform, and the archive.

    crontopus-agent.pyz  cacert.pem  python/bin/python3  python/lib/...

An interpreter that can be copied and not one executable that unpacks itself: run-job is started for every job, so it must
start like any script, and what it names as its interpreter has to lie somewhere. All but the C library comes along, found
by paths relative to the files themselves, so no job ever sees a variable of ours. The C library is the machine's: it has to
be as new as the one here, so build on the oldest system that is to be supported. `patchelf` writes the relative paths.
"""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

_ASK = """
import json, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "library": sysconfig.get_path("stdlib"),
    "modules": sysconfig.get_config_var("DESTSHARED"),
    "version": list(sys.version_info[:2]),
}))
"""
# What an agent has no use for, most of it tests and user interfaces.
_LEFT_OUT = frozenset(
    {"__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages"}
    | {"test", "tests", "tkinter", "turtledemo", "venv"}
)
_LEFT_OUT_MODULES = re.compile(
    r"_(crypt|ctypes_test|curses|curses_panel|dbm|gdbm|sqlite3|test\w*|tkinter|xx\w*)|xx\w*|readline|nis|ossaudiodev"
)
# Part of the C library, which is bound to the machine's kernel and loader.
_MACHINES_OWN = re.compile(
    r"(linux-vdso|ld-linux[\w-]*|libc|libm|libdl|libpthread|librt|libutil|libresolv|libnsl|libcrypt)\.so(\.\d+)*"
)


class NoNative(Exception):
    """The build cannot be made here; the message says why."""


def build(archive: bytes, certificates: bytes, python: Path) -> bytes:
    """Return the .tar.gz. python: the interpreter to bring, one of this platform's."""
    for tool in ("patchelf", "ldd"):
        if not shutil.which(tool):
            raise NoNative(f"`{tool}` is missing (Debian: apt install patchelf)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copy_python(python, folder / "python")
        (folder / "crontopus-agent.pyz").write_bytes(archive)
        (folder / "cacert.pem").write_bytes(certificates)
        return _packed(folder)


def _copy_python(python: Path, target: Path) -> None:
    asked = subprocess.run([python, "-ISc", _ASK], capture_output=True, check=True, timeout=60)
    told = json.loads(asked.stdout)
    name = "python{}.{}".format(*told["version"])
    library = target / "lib" / name
    (target / "bin").mkdir(parents=True)
    binary = target / "bin" / name
    shutil.copyfile(Path(told["executable"]).resolve(), binary)
    binary.chmod(0o755)
    (target / "bin" / "python3").symlink_to(name)
    shutil.copytree(told["library"], library, ignore=_ignored)
    modules = library / "lib-dynload"
    shutil.rmtree(modules, ignore_errors=True)
    modules.mkdir()
    for path in Path(told["modules"]).glob("*.so"):
        if not _LEFT_OUT_MODULES.fullmatch(path.name.split(".")[0]):
            shutil.copyfile(path, modules / path.name)
    for path in (binary, *modules.iterdir()):
        _bring_libraries(path, target / "lib")
    options = ["-b", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(target)]
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    command = [str(python), "-sS", "-m", "compileall", *options, str(library)]
    # Some files of the library are no Python on purpose, and `compileall` says so.
    subprocess.run(command, env=environment, check=False, capture_output=True, timeout=600)


def _ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in _LEFT_OUT or name.startswith("config-") or name.endswith((".so", ".a", ".pyc"))}


def _bring_libraries(path: Path, target: Path) -> None:
    """Copy the libraries that a file is linked to, and let it find them there."""
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True, timeout=60).stdout
    for found in re.finditer(r"^\s+(\S+) => (/\S+)", listed, re.MULTILINE):
        place = target / found[1]
        if _MACHINES_OWN.fullmatch(found[1]) or place.exists():
            continue
        shutil.copyfile(Path(found[2]).resolve(), place)
        _let_find(place, target)
    _let_find(path, target)


def _let_find(path: Path, libraries: Path) -> None:
    up = "/".join([".."] * (len(path.relative_to(libraries.parent).parts) - 1))
    place = "$ORIGIN" if path.parent == libraries else f"$ORIGIN/{up}/lib"
    subprocess.run(["patchelf", "--set-rpath", place, path], check=True, capture_output=True, timeout=60)


def _packed(folder: Path) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(path, path.relative_to(folder).as_posix())
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = "root"
            is_program = path.parent.name == "bin" or path.is_dir()
            entry.mode = 0o755 if is_program else 0o644
            if entry.isreg():
                tar.addfile(entry, io.BytesIO(path.read_bytes()))
            else:
                tar.addfile(entry)
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0)
