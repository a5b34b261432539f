"""Tables of the system and of other users, read as cron would."""

import os

import pytest

from agent.discovery.tables import others

ME = os.getuid()
LINE = b"@daily root x\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "var/spool/cron/crontabs").mkdir(parents=True)
    put(tmp_path / "etc/crontab")
    return tmp_path


def put(path, content=LINE, mode=0o644):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def places(root, flavour="debian"):
    return [table.place for table in others("nobody", flavour, root, ME)]


def test_system_tables_are_read_by_debians_rules(root):
    folder = root / "etc/cron.d"
    for name in ("good", "with.dot", "x~", "dpkg.dpkg-old"):
        put(folder / name)
    put(folder / "writable", mode=0o664)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe", 0o644)
    (folder / "lost").symlink_to("/nowhere")

    assert places(root) == ["/etc/crontab", "/etc/cron.d/good"]
    assert places(root, "cronie") == ["/etc/crontab", "/etc/cron.d/dpkg.dpkg-old", "/etc/cron.d/good", "/etc/cron.d/with.dot"]


def test_a_cron_without_system_tables_has_none(root):
    assert places(root, "busybox") == []


def test_a_table_that_belongs_to_somebody_else_is_not_crons(root):
    assert list(others("nobody", "debian", root, ME + 1)) == []


def test_other_users_tables_are_read_unless_an_agent_of_theirs_keeps_them(root):
    spool = root / "var/spool/cron/crontabs"
    put(spool / "root", b"@daily x\n", 0o600)
    put(spool / "daemon", b"@daily x # CRONTOPUS:1\n", 0o600)
    put(spool / "nosuchuser", b"@daily x\n", 0o600)
    (spool / "bin").symlink_to(spool / "root")

    found = [(table.place, table.user) for table in others("nobody", "debian", root, ME)]

    assert found == [("/etc/crontab", None), ("the crontab of root", "root")]
    assert [table.user for table in others("root", "debian", root, ME)] == [None]


def test_a_huge_file_is_no_table(root):
    put(root / "etc/cron.d/huge", b"#" * ((1 << 20) + 1))

    assert places(root) == ["/etc/crontab"]
