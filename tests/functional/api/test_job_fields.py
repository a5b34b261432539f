"""Every field of a manifest through the API: it comes out as it goes in, and what is wrong is named by the body's words."""

WHOLE = {
    "name": "backup",
    "namespace": "default",
    "schedule": "30 2 * * *",
    "timezone": "Europe/Paris",
    "command": "./backup.sh",
    "user": "backup",
    "timeout": "2h",
    "grace": "15m",
    "max_runtime": "90m",
    "min_runtime": "5s",
    "concurrency": "forbid",
    "retry_attempts": 2,
    "retry_backoff": "exponential",
    "retry_delay": "1m",
    "selector": {"platform": "linux", "role": ["db", "web"]},
    "checkin_enabled": True,
    "alert_rules": ["failed-twice"],
    "alert_channels": ["ops"],
    "nice": 10,
    "io_class": "idle",
    "memory": "512M",
    "cpu": 2,
    "depends_on": ["dump"],
}


def test_every_field_comes_back_as_it_was_given(ada):
    created = ada.post("/api/jobs", WHOLE)

    shown = ada.get("/api/jobs/default/backup").body
    assert (created.status, {key: shown["job"][key] for key in WHOLE}) == (201, WHOLE)
    assert '  retry:\n    attempts: 2\n    backoff: exponential\n    delay: "1m"\n' in shown["manifest"]


def test_a_job_that_reports_by_ping_needs_neither_command_nor_schedule(ada):
    created = ada.post("/api/jobs", {"name": "pinged", "checkin_by": "ping", "period": "1h", "checkin_resume": "manual"})

    job = created.body["job"]
    assert (created.status, job["command"], job["schedule"], job["period"]) == (201, None, None, "1h")
    assert job["ping_url"]


def test_what_is_wrong_is_named_by_the_fields_of_the_body(ada):
    wrong = {"name": "x", "timezone": "Europe/Pariss", "retry_attempts": 9, "memory": "1M", "depends_on": ["x"], "period": "1h"}

    answer = ada.post("/api/jobs", wrong)

    problems = answer.body["error"]["problems"]
    assert answer.status == 422
    assert set(problems) == {"command", "timezone", "retry_attempts", "memory", "depends_on", "period"}
    assert "did you mean Europe/Paris?" in problems["timezone"]


def test_a_pushed_manifest_of_another_tenant_is_a_problem(ada):
    manifest = "apiVersion: v1\nkind: Job\nmetadata: {name: a, tenant: eve}\nspec: {schedule: '@daily', command: 'true'}\n"

    verdict = ada.post("/api/jobs/validate", {"manifest": manifest, "path": "default/a.yaml"}).body

    assert "the repository of ada" in verdict["problems"]["metadata.tenant"]


def test_a_job_that_depends_on_what_is_not_there_is_listed_as_a_problem(ada):
    ada.post("/api/jobs", {"name": "copy", "schedule": "@daily", "command": "true", "depends_on": ["dmup"]})

    (broken,) = ada.get("/api/jobs").body["problems"]

    assert broken["path"] == "default/copy.yaml"
    assert broken["problems"]["spec.dependsOn"].startswith("no manifest defines default/dmup")


def test_jobs_that_wait_for_each_other_are_listed_as_a_problem(ada):
    for name, parent in (("a", "b"), ("b", "a")):
        ada.post("/api/jobs", {"name": name, "schedule": "@daily", "command": "true", "depends_on": [parent]})

    (broken,) = ada.get("/api/jobs").body["problems"]

    assert broken["problems"]["spec.dependsOn"] == "default/a -> default/b -> default/a: none of them will ever run"
