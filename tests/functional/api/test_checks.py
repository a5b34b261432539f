"""The management API of healthchecks, version 3: what its documentation shows, through the application and a real forge."""

import json
from typing import Any

import pytest

from tests.functional.api.client import Answer, Api
from tests.functional.api.pinging import RID, ping

# The body of the documentation's own example.
BACKUPS = {"name": "Backups", "tags": "prod www", "timeout": 3600, "grace": 60}


class Keyed:
    """A client of that API: it sends a key and, as `curl --data` does, says that its JSON is a form."""

    def __init__(self, api: Api, key: str) -> None:
        self.api = api
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        raw = json.dumps(body).encode() if body is not None else b""
        return self.api.as_(None).call(
            method, path, raw=raw, X_Api_Key=self.key, Content_Type="application/x-www-form-urlencoded"
        )


def keyed(api: Api, owner: Api, *scopes: str) -> Keyed:
    return Keyed(api, owner.post("/api/tokens", {"name": "ci", "scopes": list(scopes)}).body["plain_text"])


@pytest.fixture
def hc(api, ada) -> Keyed:
    return keyed(api, ada, "read:jobs", "write:jobs", "read:runs")


@pytest.fixture
def check(hc) -> dict:
    return dict(hc("POST", "/api/v3/checks/", BACKUPS).body)


def path(check: dict, ending: str = "") -> str:
    return f"/api/v3/checks/{check['uuid']}{ending}"


def test_a_check_is_made_and_is_a_job(hc, ada, forge):
    answer = hc("POST", "/api/v3/checks/", BACKUPS)

    check = answer.body
    assert answer.status == 201
    assert (check["name"], check["slug"], check["tags"], check["desc"]) == ("Backups", "backups", "prod www", "")
    assert (check["timeout"], check["grace"], check["status"], check["n_pings"]) == (3600, 60, "new", 0)
    assert (check["last_ping"], check["next_ping"], check["started"], check["manual_resume"]) == (None, None, False, False)
    assert "schedule" not in check and "unique_key" not in check
    job = ada.get("/api/jobs/default/backups").body["job"]
    assert (job["id"], job["period"], job["grace"], job["checkin_by"]) == (check["uuid"], "1h", "1m", "ping")
    assert (job["labels"], job["annotations"]) == ({"prod": "", "www": ""}, {"ping/name": "Backups"})
    assert forge.commits("ada")[0]["author"] == "ada"


def test_the_urls_of_a_check_lead_to_it(hc, api, check):
    base = check["update_url"].rpartition("/api/v3")[0]

    assert check["ping_url"] == f"{base}/ping/{check['uuid']}"
    assert (check["pause_url"], check["resume_url"]) == (check["update_url"] + "/pause", check["update_url"] + "/resume")
    assert ping(api, check["ping_url"].removeprefix(base)).text == "OK"


def test_an_empty_body_makes_a_check_that_expects_a_ping_a_day(hc):
    answers = [hc("POST", "/api/v3/checks/"), hc("POST", "/api/v3/checks/", {})]

    assert [answer.status for answer in answers] == [201, 201]
    assert [(a.body["timeout"], a.body["grace"]) for a in answers] == [(86400, 3600)] * 2
    assert len({a.body["slug"] for a in answers}) == 2


def test_a_check_with_a_schedule_has_a_zone_and_no_timeout(hc):
    check = hc("POST", "/api/v3/checks/", {"name": "x", "schedule": "5 4 * * *", "tz": "Europe/Riga", "timeout": 60}).body

    assert (check["schedule"], check["tz"], "timeout" in check) == ("5 4 * * *", "Europe/Riga", False)


