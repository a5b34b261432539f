from types import SimpleNamespace
from typing import Any

from agent.desired import Desired
from agent.instances import MAX_TOLD, Note, Told, digest, tell
from agent.state import Inventory, Placed
from chalicelib.domain.ids import uuid4_from
from tests.fixtures.builders import JOB_ID, job


def placed(line: str | None = "* * * * * run-job") -> Inventory:
    return Inventory("ep-1", jobs={JOB_ID: Placed("ops/deep/backup.yaml", "b" * 40, line)})


def told(*jobs: Any, inventory: Inventory = Inventory("ep-1"), note: Note | None = None):  # noqa: B008
    desired = Desired({one.id: SimpleNamespace(job=one) for one in jobs})
    return tell(desired, inventory, {JOB_ID: note} if note else {})


def test_a_job_with_its_line_is_scheduled():
    assert told(job(), inventory=placed()) == (
        Told(JOB_ID, "backup", "default", "scheduled", schedule="*/5 * * * *", grace_s=300),
    )


def test_a_paused_job_is_told_as_that():
    assert told(job(paused=True), inventory=placed(None))[0].status == "paused"


def test_a_disabled_job_is_on_no_machine():
    assert told(job(enabled=False)) == ()


def test_a_discovered_job_belongs_to_another_application():
    (one,) = told(job(labels={"source": "discovered"}))

    assert (one.status, one.source, one.drift) == ("scheduled", "discovered", False)
    assert one.original_command == "echo hello"


def test_a_discovered_job_whose_line_has_gone_is_told_as_that():
    (one,) = told(job(labels={"source": "discovered"}), note=Note("its line is in no table"))

    assert (one.status, one.source, one.drift, one.reason) == ("error", "discovered", True, "its line is in no table")


def test_a_job_that_should_have_a_line_and_has_none_is_drift():
    (one,) = told(job())

    assert (one.status, one.drift) == ("error", True)


def test_a_note_about_a_job_is_told_with_it():
    (one,) = told(job(), inventory=placed(), note=Note("edited by hand, mended", is_drift=False))

    assert (one.status, one.drift, one.reason) == ("scheduled", False, "edited by hand, mended")


def test_a_line_whose_removal_waits_is_drift():
    (one,) = told(inventory=placed(), note=Note("its removal waits"))

    assert (one.job_name, one.namespace, one.status, one.drift) == ("backup", "ops", "scheduled", True)


def test_a_line_whose_manifest_cannot_be_read_is_told():
    (one,) = told(inventory=placed())

    assert (one.status, one.drift) == ("error", True)


def test_a_job_that_only_its_line_remembers_is_called_by_its_id():
    (one,) = told(inventory=Inventory("ep-1", jobs={JOB_ID: Placed("", "", "* * * * * run-job")}))

    assert (one.job_name, one.namespace) == (JOB_ID, "default")


def test_the_digest_changes_with_what_is_told_and_with_nothing_else():
    assert digest(told(job(), inventory=placed())) == digest(told(job(command="other"), inventory=placed()))
    assert digest(told(job(), inventory=placed())) != digest(told(job(name="other"), inventory=placed()))


def test_a_report_holds_no_more_than_the_control_plane_takes():
    jobs = [job(id=uuid4_from(number.to_bytes(16, "big"))) for number in range(MAX_TOLD + 1)]

    assert len(told(*jobs)) == MAX_TOLD
