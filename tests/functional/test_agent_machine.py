import os
import pwd
from pathlib import Path

import pytest

from agent import proc
from agent.home import Home, find_home, locked, make_private, table_lock, write_file
from agent.machine import VERSION, machine_id, scheduler_flavour, timezone
from chalicelib.domain.errors import Stalled, Unavailable


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    make_private(home.directory)
    return home


def system(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def program(folder: Path, name: str, script: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_machine_is_the_same_to_one_user_and_another_to_the_next(home: Home, tmp_path: Path) -> None:
    root = system(tmp_path, {"etc/machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n"})

    assert machine_id(home, 0, root) == machine_id(home, 0, root) != machine_id(home, 1000, root)
    assert "3d1219" not in machine_id(home, 0, root)
    assert not home.machine_id.exists()


def test_a_system_without_an_id_gets_one_that_stays(home: Home, tmp_path: Path) -> None:
    assert machine_id(home, 0, tmp_path) == machine_id(home, 0, tmp_path)
    assert home.machine_id.exists()


def test_the_zone_is_the_systems_before_it_is_our_shells(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")

    assert timezone({"TZ": "America/New_York"}, tmp_path) == "Europe/Paris"


@pytest.mark.parametrize(
    ("tz", "zone"), [(":Asia/Tokyo", "Asia/Tokyo"), ("UTC0", None), ("../../etc/passwd", None), ("", None)]
)
def test_a_zone_nobody_knows_is_not_reported(tmp_path: Path, tz: str, zone: str | None) -> None:
    assert timezone({"TZ": tz}, tmp_path) == zone


def test_the_zone_may_stand_in_debians_file(tmp_path: Path) -> None:
    assert timezone({}, system(tmp_path, {"etc/timezone": "Europe/Paris\n"})) == "Europe/Paris"


@pytest.mark.parametrize(
    ("says", "files", "flavour"),
    [
        ("echo cronie 1.7.2", {}, "cronie"),
        ("exit 1", {"etc/debian_version": "12"}, "debian"),
        ("exit 1", {}, "vixie"),
        ("exit 1", {"usr/lib/systemd/system-generators/systemd-crontab-generator": ""}, "systemd-cron"),
    ],
)
def test_crons_are_told_apart(tmp_path: Path, says: str, files: dict[str, str], flavour: str) -> None:
    environ = program(tmp_path / "bin", "crontab", says)

    assert scheduler_flavour("crontab", environ, system(tmp_path, files)) == flavour


def test_busybox_is_known_by_its_name(tmp_path: Path) -> None:
    environ = program(tmp_path / "bin", "busybox", "exit 1")
    (tmp_path / "bin/crontab").symlink_to("busybox")

    assert scheduler_flavour("crontab", environ, tmp_path) == "busybox"


def test_without_a_crontab_there_is_no_scheduler(tmp_path: Path) -> None:
    assert scheduler_flavour(str(tmp_path / "none"), {"PATH": ""}, tmp_path) is None


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert f'version = "{VERSION}"' in Path("pyproject.toml").read_text()


def test_the_home_is_below_what_was_set_or_the_users() -> None:
    assert find_home({"CRONTOPUS_HOME": "/srv/x", "HOME": "/home/u"}, 0).directory == Path("/srv/x/.crontopus")
    assert find_home({"HOME": "/home/u"}, 0).directory == Path("/home/u/.crontopus")


@pytest.mark.parametrize("base", ["~", "~/x", "relative"])
def test_a_home_that_is_no_absolute_path_is_refused(base: str) -> None:
    with pytest.raises(Stalled):
        find_home({"CRONTOPUS_HOME": base}, 0)


def test_a_file_is_replaced_whole_with_its_mode(home: Home) -> None:
    path = home.directory / "file"
    write_file(path, b"old", mode=0o644)
    write_file(path, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [found.name for found in home.directory.iterdir()] == ["file"]


def test_a_lock_is_for_one_at_a_time(home: Home) -> None:
    with locked(home.lock, wait_s=0), pytest.raises(Unavailable), locked(home.lock, wait_s=0):
        pass
    with locked(home.lock, wait_s=0):
        pass


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    program(tmp_path, "crontab", "exec sleep 30")

    with pytest.raises(Unavailable, match="did not end within"):
        proc.run([str(tmp_path / "crontab"), "-l"], environ=os.environ, timeout_s=0.1)


def test_a_program_gets_the_c_locale_and_none_of_our_secrets(tmp_path: Path) -> None:
    done = proc.run(["env"], environ={"PATH": os.environ["PATH"], "CRONTOPUS_ENROLL_TOKEN": "cet_x", "LANG": "fr_FR.UTF-8"})

    assert sorted(line.split("=")[0] for line in done.output.decode().splitlines() if not line.startswith("_=")) == [
        "LC_ALL",
        "PATH",
    ]


def test_agents_of_one_user_share_one_lock_and_do_without_where_there_is_none(home: Home) -> None:
    assert table_lock(home, os.getuid()) == Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert table_lock(home, 4_000_000_000).parent == home.directory