def test_unique_fields_find_the_check_that_is_there(hc, check):
    same = hc("POST", "/api/v3/checks/", BACKUPS | {"timeout": 7200, "unique": ["name"]})
    other = hc("POST", "/api/v3/checks/", BACKUPS | {"unique": ["name", "timeout"]})

    assert (same.status, same.body["uuid"], same.body["timeout"]) == (200, check["uuid"], 7200)
    assert (other.status, other.body["uuid"] != check["uuid"]) == (201, True)


def test_without_unique_a_second_one_of_the_name_is_made(hc, check):
    second = hc("POST", "/api/v3/checks/", BACKUPS)

    assert (second.status, second.body["name"], second.body["slug"]) == (201, "Backups", "backups-2")


def test_what_is_written_again_is_no_commit(hc, check, forge):
    before = len(forge.commits("ada"))

    hc("POST", path(check), BACKUPS)

    assert len(forge.commits("ada")) == before


def test_an_update_changes_what_it_names(hc, check):
    after = hc("POST", path(check), {"desc": "Every night", "tags": "env=prod", "slug": "nightly_backup"}).body

    assert (after["desc"], after["tags"], after["slug"]) == ("Every night", "env=prod", "nightly_backup")
    assert (after["name"], after["timeout"]) == ("Backups", 3600)
    assert hc("GET", path(check)).body == after


def test_checks_are_listed_by_slug_and_tags(hc, check):
    hc("POST", "/api/v3/checks/", {"name": "other", "tags": "prod"})

    def names(query: str) -> list[str]:
        return [found["name"] for found in hc("GET", f"/api/v3/checks/{query}").body["checks"]]

    assert names("") == ["Backups", "other"]
    assert names("?slug=other") == ["other"]
    assert names("?tag=prod") == ["Backups", "other"]
    assert names("?tag=prod&tag=www") == ["Backups"]


def test_jobs_that_agents_run_are_no_checks(hc, ada):
    job = ada.post("/api/jobs", {"name": "nightly", "schedule": "@daily", "command": "true"}).body["job"]

    assert hc("GET", "/api/v3/checks/").body == {"checks": []}
    assert hc("DELETE", path({"uuid": job["id"]})).status == 404


def test_a_ping_shows_in_the_check_its_pings_and_its_flips(hc, api, check):
    for ending in ("/start", "", "/log", "/3"):
        ping(api, f"/ping/{check['uuid']}{ending}", "POST", b"line" if ending else b"", User_Agent="curl/7.88")

    after = hc("GET", path(check)).body
    pings = hc("GET", path(check, "/pings/")).body["pings"]
    flips = hc("GET", path(check, "/flips/")).body

    assert (after["status"], after["n_pings"], after["started"], after["next_ping"]) == ("down", 4, False, None)
    assert [(p["n"], p["type"], p["method"], p["ua"]) for p in pings] == [
        (4, "fail", "POST", "curl/7.88"),
        (3, "log", "POST", "curl/7.88"),
        (2, "success", "POST", "curl/7.88"),
        (1, "start", "POST", "curl/7.88"),
    ]
    assert [("duration" in p, p["body_url"] is None) for p in pings[1:3]] == [(False, False), (True, True)]
    assert [flip["up"] for flip in flips] == [0, 1]


def test_the_body_of_a_ping_is_shown_whether_or_not_it_ended_a_run(hc, api, check):
    ping(api, f"/ping/{check['uuid']}?rid={RID}", "POST", b"done\n")
    ping(api, f"/ping/{check['uuid']}/log", "POST", b"half \xff way")

    bodies = [hc("GET", path(check, f"/pings/{n}/body")) for n in (1, 2, 3)]

    assert [(body.status, body.text) for body in bodies[:2]] == [(200, "done\n"), (200, "half \ufffd way")]
    assert bodies[2].status == 404


def test_a_ping_in_time_makes_it_up_and_says_when_the_next_is_due(hc, api, check):
    ping(api, f"/ping/{check['uuid']}")

    after = hc("GET", path(check)).body

    assert after["status"] == "up"
    assert after["last_ping"] < after["next_ping"]
    assert after["last_ping"].endswith("+00:00") and "." not in after["last_ping"]


