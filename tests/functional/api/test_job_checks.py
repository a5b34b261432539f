GOOD = "apiVersion: v1\nkind: Job\nmetadata: {name: a}\nspec: {schedule: '@daily', command: a}\n"


def test_a_good_manifest_is_valid_and_is_not_stored(ada):
    answer = ada.post("/api/jobs/validate", {"manifest": GOOD, "path": "default/a.yaml"})

    assert (answer.status, answer.body) == (200, {"valid": True, "problems": {}, "warnings": []})
    assert ada.get("/api/jobs").body["count"] == 0


def test_a_bad_manifest_is_an_answer_with_its_problems(ada):
    answer = ada.post("/api/jobs/validate", {"manifest": GOOD.replace("@daily", "* *")})

    assert (answer.status, answer.body["valid"]) == (200, False)
    assert "(line 4, column 18)" in answer.body["problems"]["spec.schedule"]


def test_a_manifest_that_may_not_be_meant_is_valid_with_a_warning(ada):
    answer = ada.post("/api/jobs/validate", {"manifest": GOOD, "path": "default/b.yaml"})

    assert answer.body["valid"]
    assert "the file is b.yaml" in answer.body["warnings"][0]


def test_a_manifest_is_judged_without_the_forge(ada, flaky_forge):
    flaky_forge.is_down = True

    assert ada.post("/api/jobs/validate", {"manifest": GOOD}).status == 200
