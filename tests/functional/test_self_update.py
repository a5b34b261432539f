"""`self-update` on a machine that the installer made, with releases on a real web server: what it takes and refuses."""

import sys
from collections.abc import Iterator

import pytest

from agent.build import Build
from agent.machine import VERSION
from tests.fixtures.fake_api import ControlPlane, answering
from tests.fixtures.installed_agent import InstalledAgent, install
from tests.fixtures.release_shelf import _OTHER, KEYS, NEXT, Shelf, published, revised, serving
from tests.fixtures.updates import NEWER, versioned

GIT = {"url": "http://127.0.0.1:1/crontopus/job-manifests-ada.git", "branch": "main", "username": "t-ada", "token": "a" * 40}
OLDER = "0.0.9"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with answering() as plane:
        plane.git = GIT
        yield plane


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, plane) -> InstalledAgent:
    with published(tmp_path_factory.mktemp("shelf")) as shelf:
        return install(tmp_path_factory.mktemp("machine") / "home", shelf, plane)


@pytest.fixture
def machine(fresh, tmp_path) -> InstalledAgent:
    return fresh.copied(tmp_path / "home")


@pytest.fixture
def shelf(tmp_path, plane) -> Iterator[Shelf]:
    (tmp_path / "shelf").mkdir()
    with serving(tmp_path / "shelf") as shelf:
        plane.release_url = shelf.url
        yield shelf


def refused(machine: InstalledAgent, code: str, *arguments: str) -> str:
    """Return what was said of an update that was refused, having seen that nothing changed."""
    before = (machine.place, machine.versions)
    done = machine.agent("self-update", *arguments)
    assert (done.returncode, machine.place, machine.versions) == (1, *before), done.stderr
    assert f"({code})" in done.stderr, done.stderr
    assert not (machine.prefix / "trial").exists()
    return done.stderr


@pytest.mark.parametrize("key", ["current", "next"])
def test_a_newer_version_is_taken_and_the_one_before_kept(machine, shelf, key):
    before = machine.place.folder
    shelf.put(NEWER, versioned(NEWER), **({"key": NEXT} if key == "next" else {}))

    done = machine.agent("self-update")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{NEWER} is installed, {VERSION} is kept to go back to\n"
    assert machine.agent("version").stdout == f"{NEWER}\n"
    assert before in machine.versions
    assert (machine.prefix / "trial").read_text().splitlines()[0] == before


def test_a_check_only_looks(machine, shelf):
    shelf.put(NEWER, versioned(NEWER))
    before = machine.versions

    done = machine.agent("self-update", "--check")

    assert (done.returncode, machine.versions, shelf.asked) == (1, before, ["/stable.json"])
    assert f"{NEWER} is available" in done.stdout


def test_the_version_that_is_there_is_not_taken_again(machine, shelf):
    shelf.put(VERSION, b"another build")

    done = machine.agent("self-update")

    assert (done.returncode, done.stdout) == (0, f"{VERSION} is what stable offers; nothing to do\n")


def test_a_strange_signature_is_refused(machine, shelf):
    shelf.put(NEWER, versioned(NEWER), key=_OTHER)

    assert "none of the keys" in refused(machine, "update_untrusted")
    assert shelf.asked == ["/stable.json"]


def test_an_expired_manifest_is_refused(machine, shelf):
    shelf.put(NEWER, versioned(NEWER), days=-1)

    assert "was good until" in refused(machine, "update_expired")


def test_an_older_version_is_refused_unless_it_is_meant(machine, shelf):
    shelf.put(OLDER, versioned(OLDER))

    assert f"{OLDER} is older than {VERSION}" in refused(machine, "update_older")
    assert machine.agent("self-update", "--allow-downgrade").returncode == 0
    assert machine.agent("version").stdout == f"{OLDER}\n"


def test_a_download_that_broke_off_is_refused_and_taken_later(machine, shelf):
    shelf.put(NEWER, versioned(NEWER))
    shelf.truncate(f"{NEWER}/crontopus-agent-{NEWER}.pyz")

    assert "broke off after" in refused(machine, "update_unavailable")
    assert machine.agent("self-update").returncode == 0


def test_a_file_that_was_changed_after_signing_is_refused(machine, shelf):
    shelf.put(NEWER, versioned(NEWER))
    path = shelf.folder / NEWER / f"crontopus-agent-{NEWER}.pyz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    assert "not the file that was signed" in refused(machine, "update_damaged")


@pytest.mark.parametrize("where", ["machine", "pointer"])
def test_what_a_channel_offers_is_of_that_channel(machine, shelf, where):
    shelf.put(NEWER, versioned(NEWER), channel="beta")
    if where == "pointer":
        (shelf.folder / "beta.json").rename(shelf.folder / "stable.json")
        assert "is the manifest of" in refused(machine, "update_untrusted")
    else:
        refused(machine, "update_missing")
        assert machine.agent("self-update", "--channel", "beta").returncode == 0


def test_a_version_that_does_not_run_here_is_refused(machine, shelf):
    shelf.put(NEWER, revised({"agent/machine.py": "this is no Python"}))

    assert f"{NEWER} does not run on this machine: SyntaxError" in refused(machine, "update_broken")


def test_a_build_may_say_which_commit_it_is_of(machine, shelf):
    shelf.put(NEWER, versioned(NEWER, **{"agent/build.json": Build("c" * 40, KEYS).text()}))

    done = machine.agent("self-update")

    assert done.returncode == 0, done.stderr
    assert machine.agent("version").stdout == f"{NEWER}+gccccccc\n"


def test_a_version_that_says_it_is_another_is_refused(machine, shelf):
    shelf.put(NEWER, versioned("0.1.9"))

    assert "it says '0.1.9'" in refused(machine, "update_broken")


def test_a_step_in_between_is_asked_for(machine, shelf):
    shelf.put(NEWER, versioned(NEWER), min_version="0.1.5")

    assert "take 0.1.5 first" in refused(machine, "update_too_far")


def test_one_version_is_taken_by_its_name(machine, shelf):
    shelf.put("0.3.0", versioned("0.3.0"))
    shelf.put(NEWER, versioned(NEWER))

    assert machine.agent("self-update", "--to", "0.3.0").returncode == 0
    assert machine.agent("version").stdout == "0.3.0\n"


def test_a_build_with_its_own_python_is_followed_by_one(machine, shelf):
    own = machine.place.own / "python" / "bin" / "python3"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    own.chmod(0o755)
    shelf.put(NEWER, versioned(NEWER))

    done = machine.agent("self-update")

    assert done.returncode == 0, done.stderr
    assert machine.place.is_native
    assert machine.agent("version").stdout == f"{NEWER}\n"


def test_a_control_plane_that_offers_none_says_so(machine, plane):
    plane.release_url = None

    assert "does not say where releases lie" in refused(machine, "update_missing")


def test_what_a_package_manager_installed_is_left_to_it(machine, shelf):
    shelf.put(NEWER, versioned(NEWER))
    (machine.place.own / "packaged").write_text("apt updates it: apt install --only-upgrade crontopus-agent\n")

    assert "apt updates it: apt install --only-upgrade" in refused(machine, "update_unsupported")
    assert shelf.asked == []
