"""Deploying by CloudFormation into the embedded AWS: again and again, without losing anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.local.deploy import deploy, with_code_at
from infra.local.formation import DeploymentFailed
from infra.local.services import EMULATOR
from tests.fixtures.emulators import Running
from tests.fixtures.tiny_app import tiny_package

TOKENS = "crontopus-local-tokens"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    running.start(checkpoint_every_s=3600)
    yield running
    running.processes.stop(EMULATOR)


def test_deploying_again_changes_nothing_and_keeps_what_the_tables_hold(emulator: Running):
    first = emulator.deploy(version=1)
    emulator.put(TOKENS, "kept")

    again = [emulator.deploy(version=1), emulator.deploy(version=2), emulator.deploy(version=1)]

    assert [first, *again] == ["created", "unchanged", "updated", "updated"]
    assert emulator.ids(TOKENS) == {"kept"}
    assert emulator.ask("/health").json()["version"] == 1


def test_tables_expire_what_the_template_says(emulator: Running):
    emulator.deploy()

    described = emulator.clouds.dynamodb.describe_time_to_live(TableName=TOKENS)["TimeToLiveDescription"]

    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_a_function_gets_the_secret_and_its_latest_value(emulator: Running):
    package = tiny_package(emulator.folder / "package")
    for value in ("one", "two"):
        deploy(emulator.clouds, package, {"Stage": "local"}, {"key": value})

    assert emulator.ask("/api/secret").json() == {"key": "two"}


def test_a_function_may_do_only_what_its_policy_allows(emulator: Running):
    emulator.deploy()

    answer = emulator.ask("/api/forbidden")

    assert answer.status_code == 403
    assert "dynamodb:Scan" in answer.json()["text"]


def test_a_template_may_be_longer_than_a_request_takes(emulator: Running):
    package = tiny_package(emulator.folder / "package")
    template = yaml.safe_load(package.template.read_text()) | {"Metadata": {"Long": "x" * 60_000}}
    package.template.write_text(yaml.safe_dump(template))

    assert deploy(emulator.clouds, package, {"Stage": "local"}, {}) == "created"


def test_a_stack_is_not_created_over_tables_that_hold_something(emulator: Running):
    emulator.clouds.dynamodb.create_table(
        TableName=TOKENS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "run_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "run_id", "KeyType": "HASH"}],
    )
    emulator.put(TOKENS, "kept")

    with pytest.raises(DeploymentFailed, match=f"{TOKENS} holds data"):
        emulator.deploy()

    assert emulator.ids(TOKENS) == {"kept"}


def test_a_failed_creation_says_which_resource_and_the_next_one_succeeds(emulator: Running):
    package = tiny_package(emulator.folder / "broken")
    package.template.write_text(package.template.read_text().replace("StreamArn", "NoSuchThing"))

    with pytest.raises(DeploymentFailed, match="FollowRuns"):
        deploy(emulator.clouds, package, {"Stage": "local"}, {})

    assert emulator.deploy() == "created"


def test_a_template_that_is_refused_says_why(emulator: Running):
    package = tiny_package(emulator.folder / "refused")
    package.template.write_text(
        package.template.read_text().replace("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Nonsense")
    )

    with pytest.raises(DeploymentFailed, match="AWS::Lambda::Nonsense"):
        deploy(emulator.clouds, package, {"Stage": "local"}, {})


def test_only_the_place_of_the_code_differs_from_the_packaged_template():
    template = {"Resources": {"F": {"Properties": {"CodeUri": "./deployment.zip", "Handler": "x"}}, "T": {"Type": "Table"}}}

    changed = with_code_at(template, "s3://bucket/key")

    assert changed == {
        "Resources": {"F": {"Properties": {"CodeUri": "s3://bucket/key", "Handler": "x"}}, "T": {"Type": "Table"}}
    }
    assert template["Resources"]["F"]["Properties"]["CodeUri"] == "./deployment.zip"
