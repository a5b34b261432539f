import pytest

from chalicelib.domain import manifest
from chalicelib.domain.manifest_edits import with_id
from tests.fixtures.builders import JOB_ID

WHOLE = """\
# what the author wrote stays
apiVersion: v1
kind: Job
metadata:
  name: backup   # the name
  labels: {team: ops}
spec:
  schedule: "*/5 * * * *"
  command: |
    echo hello
"""
FORMS = {
    "block": WHOLE,
    "indented": WHOLE.replace("  name", "      name").replace("  labels", "      labels"),
    "not indented twice": WHOLE.replace(
        "metadata:\n  name: backup   # the name\n  labels: {team: ops}", "metadata: {name: backup}"
    ),
    "CRLF": WHOLE.replace("\n", "\r\n"),
    "comment first": WHOLE.replace("metadata:\n", "metadata:\n  # about it\n"),
    "flow": 'apiVersion: v1\nkind: Job\nmetadata: {name: a, labels: {x: "y"}}\nspec: {schedule: "@daily", command: "true"}\n',
    "JSON": '{"apiVersion": "v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"schedule": "@daily", "command": "true"}}',
    "one line of flow": "{apiVersion: v1, kind: Job, metadata: {name: a}, spec: {schedule: '@daily', command: x}}",
}


@pytest.mark.parametrize("form", FORMS)
def test_an_id_is_added_and_nothing_else_changes(form: str):
    raw = FORMS[form].encode()

    edited = with_id(raw, "default/a.yaml", JOB_ID)

    assert edited is not None
    assert manifest.parse(edited, "default/a.yaml", strict=True).job.id == JOB_ID
    removed = [line for line in raw.splitlines() if line not in edited.splitlines()]
    assert len(removed) == (0 if "{" not in form and form in ("block", "indented", "CRLF", "comment first") else 1)


@pytest.mark.parametrize(
    "raw",
    [
        WHOLE.replace("  name", f"  id: {JOB_ID}\n  name").encode(),
        WHOLE.replace("  name", "  id:\n  name").encode(),
        b"]",
        b"",
        WHOLE.replace("command", "comand").encode(),
    ],
)
def test_what_has_an_id_or_is_broken_is_left_alone(raw: bytes):
    assert with_id(raw, "default/a.yaml", JOB_ID) is None


def test_an_id_that_was_added_stays():
    edited = with_id(WHOLE.encode(), "default/a.yaml", JOB_ID)

    assert edited is not None
    assert with_id(edited, "default/a.yaml", "5f0c7f0e-0d7c-4c5e-9a52-000000000000") is None
