from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

WEB = {
    "id": "ep-1",
    "name": "web",
    "hostname": "web.lan",
    "platform": "linux",
    "version": "0.1.0",
    "state": "active",
    "last_heartbeat_at": "2026-11-20T11:59:30.000Z",
    "enrolled_at": "2026-11-19T12:00:00.000Z",
    "labels": {"team": "ops", "stage": "prod"},
    "problems": ["cron is not running"],
}
LIST = Reply({"endpoints": [WEB, {"id": "ep-2", "name": "db"}, {"id": "ep-3", "name": "db"}]})


def api(*replies: Any) -> FakeApi:
    return FakeApi(LIST, *replies)


def test_a_list_is_narrowed_by_the_api() -> None:
    fake = FakeApi(Reply({"endpoints": []}))

    result = run("endpoints", "list", "--state", "offline", "--platform", "linux", "--name", "web", api=fake)

    assert fake.sent == [("GET", "/api/endpoints?state=offline&platform=linux&name=web")]
    assert "No such endpoints" in result.stderr


@pytest.mark.parametrize("wanted", ["web", "web.lan", "ep-1"])
def test_an_endpoint_is_shown_by_name_hostname_or_id(wanted: str) -> None:
    fake = api(Reply({"endpoint": WEB, "repository": {"url": "http://forge/x.git", "branch": "main"}}))

    result = run("endpoints", "show", wanted, api=fake)

    assert fake.sent[-1] == ("GET", "/api/endpoints/ep-1")
    for line in (
        "State       active",
        "Label       team=ops",
        "Problem     cron is not running",
        "Repository  http://forge/x.git",
    ):
        assert line in result.stdout


def test_a_name_that_two_have_is_refused() -> None:
    result = run("endpoints", "show", "db", api=api())

    assert (result.exit_code, "ep-2, ep-3" in result.stderr) == (2, True)


def test_an_endpoint_that_is_not_there_has_a_code_of_its_own() -> None:
    assert run("endpoints", "revoke", "nobody", "--yes", api=api()).exit_code == 3


def test_an_endpoint_is_renamed() -> None:
    fake = api(Reply({"endpoint": WEB}))

    result = run("endpoints", "rename", "web", "north", api=fake)

    assert (fake.sent[-1], fake.last_body) == (("PATCH", "/api/endpoints/ep-1"), {"name": "north"})
    assert result.stdout == "Renamed endpoint web to north.\n"


def test_labels_are_added_changed_and_removed_and_the_rest_stays() -> None:
    fake = api(Reply({"endpoint": WEB}))

    run("endpoints", "label", "web", "site=a=b", "stage=test", "--remove", "team", api=fake)

    assert fake.last_body == {"labels": {"stage": "test", "site": "a=b"}}


@pytest.mark.parametrize("words", [(), ("team",), ("=ops",)])
def test_a_label_that_is_none_is_a_usage_error(words: tuple[str, ...]) -> None:
    fake = api()

    assert run("endpoints", "label", "web", *words, api=fake).exit_code == 2
    assert fake.requests == []


@pytest.mark.parametrize(
    ("verb", "request_sent"),
    [("revoke", ("POST", "/api/endpoints/ep-1/revoke")), ("delete", ("DELETE", "/api/endpoints/ep-1"))],
)
class TestEnding:
    def test_asks_with_the_name(self, verb: str, request_sent: tuple[str, str]) -> None:
        fake = api()

        result = run("endpoints", verb, "ep-1", api=fake, has_terminal=True, typed="n\n")

        assert f"Really {verb} endpoint web?" in result.stderr
        assert (result.exit_code, len(fake.requests)) == (1, 1)

    def test_happens_when_answered_with_yes(self, verb: str, request_sent: tuple[str, str]) -> None:
        fake = api(Reply({"endpoint": WEB}))

        result = run("endpoints", verb, "web", api=fake, has_terminal=True, typed="y\n")

        assert (result.exit_code, fake.sent[-1]) == (0, request_sent)

    def test_needs_a_word_where_nobody_can_be_asked(self, verb: str, request_sent: tuple[str, str]) -> None:
        assert run("endpoints", verb, "web", api=api()).exit_code == 2

    def test_says_that_the_forge_is_down(self, verb: str, request_sent: tuple[str, str]) -> None:
        down = refusal(503, "git_unavailable", "the forge did not answer", Retry_After="5")

        result = run("endpoints", verb, "web", "--yes", api=api(down))

        assert (result.exit_code, "try again in 5 s" in result.stderr) == (6, True)
