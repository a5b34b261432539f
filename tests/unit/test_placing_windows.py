"""What of a job depends on the machine where Task Scheduler keeps its schedule."""

from agent.here import Here
from agent.placing import Wanted, place
from agent.schedulers.triggers import kept
from chalicelib.domain.manifest import Job

JOB_ID = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"


def placed(schedule: str, **more: str) -> Wanted:
    job = Job(id=JOB_ID, name="backup", namespace="default", schedule=schedule, command="true", **more)
    defined = {JOB_ID: Wanted(job, "default/backup.yaml", "b1", schedule)}
    return place(defined, Here(timezone="Europe/Paris", keep=kept), ()).jobs[JOB_ID]


def test_every_schedule_becomes_triggers():
    assert placed("0 9 * * *").fields == "daily 09:00"


def test_a_time_that_the_clock_skips_is_guarded_without_asking_for_a_zone():
    wanted = placed("30 2 * * *")

    assert wanted.is_guarded
    assert wanted.extras["guard"]["zone"] == "Europe/Paris"
    assert wanted.rest


def test_a_job_that_waits_for_others_knows_its_own_clock():
    parent = Job(
        id="5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e60", name="first", namespace="default", schedule="0 8 * * *", command="a"
    )
    child = Job(
        id=JOB_ID,
        name="then",
        namespace="default",
        schedule="0 9 * * *",
        command="b",
        depends_on=("first",),
        timezone="Asia/Kolkata",
    )
    defined = {job.id: Wanted(job, f"default/{job.name}.yaml", "b1", job.schedule or "") for job in (parent, child) if job.id}

    found = place(defined, Here(timezone="Europe/Paris", keep=kept), ()).jobs[JOB_ID]

    assert (found.extras["zone"], found.extras["clock"]) == ("Asia/Kolkata", [[0, 330]])
