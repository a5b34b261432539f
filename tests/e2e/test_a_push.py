"""A job that comes by git instead of by the API: the forge tells us, it gets its id, and the agent takes it over."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import Stack
from tests.e2e.machines import Machine, as_cron_does, running_machine
from tests.e2e.pushes import push
from tests.fixtures.waiting import until

NAMELESS = """\
# by hand, without an id
apiVersion: v1
kind: Job
metadata:
  name: pushed
spec:
  schedule: "0 0 1 1 *"
  command: echo pushed
"""


@pytest.fixture
def machine(stack: Stack, tmp_path: Path) -> Iterator[Machine]:
    with running_machine(stack, tmp_path) as machine:
        yield machine


def test_a_job_pushed_without_an_id_ends_up_in_the_crontab_and_its_runs_in_the_ledger(stack: Stack, machine: Machine):
    push(stack, machine, lambda clone: (clone / "default/pushed.yaml").write_text(NAMELESS))

    def listed() -> list[Mapping[str, Any]]:
        jobs: list[Mapping[str, Any]] = machine.demo.api.get("/api/jobs", namespace="default")["jobs"]
        return jobs

    job = until(lambda: next((one for one in listed() if one["id"]), None), "it has an id", 30)
    machine.sync()
    as_cron_does(machine.commands()[job["id"]])

    (run,) = until(lambda: machine.runs(1), "the run has arrived", 60)
    assert (run["job_name"], run["output"]) == ("pushed", "pushed\n")
