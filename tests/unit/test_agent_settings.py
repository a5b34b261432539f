import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agent.config import Config, Intervals
from agent.settings import as_document, keys, read, variables, with_settings_of
from chalicelib.domain.errors import Invalid
from tests.fixtures.agents import agent_config

GOOD = """\
api_url: https://api.example.com/
endpoint_id: ep-1
name: web-1
git: {url: https://git.example.com/r.git, branch: main, username: u}
"""


def problems(text: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(Config, text.encode(), environ or {})
    return caught.value.problems


def test_what_is_not_written_is_the_default() -> None:
    config = read(Config, GOOD.encode(), {})

    assert (config.api_url, config.crontab, config.intervals) == ("https://api.example.com", "crontab", Intervals(30, 30, 1))


def test_every_problem_is_named_with_its_place() -> None:
    text = GOOD.replace("name: web-1", "nmae: web-1") + "intervals:\n  sync_s: often\n  sync: 5\ncrontab: ~/bin/crontab\n"

    found = problems(text)

    assert set(found) == {"nmae", "name", "intervals.sync_s", "intervals.sync", "crontab"}
    assert found["nmae"] == "unknown key; did you mean name? (line 3, column 7)"
    assert found["intervals.sync"].startswith("unknown key; did you mean intervals.sync_s?")
    assert "(line 6, column 11)" in found["intervals.sync_s"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("api_url: http://api.example.com", "api_url"),
        ("git: [1]", "git"),
        ("git: {url: https://h/r, branch: '', username: u}", "git.branch"),
        ("name: 7", "name"),
        ("intervals: {sync_s: 0}", "intervals.sync_s"),
        ("intervals: {sync_s: true}", "intervals.sync_s"),
        ("allowed_users: backup", "allowed_users"),
        ("allowed_users: [1]", "allowed_users"),
        ("version: 2", "version"),
        ("name: {a: b}", "name"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(line: str, place: str) -> None:
    document = yaml.safe_load(GOOD) | yaml.safe_load(line)

    assert set(problems(yaml.safe_dump(document))) == {place}


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "a: &x 1", "name: a\nname: b\n", "---\n---\n", "\ta: b", "{}: 1", "just words"]
)
def test_a_file_that_is_no_map_is_refused_with_why(text: str) -> None:
    assert "the file" in problems(text)


def test_a_tilde_is_refused_and_never_a_folder() -> None:
    assert "write the whole path" in problems(GOOD + "crontab: ~/bin/crontab\n")["crontab"]


def test_a_variable_overrides_a_setting() -> None:
    environ = {"CRONTOPUS_INTERVALS_SYNC_S": "5", "CRONTOPUS_CRONTAB": "/opt/crontab", "CRONTOPUS_API_URL": "https://elsewhere"}

    config = read(Config, (GOOD + "crontab: other\n").encode(), environ)

    assert (config.intervals.sync_s, config.crontab) == (5, "/opt/crontab")
    assert config.api_url == "https://api.example.com"


def test_a_wrong_variable_is_named() -> None:
    assert set(problems(GOOD, {"CRONTOPUS_INTERVALS_SYNC_S": "often"})) == {"CRONTOPUS_INTERVALS_SYNC_S"}


def test_json_is_read_too() -> None:
    assert read(Config, json.dumps(yaml.safe_load(GOOD), indent=2).encode(), {}).name == "web-1"


def test_what_is_written_is_read_as_it_was() -> None:
    config = agent_config(allowed_users=("backup",), crontab="/opt/crontab", intervals=Intervals(1, 2, 3))

    assert read(Config, yaml.safe_dump(as_document(config)).encode(), {}) == config


def test_a_default_is_written_only_where_people_look_for_it() -> None:
    document = as_document(agent_config())

    assert "allowed_users" not in document
    assert document["intervals"] == {"heartbeat_s": 30, "sync_s": 30, "delivery_s": 1}


def test_enrolling_again_keeps_what_a_person_set_and_takes_what_it_is_told() -> None:
    former = agent_config(name="old", allowed_users=("backup",), intervals=Intervals(1, 2, 3))
    new = replace(agent_config(name="new"), endpoint_id="ep-2")

    both = with_settings_of(new, former)

    assert (both.name, both.endpoint_id) == ("new", "ep-2")
    assert (both.allowed_users, both.intervals) == (("backup",), Intervals(1, 2, 3))


def test_who_we_are_comes_from_the_file_alone() -> None:
    told = {place for place, how in keys(Config).items() if not how["is_setting"]}

    assert told.isdisjoint(variables(Config).values())
    assert told >= {"api_url", "endpoint_id", "git.url"}


def test_the_guide_names_every_key_and_variable() -> None:
    guide = Path("docs/agent.md").read_text()

    assert not [word for word in (*keys(Config), *variables(Config)) if f"`{word}`" not in guide]
