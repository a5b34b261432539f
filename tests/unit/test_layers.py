"""Imports point one way; see docs/architecture.md. This test is the rule."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARD = "standard library"

# layer -> what of ours it may import, and which packages from outside (None: any).
OURS = {
    "chalicelib/domain": {"chalicelib.domain"},
    "chalicelib/store": {"chalicelib.domain", "chalicelib.store", "chalicelib.config", "chalicelib"},
    "chalicelib/forgejo": {"chalicelib.domain", "chalicelib.forgejo"},
    "chalicelib/notify": {"chalicelib.domain", "chalicelib.notify"},
    "chalicelib/providers": {"chalicelib.domain", "chalicelib.providers"},
    "chalicelib/services": {
        "chalicelib", "chalicelib.config", "chalicelib.domain", "chalicelib.store", "chalicelib.forgejo", "chalicelib.services",
        "chalicelib.vault", "chalicelib.logs", "chalicelib.templating", "chalicelib.notify", "chalicelib.providers",
    },
    "chalicelib/api": {
        "chalicelib", "chalicelib.config", "chalicelib.domain", "chalicelib.services", "chalicelib.api", "chalicelib.logs",
        "chalicelib.templating",
    },
    "chalicelib/workers": {"chalicelib.domain", "chalicelib.services", "chalicelib.workers", "chalicelib.logs"},
    "agent": {"agent", "chalicelib.domain"},
    "cli": {"cli", "chalicelib.domain"},
}  # fmt: skip
OUTSIDE = {
    "chalicelib/domain": {"yaml", "cronsim"},
    "chalicelib/store": {"pynamodb"},
    "chalicelib/forgejo": {"requests", "urllib3"},
    "chalicelib/notify": {"botocore"},
    "chalicelib/providers": {"requests", "jwt"},
    "chalicelib/services": {"argon2", "cron_descriptor", "jwt", "zxcvbn"},
    "chalicelib/api": {"chalice", "pydantic"},
    "chalicelib/workers": {"chalice"},
    "agent": {"click", "dulwich", "requests", "yaml", "urllib3"},
    "cli": {"click", "requests", "rich", "platformdirs", "yaml", "keyring", "jmespath", "tomli_w"},
}
FILES = [path for layer in OURS for path in sorted((ROOT / layer).rglob("*.py"))]


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
            if node.module in ("chalicelib", "chalicelib.domain"):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer_of(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return max((layer for layer in OURS if name.startswith(layer + "/")), key=len)


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("chalicelib", "agent", "cli", "app", "infra", "tests")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path: Path):
    layer = layer_of(path)
    allowed = OURS[layer]

    ours = {module for module in imports_of(path) if is_ours(module)}
    wrong = {
        module
        for module in ours
        if module not in allowed and not any(module.startswith(f"{one}.") for one in allowed - {"chalicelib"})
    }

    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_uses_only_the_packages_of_its_layer(path: Path):
    import sys

    outside = {module.split(".")[0] for module in imports_of(path) if not is_ours(module)} - set(sys.stdlib_module_names)

    assert outside <= OUTSIDE[layer_of(path)]


def test_app_is_wiring_only():
    assert len((ROOT / "app.py").read_text().splitlines()) <= 60


def test_only_config_reads_the_environment():
    readers = [path for path in sorted((ROOT / "chalicelib").rglob("*.py")) if "os.environ" in path.read_text()]

    assert [path.name for path in readers] == ["config.py"]


@pytest.mark.parametrize("path", sorted((ROOT / "agent/wrapper").glob("run_*.py")), ids=lambda path: path.name)
def test_the_wrapper_needs_nothing_but_the_standard_library(path: Path):
    import sys

    # The run_*.py modules are installed as one file.
    modules = {module for module in imports_of(path) if not module.startswith("agent.wrapper.run_")}

    assert {module.split(".")[0] for module in modules} <= set(sys.stdlib_module_names)
