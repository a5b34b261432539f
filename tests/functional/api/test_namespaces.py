import pytest

JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": "true"}


def named(api, name):
    return next((one for one in api.get("/api/namespaces").body["namespaces"] if one["name"] == name), None)


def test_a_new_repository_has_the_two_namespaces_of_the_system(ada):
    listed = ada.get("/api/namespaces").body

    assert [(one["name"], one["is_system"], one["job_count"]) for one in listed["namespaces"]] == [
        ("default", True, 0),
        ("discovered", True, 0),
    ]


def test_a_namespace_is_a_folder_however_it_came_there(ada, forge):
    ada.post("/api/jobs", JOB | {"namespace": "nightly"})
    forge.push("ada", "weekly/.gitkeep", b"")
    forge.push("ada", ".github/notes.txt", b"")
    forge.push("ada", "README.md", b"")

    assert named(ada, "nightly")["job_count"] == 1
    assert [one["name"] for one in ada.get("/api/namespaces").body["namespaces"]] == [
        "default",
        "discovered",
        "nightly",
        "weekly",
    ]


def test_a_created_namespace_is_a_commit_by_its_author(ada, forge):
    created = ada.post("/api/namespaces", {"name": "nightly", "description": "What runs: at night", "colour": "#00ff00"})

    assert created.status == 201
    assert forge.commits("ada")[0]["subject"] == "Create namespace nightly"
    assert forge.commits("ada")[0] | {"sha": created.body["commit"], "author": "ada"} == forge.commits("ada")[0]
    assert named(ada, "nightly") == created.body["namespace"]
    assert created.body["namespace"]["description"] == "What runs: at night"


def test_a_namespace_without_a_description_is_one_empty_file(ada, forge):
    ada.post("/api/namespaces", {"name": "nightly"})

    files = forge.clone(f"{forge.url}/{forge.organization}/job-manifests-ada.git", "crontopus-api", forge.bot_token)
    assert [path for path in files if path.startswith("nightly/")] == ["nightly/.gitkeep"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": "No_Good"}, "name", "lower-case"),
        ({"name": "../up"}, "name", "lower-case"),
        ({"name": "a" * 64}, "name", "at most 63"),
        ({"name": "default"}, "name", "kept by the system"),
        ({"name": "discovered"}, "name", "kept by the system"),
        ({"name": "system"}, "name", "kept by the system"),
        ({"colour": "green"}, "colour", "six digits"),
        ({"description": "x" * 501}, "description", "at most 500"),
    ],
)
def test_a_namespace_that_breaks_a_rule_names_the_field_and_makes_no_commit(ada, forge, change, field, words):
    answer = ada.post("/api/namespaces", {"name": "nightly"} | change)

    assert answer.status == 422
    assert words in answer.problems[field]
    assert len(forge.commits("ada")) == 1


def test_a_namespace_that_exists_is_not_created_again(ada):
    ada.post("/api/jobs", JOB | {"namespace": "nightly"})

    again = ada.post("/api/namespaces", {"name": "nightly"})

    assert (again.status, list(again.problems)) == (409, ["name"])


def test_an_empty_namespace_is_deleted_with_its_description(ada):
    ada.post("/api/namespaces", {"name": "nightly", "description": "x"})

    assert ada.delete("/api/namespaces/nightly").status == 200
    assert named(ada, "nightly") is None
    assert ada.delete("/api/namespaces/nightly").status == 404


def test_a_namespace_that_holds_a_job_is_not_deleted(ada):
    ada.post("/api/namespaces", {"name": "nightly"})
    ada.post("/api/jobs", JOB | {"namespace": "nightly"})

    answer = ada.delete("/api/namespaces/nightly")

    assert (answer.status, answer.code) == (409, "conflict")
    assert "it holds 1 job; move or delete" in answer.body["error"]["message"]


@pytest.mark.parametrize("path", ["nightly/deeper/broken.yaml", "nightly/notes.txt"])
def test_a_namespace_that_holds_what_is_no_readable_job_is_not_deleted_either(ada, forge, path):
    forge.push("ada", path, b"]")

    assert ada.delete("/api/namespaces/nightly").status == 409


@pytest.mark.parametrize("name", ["default", "discovered", "system"])
def test_a_namespace_of_the_system_is_not_deleted(ada, name):
    answer = ada.delete(f"/api/namespaces/{name}")

    assert answer.status == 403
    assert "belongs to the system" in answer.body["error"]["message"]


@pytest.mark.parametrize("name", ["none", "No_Good", ".github"])
def test_what_is_no_namespace_is_not_found(ada, forge, name):
    forge.push("ada", ".github/notes.txt", b"")

    assert ada.delete(f"/api/namespaces/{name}").status == 404


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (b"descripton: x\n", "descripton", "unknown field"),
        (b"colour: 7\n", "colour", "must be text (line 1, column 9)"),
        (b"[", "manifest", "line"),
        (b"- a\n", "namespace", "must be a map"),
    ],
)
def test_a_description_that_cannot_be_read_hides_no_namespace(ada, forge, text, field, words):
    forge.push("ada", "nightly/namespace.yaml", text)

    listed = ada.get("/api/namespaces").body

    assert named(ada, "nightly")["description"] is None
    assert listed["problems"][0]["path"] == "nightly/namespace.yaml"
    assert words in listed["problems"][0]["problems"][field]


def test_a_list_of_namespaces_costs_one_forge_call_once_the_commit_is_known(ada, flaky_forge):
    ada.get("/api/jobs")
    flaky_forge.calls.clear()

    ada.get("/api/namespaces")

    assert len(flaky_forge.calls) == 1


def test_a_namespace_is_seen_and_deleted_by_its_own_tenant_only(ada, eve):
    ada.post("/api/namespaces", {"name": "nightly"})

    assert named(eve, "nightly") is None
    assert eve.delete("/api/namespaces/nightly").status == 404
    assert named(ada, "nightly") is not None


def test_a_description_is_changed_field_by_field_and_taken_away(ada, forge):
    ada.post("/api/namespaces", {"name": "nightly", "description": "x"})

    changed = ada.patch("/api/namespaces/nightly", {"colour": "#00ff00"})
    shown = named(ada, "nightly")
    ada.patch("/api/namespaces/nightly", {"description": None, "colour": None})

    assert changed.body["namespace"] == shown
    assert (shown["description"], shown["colour"]) == ("x", "#00ff00")
    assert [one["subject"] for one in forge.commits("ada")][:2] == ["Describe namespace nightly"] * 2
    files = forge.clone(f"{forge.url}/{forge.organization}/job-manifests-ada.git", "crontopus-api", forge.bot_token)
    assert [path for path in files if path.startswith("nightly/")] == ["nightly/.gitkeep"]


def test_a_description_that_says_what_is_said_already_is_no_commit(ada, forge):
    commit = ada.patch("/api/namespaces/default", {"description": "x"}).body["commit"]

    assert ada.patch("/api/namespaces/default", {"description": "x"}).body["commit"] == commit
    assert len(forge.commits("ada")) == 2


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("none", {"colour": "#00ff00"}, 404),
        (".github", {"colour": "#00ff00"}, 404),
        ("default", {"colour": "green"}, 422),
        ("default", {}, 422),
        ("default", {"name": "other"}, 422),
    ],
)
def test_a_description_that_breaks_a_rule_is_refused(ada, name, body, status):
    assert ada.patch(f"/api/namespaces/{name}", body).status == status


def test_a_description_that_cannot_be_read_is_mended_by_hand_first(ada, forge):
    forge.push("ada", "nightly/namespace.yaml", b"[")

    assert ada.patch("/api/namespaces/nightly", {"description": "x"}).status == 422


def test_a_tenant_has_a_hundred_namespaces_at_most(ada, forge):
    forge.push_all("ada", {f"n{number}/.gitkeep": b"" for number in range(98)})

    answers = [
        ada.post("/api/namespaces", {"name": "more"}),
        ada.post("/api/jobs", JOB | {"namespace": "more"}),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(409, "limit_reached")] * 2
    assert ada.post("/api/jobs", JOB).status == 201
    assert ada.put("/api/jobs/default/backup", JOB | {"namespace": "more"}).code == "limit_reached"
