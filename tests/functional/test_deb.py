"""The Debian package, as dpkg-deb makes and reads it; docs/releases.md says how it was installed and purged."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.release import deb
from infra.release.deb import version_of

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
SCRIPTS = sorted(path for path in Path(deb.__file__).with_name("debian").iterdir() if path.read_bytes().startswith(b"#!"))


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("deb") / "agent.deb"
    path.write_bytes(deb.build(b"an archive", "1.2.0rc1"))
    return path


@pytest.fixture(scope="module")
def tree(package) -> Path:
    folder = package.parent / "tree"
    subprocess.run(["dpkg-deb", "-R", package, folder], check=True, timeout=60)
    return folder


def test_the_same_archive_makes_the_same_package(package):
    assert deb.build(b"an archive", "1.2.0rc1") == package.read_bytes()


@pytest.mark.parametrize(
    ("ours", "dpkgs"), [("1.2.0", "1.2.0"), ("1.2.0rc1", "1.2.0~rc1"), ("1.2.0b2", "1.2.0~b2"), ("1.2.0a1", "1.2.0~a1")]
)
def test_what_comes_before_a_version_comes_before_it_for_dpkg_too(ours, dpkgs):
    assert version_of(ours) == dpkgs


def test_it_needs_python_and_some_cron_and_nothing_of_an_architecture(tree):
    control = (tree / "DEBIAN/control").read_text()

    assert "Architecture: all\n" in control
    assert "Depends: python3 (>= 3.11), cron | cron-daemon\n" in control
    assert "Version: 1.2.0~rc1\n" in control


def test_it_holds_what_it_needs_and_no_state(tree):
    files = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file() and "DEBIAN" not in path.parts}

    assert files == {
        "etc/default/crontopus-agent",
        "lib/systemd/system/crontopus-agent.service",
        "usr/bin/crontopus-agent",
        "usr/lib/crontopus/crontopus-agent.pyz",
        "usr/lib/crontopus/packaged",
        "usr/share/doc/crontopus-agent/changelog.gz",
        "usr/share/doc/crontopus-agent/copyright",
        "usr/share/man/man1/crontopus-agent.1.gz",
    }
    assert (tree / "DEBIAN/conffiles").read_text() == "/etc/default/crontopus-agent\n"


def test_no_word_of_the_sources_is_left_unsaid(tree):
    texts = [path.read_text() for path in tree.rglob("*") if path.is_file() and path.suffix != ".gz"]

    assert not [text for text in texts if "@VERSION@" in text or "@COMMANDS@" in text or "@LIBRARIES@" in text]


def test_its_service_does_not_start_before_the_machine_is_enrolled(tree):
    unit = (tree / "lib/systemd/system/crontopus-agent.service").read_text()

    assert "ConditionPathExists=/root/.crontopus/config.yaml\n" in unit
    assert "ExecStart=/usr/bin/crontopus-agent run\n" in unit
    assert "EnvironmentFile=-/etc/default/crontopus-agent\n" in unit


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_its_scripts_are_plain_posix_and_shellcheck_finds_nothing(script):
    assert subprocess.run([SHELLCHECK, "--shell=sh", script], capture_output=True, text=True, timeout=30).stdout == ""
