import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import manifest
from chalicelib.domain.errors import Invalid
from tests.fixtures.builders import JOB_ID, job

WHOLE = f"""\
apiVersion: v1
kind: Job
metadata:
  id: {JOB_ID}
  name: backup
spec:
  schedule: "*/5 * * * *"
  command: echo hello
"""


def problems(text: str | bytes, path: str = "default/backup.yaml") -> dict[str, str]:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(Invalid) as caught:
        manifest.parse(raw, path, strict=True)
    return caught.value.problems


def test_a_manifest_says_which_job_it_defines():
    assert manifest.parse(WHOLE.encode(), "default/backup.yaml", strict=True).job == job()


def test_the_folder_is_the_namespace():
    assert manifest.parse(WHOLE.encode(), "nightly/any/folder/x.yaml", strict=True).job.namespace == "nightly"


def test_a_namespace_that_contradicts_the_folder_is_refused():
    text = WHOLE.replace("  name: backup", "  name: backup\n  namespace: other")

    assert "the folder wins" in problems(text)["metadata.namespace"]


def test_a_manifest_without_an_id_keeps_having_none():
    text = WHOLE.replace(f"  id: {JOB_ID}\n", "")

    assert [manifest.parse(text.encode(), "default/a.yaml", strict=True).job.id for _ in range(2)] == [None, None]


def test_every_problem_is_reported_with_its_place():
    text = WHOLE.replace("backup", "Back_up").replace("*/5 * * * *", "99 * * * *").replace("command", "comand")

    found = problems(text)

    assert found["metadata.name"].endswith("(line 5, column 9)")
    assert found["spec.schedule"].endswith("(line 7, column 13)")
    assert found["spec.comand"].startswith("unknown field; did you mean command?")
    assert found["spec.command"].startswith("is required")


def test_an_unknown_field_is_only_a_warning_to_an_agent():
    read = manifest.parse(WHOLE.encode() + b"  priority: 3\n", "default/backup.yaml", strict=False)

    assert read.job == job()
    assert read.warnings[0].startswith("spec.priority: unknown field")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the file is empty"),
        (b"\xff", "not UTF-8"),
        (b"a: [", "line 2, column 1"),
        (b"a: 1\na: 2\n", "the key 'a' stands twice (line 2, column 1)"),
        (b"a: &x 1\n", "anchors and aliases"),
        (b"a: *x\n", "anchors and aliases"),
        (b"a: !!python/object:os.system x\n", "tags are not allowed"),
        (b"a: 1\n---\nb: 2\n", "one document per file"),
        (b"[" * 30_000, "nested deeper than 20 levels"),
        (b"a: " + b"x" * 70_000, "at most 65536 bytes"),
        (b"? [a, b]\n: 1\n", "keys are plain words"),
        (b"a: 2026-13-45\n", "cannot be read"),
    ],
)
def test_yaml_that_is_not_plain_is_refused_where_it_stands(text: bytes, words: str):
    assert words in problems(text)["manifest"]


def test_numbers_where_text_belongs_ask_for_quotes():
    assert "put 7 in quotes" in problems(WHOLE.replace("echo hello", "7"))["spec.command"]


@pytest.mark.parametrize("document", ["[]", "text", "null", "{}"])
def test_a_document_that_is_no_manifest_names_what_is_missing(document: str):
    assert {"apiVersion", "kind", "metadata", "spec"} <= set(problems(document))


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)


@pytest.mark.parametrize(
    "text", ["\x85", "a\x85b\nc", "\u2028\n", "no", "1", "~", "0x1f", "a: b", "# a", "\t", "a\n\n b \n", "\ufeff"]
)
def test_text_that_yaml_would_take_for_something_else_stays_text(text: str):
    written = job(command=f"echo {text}", labels={text: text}, args=(text,))

    assert manifest.parse(manifest.dump(written).encode(), "default/backup.yaml", strict=True).job == written


@given(command=_TEXT.filter(str.strip), args=st.lists(_TEXT, max_size=3), value=_TEXT)
def test_what_is_dumped_is_read_back(command: str, args: list[str], value: str):
    written = job(
        command=command, args=tuple(args), env={"A": value}, labels={"team": value, value: "x"}, timeout_s=90, paused=True
    )

    assert manifest.parse(manifest.dump(written).encode(), "default/backup.yaml", strict=True).job == written
