from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import manifest
from chalicelib.domain.manifest_patch import fields, patched

PATH = "default/backup.yaml"
BY_HAND = """\
# Owned by operations; ask before you change it.
apiVersion: v1
kind:   Job          # odd blanks stay

metadata:
  name: backup       # the one everybody knows
  labels: {team: ops, tier: gold}
  id: 5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11

spec:
    schedule: '*/5 * * * *'   # not at the full hour
    # The command is long for a reason.
    command: |-
        set -e
        tar czf /backup/home.tgz /home

    # what the command needs
    env:
        A: "1"   # first
        B: two
    args: [x, 'y z']
"""


def job_of(text, path=PATH):
    return manifest.parse(text.encode(), path, strict=True).job


def changed(text, path=PATH, **changes):
    before = job_of(text)
    after = replace(before, **changes)
    made = patched(text, before, after, path)
    assert job_of(made, path) == after
    return made


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"schedule": "@daily"}, "schedule: '*/5 * * * *'   #", 'schedule: "@daily"   #'),
        ({"name": "dump"}, "name: backup       #", 'name: "dump"       #'),
        ({"paused": True}, "args: [x, 'y z']\n", "args: [x, 'y z']\n    paused: true\n"),
        ({"command": "true"}, "command: |-\n        set -e\n        tar czf /backup/home.tgz /home\n", 'command: "true"\n'),
        ({"labels": {"team": "ops"}}, "{team: ops, tier: gold}", "{team: ops}"),
        ({"labels": {"tier": "gold"}}, "{team: ops, tier: gold}", "{tier: gold}"),
        ({"labels": {"team": "ops", "tier": "gold", "a": "b"}}, "tier: gold}", 'tier: gold, a: "b"}'),
        ({"labels": {}}, "  labels: {team: ops, tier: gold}\n", ""),
        ({"env": {"A": "1", "B": "3"}}, "B: two", 'B: "3"'),
        ({"env": {"A": "1", "B": "two", "C": ""}}, "B: two\n", 'B: two\n        C: ""\n'),
        ({"env": {"B": "two"}}, '        A: "1"   # first\n', ""),
        ({"args": ()}, "    args: [x, 'y z']\n", ""),
        ({"timeout_s": 90}, "args: [x, 'y z']\n", "args: [x, 'y z']\n    timeout: \"90s\"\n"),
    ],
)
def test_a_change_touches_its_own_place_only(changes, old, new):
    assert changed(BY_HAND, **changes) == BY_HAND.replace(old, new)


def test_a_change_of_lines_keeps_what_stands_around_them():
    made = changed(BY_HAND, schedule="@hourly", command="one\n\n  two # no comment\n", env={})

    for comment in ("ask before", "odd blanks", "everybody knows", "full hour", "long for a reason", "what the command needs"):
        assert comment in made


def test_pause_and_resume_give_back_the_same_bytes():
    paused = changed(BY_HAND, paused=True)

    assert changed(paused, paused=False) == BY_HAND


def test_a_flag_that_somebody_commented_on_is_turned_and_keeps_its_comment():
    text = BY_HAND + "    paused: true   # until Monday\n"

    assert changed(text, paused=False) == BY_HAND + "    paused: false   # until Monday\n"


def test_a_move_leaves_out_what_the_file_left_out():
    assert changed(BY_HAND, "nightly/backup.yaml", namespace="nightly") == BY_HAND


def test_a_move_changes_what_the_file_says():
    text = BY_HAND.replace("metadata:\n", "metadata:\n  namespace: default\n")

    assert changed(text, "nightly/backup.yaml", namespace="nightly") == text.replace("namespace: default", "namespace: nightly")


@pytest.mark.parametrize(
    "text",
    [
        "{apiVersion: v1, kind: Job, metadata: {name: x}, spec: {schedule: '@daily', command: a}}",
        "apiVersion: v1\nkind: Job\nmetadata: {name: x}\nspec: {schedule: '@daily', command: a,  }  # short\n",
        "apiVersion: v1\r\nkind: Job # windows\r\nmetadata:\r\n  name: x\r\nspec:\r\n  schedule: '@daily'\r\n  command: a\r\n",
        "apiVersion: v1\nkind: Job\nmetadata:\n  name: x\nspec:\n  schedule: '@daily'\n  command: a # no end of line",
        "---\napiVersion: v1\nkind: Job\nmetadata:\n  name: x\nspec:\n  schedule: >-\n    @daily\n  command: a\n...\n",
        '"apiVersion": "v1"\n"kind": "Job"\n"metadata": {"name": "x"}\n"spec": {"schedule": "@daily", "command": "a"}\n',
    ],
)
@pytest.mark.parametrize(
    "changes",
    [{"paused": True}, {"schedule": "1 2 3 4 5"}, {"command": "a\nb\n", "env": {"A": "ü'\"\\"}}, {"labels": {"a": "b"}}],
)
def test_every_layout_is_changed_to_what_was_asked_for(text, changes):
    made = changed(text, **changes)

    assert all(comment not in text or comment in made for comment in ("# windows", "# short", "# no end of line"))
    assert ("\r\n" in made) == ("\r\n" in text)


@given(
    st.fixed_dictionaries(
        {
            "command": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip),
            "args": st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9), max_size=3).map(tuple),
            "paused": st.booleans(),
            "labels": st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), st.text("ab #:-", max_size=5), max_size=3),
        }
    )
)
def test_whatever_is_asked_for_is_what_the_file_says_then(changes):
    changed(BY_HAND, **changes)


def test_fields_are_named_by_their_place():
    assert fields(job_of(BY_HAND))["spec.env.A"] == "1"