def test_a_check_is_paused_and_resumed(hc, api, check, ada):
    ping(api, f"/ping/{check['uuid']}")

    paused = hc("POST", path(check, "/pause"))
    in_git = ada.get("/api/jobs/default/backups").body["job"]["paused"]
    resumed = hc("POST", path(check, "/resume"))
    again = hc("POST", path(check, "/resume"))

    assert (paused.status, paused.body["status"], in_git) == (200, "paused", True)
    assert (resumed.status, resumed.body["status"], resumed.body["last_ping"]) == (200, "new", None)
    assert (again.status, again.body["error"]) == (409, "check is not paused")


def test_a_deleted_check_is_shown_once_more(hc, api, check):
    gone = hc("DELETE", path(check))

    assert (gone.status, gone.body["name"]) == (200, "Backups")
    assert hc("GET", path(check)).status == 404
    assert ping(api, f"/ping/{check['uuid']}").status == 404


def test_who_may_only_read_cannot_learn_how_to_ping(api, ada, check):
    reader = keyed(api, ada, "read:jobs", "read:runs")

    (found,) = reader("GET", "/api/v3/checks/").body["checks"]

    assert check["uuid"] not in str(found)
    assert not {"uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels"} & set(found)
    by_key = f"/api/v3/checks/{found['unique_key']}"
    assert reader("GET", by_key).body == found
    assert reader("GET", by_key + "/flips/").body == []
    assert reader("POST", by_key, {"name": "x"}).status == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": 7}, "name must be a valid string"),
        ({"timeout": 59}, "timeout must be greater than or equal to 60"),
        ({"grace": "1h"}, "grace must be a valid integer"),
        ({"schedule": "61 * * * *"}, "schedule "),
        ({"tz": "Europe/Rigaa", "schedule": "0 0 * * *"}, "tz "),
        ({"methods": "PUT"}, "methods "),
        ({"unique": ["uuid"]}, "unique.0 "),
        ({"slug": "Not A Slug"}, "slug "),
        ({"channels": "4ec5a071-2d08-4baa-898a-eb4eb3cd6941"}, "channels "),
        ({"filter_subject": True}, "filter_subject is not supported here"),
        ({"tags": "source=discovered"}, "tags "),
    ],
)
def test_a_body_that_breaks_a_rule_is_a_bad_request(hc, body, words):
    answer = hc("POST", "/api/v3/checks/", body)

    assert answer.status == 400
    assert answer.body["error"].startswith("json validation error: ")
    assert words in answer.body["error"]
    assert "(line" not in answer.body["error"]


def test_what_is_no_json_cannot_be_parsed(hc):
    answer = hc.api.as_(None).call("POST", "/api/v3/checks/", raw=b"{", X_Api_Key=hc.key)

    assert (answer.status, answer.body["error"]) == (400, "could not parse request body")


def test_a_missing_or_wrong_key_is_refused_in_words_that_clients_know(api, tables):
    missing, wrong = api.as_(None).get("/api/v3/checks/"), Keyed(api, "R" * 32)("GET", "/api/v3/checks/")

    assert (missing.status, missing.body["error"]) == (401, "missing api key")
    assert (wrong.status, wrong.body["error"]) == (401, "wrong api key")


def test_another_tenants_key_sees_and_changes_nothing(api, eve, check, hc):
    stranger = keyed(api, eve, "admin:*")

    assert stranger("GET", "/api/v3/checks/").body == {"checks": []}
    for call in ("GET ", "POST ", "POST /pause", "POST /resume", "DELETE ", "GET /pings/", "GET /pings/1/body", "GET /flips/"):
        method, ending = call.split(" ")
        answer = stranger(method, path(check, ending), {})
        assert (answer.status, answer.body["error"]) == (404, "not found")
    assert hc("GET", path(check)).body == check
