"""What service managers are told: the units, the property list, the commands."""

import plistlib
from pathlib import Path

import pytest

from agent.services import here
from agent.services.base import Remove, Run, Setup, Write
from agent.services.here import Start, own_start
from agent.services.launchd import Launchd, description
from agent.services.steps import session, shown, told
from agent.services.systemd import Systemd, quoted, unit
from chalicelib.domain.errors import Stalled

ROOT = Setup(("/opt/c/bin/agent",), Path("/root/.crontopus"), 0, "root", Path("/root"))
ADA = Setup(("/home/ada/agent",), Path("/home/ada/.crontopus"), 1000, "ada", Path("/home/ada"))
# Where run-job leaves results when D cannot be written.
SHELTERS = "-/dev/shm -/run/user/0 -/var/tmp"
# What an unprivileged manager cannot give without NoNewPrivileges; see systemd.exec(5). crontab(1) is setgid.
NO_NEW_PRIVILEGES = (
    "NoNewPrivileges", "SystemCall", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
    "MemoryDenyWriteExecute", "LockPersonality", "Private", "Protect", "DynamicUser", "ReadWritePaths", "CapabilityBoundingSet",
)  # fmt: skip


def values(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def commands(steps) -> list[str]:
    return [told(step) for step in steps]


def test_root_has_a_unit_of_the_system_anybody_else_one_of_their_own() -> None:
    assert Systemd().file(ROOT).path == Path("/etc/systemd/system/crontopus-agent.service")
    assert Systemd().file(ADA).path == Path("/home/ada/.config/systemd/user/crontopus-agent.service")
    assert Systemd(Path("/cfg")).file(ADA).path == Path("/cfg/systemd/user/crontopus-agent.service")


@pytest.mark.parametrize("setup", [ROOT, ADA], ids=["root", "user"])
def test_a_unit_is_watched_restarted_and_reloaded(setup: Setup) -> None:
    text = unit(setup)

    assert values(text, "Type") == ["notify"]
    assert values(text, "WatchdogSec") == ["120"]
    assert values(text, "Restart") == ["always"]
    assert values(text, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert values(text, "ExecStart") == [f"{setup.command[0]} run"]
    assert values(text, "MemoryMax") == ["256M"]


def test_a_user_s_unit_has_nothing_that_takes_the_setgid_bit_its_power() -> None:
    keys = [line.partition("=")[0] for line in unit(ADA).splitlines() if "=" in line and not line.startswith("#")]

    assert [key for key in keys if key.startswith(NO_NEW_PRIVILEGES)] == []


def test_root_s_unit_may_write_to_its_folder_the_tables_and_nowhere_else() -> None:
    assert values(unit(ROOT), "ProtectSystem") == ["strict"]
    assert values(unit(ROOT), "ReadWritePaths") == [f"-/root/.crontopus -/var/spool/cron {SHELTERS}"]
    more = Setup(ROOT.command, ROOT.home, 0, "root", ROOT.user_home, writable=(Path("/var/lib/node exporter"),))
    assert values(unit(more), "ReadWritePaths") == [f'-/root/.crontopus -/var/spool/cron {SHELTERS} "-/var/lib/node exporter"']


def test_what_the_service_needs_to_find_its_folder_is_in_the_unit() -> None:
    away = Setup(
        ("/usr/bin/python3", "-m", "agent"), Path("/srv/c/.crontopus"), 0, "root", Path("/root"),
        folder=Path("/src/100% mine"), environ={"CRONTOPUS_HOME": "/srv/c"}, is_forking=True,
    )  # fmt: skip

    assert values(unit(away), "Environment") == ["CRONTOPUS_HOME=/srv/c"]
    assert values(unit(away), "WorkingDirectory") == ["/src/100%% mine"]
    assert values(unit(away), "NotifyAccess") == ["all"]


@pytest.mark.parametrize(
    ("word", "in_unit"),
    [("/a/b", "/a/b"), ("/a b", '"/a b"'), ('a"b', '"a\\"b"'), ("50%", "50%%"), ("$HOME", "$$HOME"), ("a\\b", '"a\\\\b"')],
)
def test_a_word_stays_a_word_in_a_unit(word: str, in_unit: str) -> None:
    assert quoted(word, is_command=True) == in_unit


def test_installing_again_writes_nothing_and_restarts_nothing() -> None:
    assert commands(Systemd().install(ROOT, is_new=True)) == [
        "systemctl daemon-reload",
        "systemctl enable crontopus-agent.service",
        "systemctl restart crontopus-agent.service",
    ]
    assert commands(Systemd().install(ADA, is_new=False)) == [
        "systemctl --user enable crontopus-agent.service",
        "systemctl --user start crontopus-agent.service",
    ]


def test_a_user_is_told_how_it_outlives_the_login() -> None:
    assert "loginctl enable-linger ada" in Systemd().hints(ADA)[0]
    assert not any("linger" in hint for hint in Systemd().hints(ROOT))


def test_a_property_list_is_read_back_as_it_was_meant() -> None:
    odd = Setup(
        ("/Users/a&b/agent",), Path("/Users/a/.crontopus"), 501, "a", Path("/Users/a"), environ={"CRONTOPUS_HOME": "/x"}
    )
    file = Launchd().file(odd)
    read = plistlib.loads(file.content)

    assert file.path == Path("/Users/a/Library/LaunchAgents/com.crontopus.agent.plist")
    assert read == description(odd)
    assert read["ProgramArguments"] == ["/Users/a&b/agent", "run", "--as-service"]
    assert (read["KeepAlive"], read["ThrottleInterval"], read["RunAtLoad"]) == (True, 30, True)
    assert read["StandardErrorPath"] == "/Users/a/Library/Logs/crontopus-agent.log"


def test_launchd_is_asked_in_the_right_domain() -> None:
    assert Launchd().file(ROOT).path == Path("/Library/LaunchDaemons/com.crontopus.agent.plist")
    assert "launchctl bootout system/com.crontopus.agent" in commands(Launchd().uninstall(ROOT))
    assert commands(Launchd().install(ADA, is_new=True))[-1].startswith("launchctl bootstrap gui/1000 /home/ada/Library/")


@pytest.mark.parametrize(("place", "name"), [("run/openrc", "OpenRC"), ("run/runit", "runit"), ("etc/init.d", "System V init")])
def test_without_systemd_it_says_what_to_start_instead(tmp_path: Path, place: str, name: str) -> None:
    (tmp_path / place).mkdir(parents=True)

    with pytest.raises(Stalled, match=f"{name}.*`/opt/agent run --as-service`") as caught:
        here.manager("linux", {}, Start(("/opt/agent",)), tmp_path)
    assert caught.value.code == "no_service_manager"


def test_the_manager_is_told_by_the_machine(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)

    assert here.manager("linux", {"XDG_CONFIG_HOME": "/cfg"}, Start(()), tmp_path) == Systemd(Path("/cfg"))
    assert here.manager("linux", {"XDG_CONFIG_HOME": "relative"}, Start(()), tmp_path) == Systemd()
    assert here.manager("darwin", {}, Start(()), tmp_path).name == "launchd"


def test_what_starts_us_is_named_by_the_path_that_outlives_an_update(tmp_path: Path) -> None:
    (tmp_path / "versions-1.py").touch()
    link = tmp_path / "current.py"
    link.symlink_to(tmp_path / "versions-1.py")

    assert own_start([str(link)], "/usr/bin/python3").command == ("/usr/bin/python3", str(link))
    assert own_start(["x"], "/opt/agent", is_frozen=True) == Start(("/opt/agent",), is_forking=True)
    from_source = own_start(["x"], "/usr/bin/python3", "agent")
    assert (from_source.command, from_source.folder) == (("/usr/bin/python3", "-m", "agent"), Path(__file__).parents[2])


def test_a_dry_run_shows_files_in_full_and_every_command() -> None:
    steps = [Write(Path("/a"), b"one\ntwo\n"), Run(("b", "c d")), Remove(Path("/e"))]

    assert list(shown(steps)) == ["would write /a", "one\ntwo\n", "would run: b 'c d'", "would remove /e"]


def test_without_a_login_session_the_user_s_manager_is_found_at_its_usual_place(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()

    assert session({}, 7, tmp_path) == {"XDG_RUNTIME_DIR": str(tmp_path / "7")}
    assert session({}, 8, tmp_path) == {}
    assert session({"XDG_RUNTIME_DIR": "/run/x", "SECRET": "y"}, 7, tmp_path) == {"XDG_RUNTIME_DIR": "/run/x"}
