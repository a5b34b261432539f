from tests.tables import aws


def test_a_function_that_answers_is_alive(api):
    assert (api.get("/health").status, api.get("/health").body) == (200, {"status": "ok"})


def test_everything_behind_the_api_is_asked_and_timed(api):
    answer = api.get("/api/health")

    assert (answer.status, answer.body["status"]) == (200, "ok")
    assert [one["name"] for one in answer.body["dependencies"]] == ["database", "secrets", "forge"]
    assert all(one["duration_ms"] >= 0 for one in answer.body["dependencies"])


def test_a_forge_that_is_down_is_named(api, flaky_forge):
    flaky_forge.is_down = True

    answer = api.get("/api/health")

    assert (answer.status, answer.code, list(answer.problems)) == (503, "degraded", ["forge"])


def test_a_database_that_is_gone_is_named(api):
    aws("dynamodb").delete_table(TableName="crontopus-tenants")

    answer = api.get("/api/health")

    assert (answer.status, list(answer.problems)) == (503, ["database"])
    assert "did not answer" in answer.problems["database"]
