import pytest

from chalicelib.domain import manifest_check

GOOD = b"""\
apiVersion: v1
kind: Job
metadata:
  name: backup
  namespace: nightly
spec:
  schedule: "@daily"
  command: "true"
"""


@pytest.mark.parametrize("path", [None, "nightly/backup.yaml", "nightly/deep/er/backup.yaml", "backup.yaml"])
def test_a_good_manifest_has_no_problems_and_no_warnings(path):
    assert manifest_check.check(GOOD, path) == manifest_check.Verdict()


def test_every_problem_is_told_with_line_and_column():
    text = GOOD.replace(b'"@daily"', b"daily").replace(b"command", b"comand")

    problems = manifest_check.check(text).problems

    assert set(problems) == {"spec.schedule", "spec.comand", "spec.command"}
    assert problems["spec.schedule"].endswith("(line 7, column 13)")
    assert "did you mean command? (line 8, column 11)" in problems["spec.comand"]


def test_the_folder_wins_over_what_the_manifest_says():
    assert "lies in weekly/" in manifest_check.check(GOOD, "weekly/backup.yaml").problems["metadata.namespace"]


@pytest.mark.parametrize("text", [b"", b"[", b"\xff", b"a: 1\n---\nb: 2\n", b"x" * 70_000, b"a: &x 1\nb: *x\n"])
def test_what_is_no_manifest_is_a_problem_and_no_crash(text):
    assert not manifest_check.check(text).is_valid


def test_a_namespace_that_no_folder_may_have_is_a_problem():
    stated = manifest_check.check(GOOD.replace(b"nightly", b"No_Good")).problems
    folder = manifest_check.check(GOOD.replace(b"  namespace: nightly\n", b""), "No_Good/backup.yaml").problems

    assert "(line 5, column 14)" in stated["metadata.namespace"]
    assert "lower-case" in folder["path"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (b"  timeout: 5m\n  maxRuntime: 5m\n", "spec.maxRuntime: no run gets so long"),
        (b"  checkin: {enabled: false}\n", "spec.checkin.enabled: nothing is recorded"),
        (b"  minRuntime: 5m\n", "spec.minRuntime: is kept, and no alert is sent for it yet"),
        (b"  alerts: {channels: [ops]}\n", "spec.alerts.channels: is kept, and no alert is sent for it yet"),
    ],
)
def test_what_is_allowed_and_may_not_be_meant_is_a_warning(more: bytes, words: str):
    verdict = manifest_check.check(GOOD + more)

    assert verdict.is_valid
    assert verdict.warnings[0].startswith(words)
    assert "(line " in verdict.warnings[0]


def test_a_manifest_of_another_tenant_is_a_problem():
    text = GOOD.replace(b"  name:", b"  tenant: bob\n  name:")

    assert manifest_check.check(text).is_valid
    assert "the repository of ada" in manifest_check.check(text, tenant="ada").problems["metadata.tenant"]


def test_a_file_of_another_name_is_a_warning():
    verdict = manifest_check.check(GOOD, "nightly/dump.yaml")

    assert verdict.is_valid
    assert "says 'backup', but the file is dump.yaml" in verdict.warnings[0]
