"""Tasks as lines."""

import pytest

from agent.proc import Finished
from agent.schedulers.schtasks import Schtasks, decoded
from agent.schedulers.tasklines import facts_of, line, line_of, task_of, task_path
from agent.schedulers.taskxml import SYSTEM, Task, parse, to_xml
from chalicelib.domain.errors import CrontopusError

JOB = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("manifest", "folder", "name"),
    [
        ("default/backup.yaml", "default", "backup"),
        ("con/nul.yaml", "con_", "nul_"),
        ('a:b/c*?"<>|d.yaml', "a-b", "c-d"),
        ("x/deep/er.yaml", "x", "deep-er"),
        ("", "default", "default"),
    ],
)
def test_a_task_is_named_after_namespace_and_job(manifest: str, folder: str, name: str):
    _, ours, found, last = task_path(manifest, JOB, "ep-1").split("\\")

    assert (ours, found, last[:-9]) == ("Crontopus", folder, name)


def test_two_agents_never_mean_the_same_task():
    assert task_path("default/a.yaml", JOB, "ep-1") != task_path("default/a.yaml", JOB, "ep-2")


def test_a_line_comes_back_from_the_task_it_makes():
    task = Task(("daily 03:00",), "C:\\P\\python.exe", f"run-job.py CRONTOPUS:{JOB}", SYSTEM, "CRONTOPUS ep-1")
    text = line("\\Crontopus\\default\\a", JOB, task)

    root = parse(to_xml(task_of(facts_of(text)), "\\Crontopus\\default\\a").decode("utf-16"))

    assert line_of("\\Crontopus\\default\\a", root, SYSTEM) == text


def test_somebody_elses_task_is_a_digest():
    root = parse("<Task><Actions><Exec><Command>calc.exe</Command></Exec></Actions></Task>")

    assert "foreign" in facts_of(line_of("\\Crontopus\\x", root, SYSTEM))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x80070005, "task_denied"),
        (0x80070005 - 2**32, "task_denied"),
        (0x80041315, "scheduler_stopped"),
        (0x80070534, "task_account"),
        (0x8004131A, "task_refused"),
        (1, "task_refused"),
    ],
)
def test_the_exit_code_alone_tells_what_is_wrong(code: int, name: str):
    store = Schtasks({}, run=lambda *_, **__: Finished(code, b"", "ERRO: \xe7".encode("latin-1")))

    with pytest.raises(CrontopusError) as caught:
        store.delete("\\Crontopus\\a")

    assert caught.value.code == name


def test_a_task_that_is_gone_needs_no_removal():
    Schtasks({}, run=lambda *_, **__: Finished(0x80070002, b"", b"")).delete("\\Crontopus\\a")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8", "utf-8-sig", "cp1252"])
def test_the_listing_is_read_in_whatever_encoding_it_comes(encoding: str):
    assert decoded("<Tasks>\xe4</Tasks>".encode(encoding)) == "<Tasks>\xe4</Tasks>"


@pytest.mark.parametrize("output", [b"", b"<Tasks>", b"<!DOCTYPE x><Tasks/>", b"\xff\xfe\x00"])
def test_a_listing_that_cannot_be_read_is_no_empty_one(output: bytes):
    with pytest.raises(CrontopusError) as caught:
        Schtasks({}, run=lambda *_, **__: Finished(0, output, b"")).read()

    assert caught.value.code == "scheduler_unreadable"


def test_two_hyphens_in_a_name_do_not_hide_the_tasks():
    listing = b"<Tasks><!-- \\A--b -->\n<Task/>\n<!-- \\Crontopus\\x--y -->\n<Task/></Tasks>"
    store = Schtasks({}, run=lambda *_, **__: Finished(0, listing, b""))

    assert list(store.everything()) == ["\\A--b", "\\Crontopus\\x--y"]
    assert list(store.read()) == ["\\Crontopus\\x--y"]


def test_the_program_is_called_by_its_whole_path_and_with_a_list():
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> Finished:
        asked.append(command)
        return Finished(0, b"<Tasks/>", b"")

    Schtasks({"SYSTEMROOT": "D:\\Win"}, run=run).read()

    assert asked == [["D:\\Win\\System32\\schtasks.exe", "/Query", "/XML", "ONE", "/HRESULT"]]
