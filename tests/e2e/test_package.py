"""The zip that goes to AWS, on its own: nothing of this machine's packages helps it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.package import Package, allowed_services, package

_IMPORT = """
import json, sys
sys.path.insert(0, ".")
import app
from chalicelib.services import doors
named = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
modules = [module for module in named if not module.__file__.startswith(sys.base_prefix)]
cached = [module.__cached__ for module in modules if module.__file__.endswith(".py")]
print(json.dumps({"files": [module.__file__ for module in modules], "cached": cached}))
"""
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "STAGE": "test",
    "FORGE_URL": "http://127.0.0.1:1",
    "FORGE_PUBLIC_URL": "http://127.0.0.1:1",
    "FORGE_ORGANIZATION": "crontopus",
    "APP_SECRET": "crontopus/test/app",
    "KMS_KEY": "key",
}


@pytest.fixture(scope="module")
def built() -> Package:
    return package()


@pytest.fixture(scope="module")
def unzipped(built: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(built.code) as archive:
        archive.extractall(folder)
    return folder


def test_the_application_imports_with_nothing_but_its_zip(unzipped: Path):
    imported = _import(unzipped)

    assert str(unzipped / "app.py") in {str((unzipped / name).resolve()) for name in imported["files"]}
    assert all((unzipped / name).resolve().is_relative_to(unzipped) for name in imported["files"])


def test_every_module_that_the_application_loads_is_compiled(unzipped: Path):
    imported = _import(unzipped)

    assert len(imported["cached"]) > 100
    assert [name for name in imported["cached"] if not (unzipped / name).exists()] == []


def test_the_bytecode_is_used_whatever_the_dates_say(unzipped: Path):
    source = unzipped / "chalicelib" / "config.py"
    text = source.read_text()
    source.write_text("this is no Python")
    try:
        imported = _import(unzipped)
    finally:
        source.write_text(text)

    assert any(name.endswith("chalicelib/config.py") for name in imported["files"])


def test_the_package_of_the_same_source_is_the_same(built: Package):
    before = (built.code.read_bytes(), built.template.read_bytes())
    (built.code.parent / "source.sha256").unlink()

    again = package()

    assert (again.code.read_bytes(), again.template.read_bytes()) == before


def test_botocore_knows_exactly_the_services_that_a_policy_allows(unzipped: Path):
    described = {path.name.removesuffix("v2") for path in (unzipped / "botocore" / "data").iterdir() if path.is_dir()}

    assert described == allowed_services()


def test_the_package_stays_small(built: Package):
    # Lambda takes 50 MB, and fetches every one of them at a cold start; five are cryptography's one library.
    assert built.size_mb < 20


def _import(folder: Path) -> dict[str, list[str]]:
    command = [sys.executable, "-I", "-S", "-c", _IMPORT]
    done = subprocess.run(command, cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer
