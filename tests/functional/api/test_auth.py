import pytest

from tests.functional.api.conftest import PASSWORD

ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}


def test_a_person_registers_logs_in_and_is_known(api, forge):
    registered = api.post("/api/auth/register", ADA)
    session = api.login("ada", PASSWORD)
    me = api.as_(session.body["access_token"]).get("/api/auth/me")

    assert (registered.status, registered.body["user"]["state"]) == (201, "active")
    assert me.body["user"]["tenant_id"] == "ada"
    assert me.body["repository"] == {"url": f"{forge.url}/{forge.organization}/job-manifests-ada.git", "branch": "main"}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"username": "Ada Lovelace"}, "username", "lower-case"),
        ({"username": "admin"}, "username", "reserved"),
        ({"email": "nobody"}, "email", "pattern"),
        ({"password": "short"}, "password", "at least 10"),
        ({"password": "password1234"}, "password", "easily guessed"),
        ({"password": "ada@example.org"}, "password", "easily guessed"),
        ({"tenant_id": "other"}, "tenant_id", "unknown field"),
        ({"username": 7}, "username", "string"),
    ],
)
def test_a_registration_that_breaks_a_rule_names_the_field(api, change, field, words):
    answer = api.post("/api/auth/register", ADA | change)

    assert answer.status == 422
    assert words in answer.problems[field]


def test_a_missing_field_is_named(api):
    assert api.post("/api/auth/register", {"username": "ada"}).problems == {"email": "is required", "password": "is required"}


def test_a_taken_name_and_a_taken_address_are_named(api):
    api.post("/api/auth/register", ADA)

    same_name = api.post("/api/auth/register", ADA | {"email": "other@example.org", "password": PASSWORD + "!"})
    same_email = api.post("/api/auth/register", ADA | {"username": "bea", "email": "ADA@example.org"})

    assert (same_name.status, list(same_name.problems)) == (409, ["username"])
    assert (same_email.status, list(same_email.problems)) == (409, ["email"])


def test_a_refused_registration_leaves_nothing_behind(api):
    api.post("/api/auth/register", ADA)
    api.post("/api/auth/register", ADA | {"username": "bea"})

    assert api.post("/api/auth/register", ADA | {"username": "bea", "email": "bea@example.org"}).status == 201


@pytest.mark.parametrize(("username", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", ""), ("ada", "x" * 1999)])
def test_a_wrong_login_says_the_same_whatever_was_wrong(api, username, password):
    api.post("/api/auth/register", ADA)

    answer = api.login(username, password)

    assert (answer.status, answer.body["error"]["message"]) == (401, "username or password is wrong")


def test_a_refreshed_session_is_a_session(api, ada):
    first = api.login("ada", PASSWORD).body["refresh_token"]

    second = api.post("/api/auth/refresh", {"refresh_token": first})

    assert api.as_(second.body["access_token"]).get("/api/auth/me").status == 200


def test_a_logout_ends_the_session(api, ada):
    token = api.login("ada", PASSWORD).body["refresh_token"]

    api.post("/api/auth/logout", {"refresh_token": token})

    assert api.post("/api/auth/refresh", {"refresh_token": token}).status == 401


def test_an_access_token_ends_after_fifteen_minutes(ada, time_machine):
    time_machine.shift(901)

    answer = ada.get("/api/auth/me")

    assert (answer.status, answer.code) == (401, "token_expired")


@pytest.mark.parametrize("token", ["a.b.c", "x", "ctr_" + "0" * 49, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."])
def test_a_forged_token_is_refused(ada, token):
    assert ada.as_(token).get("/api/auth/me").status == 401


def test_a_body_that_is_no_json_is_malformed(api):
    answer = api.call("POST", "/api/auth/register", raw=b'{"username": ')

    assert (answer.status, answer.code) == (400, "malformed")


def test_a_deeply_nested_body_is_refused_calmly(api):
    assert api.call("POST", "/api/auth/register", raw=b"[" * 100_000).status in (400, 422)


def test_a_body_of_300_kb_is_too_large(api):
    answer = api.post("/api/auth/register", ADA | {"password": "x" * 300_000})

    assert (answer.status, answer.code) == (413, "too_large")


def test_a_wrong_content_type_gets_our_error_body(api):
    answer = api.call("POST", "/api/auth/register", raw=b"<a/>", Content_Type="text/xml")

    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_every_answer_has_security_headers_and_a_request_id(api):
    for answer in (api.get("/health"), api.get("/api/auth/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"]


class TestRegistrationIsASaga:
    """Each step fails once, by a forge that is down at that moment; the same request then completes it."""

    @pytest.mark.parametrize("call", range(16))
    def test_it_goes_on_at_the_step_that_failed(self, api, forge, flaky_forge, call):
        flaky_forge.fail_call(call)

        first = api.post("/api/auth/register", ADA)
        flaky_forge.heal()
        again = api.post("/api/auth/register", ADA)

        assert first.status in (201, 503)
        assert again.status == (201 if first.status == 503 else 409)
        token = api.login("ada", PASSWORD).body["access_token"]
        created = api.as_(token).post("/api/jobs", {"name": "a", "schedule": "@daily", "command": "true"})
        assert created.status == 201

    def test_another_password_does_not_take_over_an_unfinished_one(self, api, flaky_forge):
        flaky_forge.fail_call(0)
        api.post("/api/auth/register", ADA)

        assert api.post("/api/auth/register", ADA | {"password": PASSWORD + "?"}).status == 409

    def test_an_unfinished_account_cannot_log_in(self, api, flaky_forge):
        flaky_forge.fail_call(0)
        api.post("/api/auth/register", ADA)

        assert api.login("ada", PASSWORD).status == 403
