"""Which of the repository's jobs a machine has, and in what form."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.here import Here
from agent.placing import Placed, Wanted, place
from chalicelib.domain.dependencies import cycle
from chalicelib.domain.ids import uuid4_from
from chalicelib.domain.selector import matches
from tests.fixtures.builders import job

HERE = Here(
    facts={"name": "db-1", "hostname": "db-1.example", "platform": "linux"},
    labels={"role": "db", "site": "paris"},
    timezone="UTC",
    login="root",
    is_root=True,
    allowed_users=frozenset({"backup"}),
)


def job_id(name: str) -> str:
    return uuid4_from(name.encode().ljust(16, b"-"))


def defined(name: str = "a", **changes: Any) -> dict[str, Wanted]:
    one = job(id=job_id(name), name=name, **changes)
    return {job_id(name): Wanted(one, f"{one.namespace}/{name}.yaml", "b10b", one.schedule or "")}


def placed(*jobs: dict[str, Wanted], here: Here = HERE, installed: tuple[str, ...] = ()) -> Placed:
    every = {key: entry for entries in jobs for key, entry in entries.items()}
    return place(every, here, {job_id(name) for name in installed})


def names(found: Placed) -> list[str]:
    return [wanted.job.name for wanted in found.jobs.values()]


@pytest.mark.parametrize(
    ("selector", "is_meant"),
    [
        ({}, True),
        ({"name": ("db-1",)}, True),
        ({"name": ("db-2", "db-1")}, True),
        ({"hostname": ("db-1",)}, False),
        ({"platform": ("linux",), "role": ("db", "web")}, True),
        ({"platform": ("darwin",), "role": ("db",)}, False),
        ({"platform": ("linux",), "role": ("web",)}, False),
        ({"colour": ("",)}, False),
    ],
)
def test_a_job_is_had_where_all_of_its_selector_fits(selector: dict[str, tuple[str, ...]], is_meant: bool):
    found = placed(defined(selector=selector))

    assert names(found) == (["a"] if is_meant else [])
    assert found.elsewhere == (frozenset() if is_meant else {job_id("a")})


def test_a_label_called_like_a_fact_does_not_count():
    assert matches({"platform": ("web",)}, {"platform": "linux"}, {"platform": "web"}) is False


def test_while_labels_are_unknown_what_is_there_stays_and_nothing_comes():
    here = replace(HERE, labels=None)
    old, new, plain, no = (
        defined("old", selector={"role": ("web",)}),
        defined("new", selector={"role": ("db",)}),
        defined("plain", selector={"platform": ("linux",)}),
        defined("no", selector={"platform": ("darwin",), "role": ("db",)}),
    )

    found = placed(old, new, plain, no, here=here, installed=("old", "no"))

    assert names(found) == ["old", "plain"]
    assert found.warnings[0].startswith("jobs that ask for labels of this machine: 1;")


@pytest.mark.parametrize(
    ("here", "problem"),
    [
        (HERE, None),
        (replace(HERE, login="backup", is_root=False), None),
        (replace(HERE, allowed_users=frozenset()), "is not among allowed_users"),
        (replace(HERE, login="ada", is_root=False), "the agent runs as ada and cannot start jobs as backup"),
    ],
)
def test_a_job_runs_as_another_user_only_under_root_and_by_leave_of_the_machine(here: Here, problem: str | None):
    found = placed(defined(user="backup"), here=here)

    assert (len(found.jobs), len(found.problems)) == ((0, 1) if problem else (1, 0))
    assert problem is None or problem in found.problems[0]
    assert all(wanted.extras == ({"user": "backup"} if here.is_root else {}) for wanted in found.jobs.values())


def test_a_job_that_is_paused_troubles_nobody():
    assert placed(defined(user="nobody", paused=True)).problems == ()


def test_a_job_in_a_zone_of_which_the_machine_knows_nothing_is_not_scheduled():
    found = placed(defined(timezone="Europe/Paris"), here=replace(HERE, has_zone=lambda zone: False))

    assert found.jobs == {}
    assert "install tzdata" in found.problems[0]


def test_a_paused_job_in_a_zone_that_is_none_troubles_nobody():
    (wanted,) = placed(defined(timezone="Mars/Olympus", paused=True)).jobs.values()

    assert not wanted.is_guarded


def test_a_job_in_another_zone_gets_a_wider_line_and_a_guard():
    (wanted,) = placed(defined(schedule="30 9 * * *", timezone="Asia/Kolkata")).jobs.values()

    assert (wanted.fields, wanted.is_guarded) == ("0 * * * *", True)
    assert wanted.extras["guard"]["zone"] == "Asia/Kolkata"


def test_a_job_in_the_machines_own_zone_stays_as_it_is():
    (wanted,) = placed(defined(schedule="30 9 * * *", timezone="UTC")).jobs.values()

    assert (wanted.fields, wanted.is_guarded, wanted.rest) == ("30 9 * * *", False, "")


def test_a_job_that_reports_by_ping_has_no_entry():
    found = placed(defined(schedule=None, command=None, period_s=60, checkin_by="ping"))

    assert (found.jobs, found.elsewhere) == ({}, {job_id("a")})


def test_parents_are_noted_and_children_know_them():
    found = placed(defined("dump"), defined("copy", depends_on=("dump",), timezone="Europe/Paris"))

    dump, copy = found.jobs.values()
    assert dump.extras == {"is_noted": True}
    assert copy.extras["after"] == [["default/dump", job_id("dump")]]
    assert copy.extras["zone"] == "Europe/Paris"


@pytest.mark.parametrize(
    "parent",
    [
        {"selector": {"role": ("web",)}},
        {"paused": True},
        {"enabled": False},
        {"checkin_by": "ping"},
        {"user": "nobody"},
    ],
)
def test_a_parent_that_does_not_run_here_counts_as_met(parent: dict[str, Any]):
    found = placed(defined("dump", **parent), defined("copy", depends_on=("default/dump",)))

    assert "after" not in found.jobs[job_id("copy")].extras
    assert found.warnings == ()


def test_a_parent_that_nothing_defines_is_a_warning():
    found = placed(defined("copy", depends_on=("dmup",)))

    assert found.warnings == ("default/copy.yaml: spec.dependsOn: no manifest defines default/dmup; it counts as met",)


def test_a_circle_of_jobs_is_a_problem_that_names_it():
    found = placed(defined("a", depends_on=("b",)), defined("b", depends_on=("c",)), defined("c", depends_on=("a",)))

    assert found.problems == (
        "default/a.yaml: spec.dependsOn: default/a -> default/b -> default/c -> default/a: none of them will ever run",
    )


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ({}, []),
        ({"a": ["b"], "b": []}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["a"]}, ["a", "a"]),
        ({"x": ["a"], "a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"a": ["z"]}, []),
    ],
)
def test_a_circle_is_found_wherever_it_is(edges: dict[str, list[str]], found: list[str]):
    assert cycle(edges) == found


_NODES = st.sampled_from("abcdef")


@given(st.dictionaries(_NODES, st.sets(_NODES, max_size=4)))
def test_there_is_a_circle_exactly_if_somebody_waits_for_himself(edges: dict[str, set[str]]):
    reached = {node: set(edges.get(node, ())) for node in "abcdef"}
    for _ in reached:
        reached = {node: others.union(*(reached[other] for other in others)) for node, others in reached.items()}

    found = cycle(edges)

    assert bool(found) == any(node in others for node, others in reached.items())
    assert all(after in edges[before] for before, after in pairwise(found))


def test_a_long_chain_is_no_circle():
    assert cycle({str(number): [str(number + 1)] for number in range(5000)}) == []
