"""What will be deployed, read from the very template that `make package` writes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.package import package

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return dict(yaml.safe_load(package(ROOT).template.read_text())["Resources"])


def of_type(resources: dict[str, Any], wanted: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == wanted}


def statements(resources: dict[str, Any]) -> list[dict[str, Any]]:
    roles = of_type(resources, "AWS::IAM::Role").values()
    documents = [policy["PolicyDocument"] for role in roles for policy in role["Properties"].get("Policies", [])]
    return [statement for document in documents for statement in document["Statement"]]


def test_every_table_outlives_the_stack_and_can_be_restored(resources):
    for table in of_type(resources, "AWS::DynamoDB::Table").values():
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_what_grows_has_a_time_to_live(resources):
    tables = of_type(resources, "AWS::DynamoDB::Table")
    expiring = {name for name, table in tables.items() if "TimeToLiveSpecification" in table["Properties"]}

    assert expiring == {"TokensTable", "RunsTable", "CountersTable"}


def test_the_function_gets_every_variable_that_config_reads(resources):
    read = set(re.findall(r'environ\["([A-Z_]+)"\]', (ROOT / "chalicelib/config.py").read_text()))
    provided_by_lambda = {"AWS_DEFAULT_REGION", "AWS_REGION"}

    assert read - provided_by_lambda <= set(resources["APIHandler"]["Properties"]["Environment"]["Variables"])


def test_no_policy_allows_a_star(resources):
    for statement in statements(resources):
        assert all("*" not in action for action in statement["Action"]), statement["Sid"]
        assert "*" not in statement["Resource"], statement["Sid"]


def test_the_api_deletes_nothing_but_tokens_and_endpoints(resources):
    deleting = [statement["Sid"] for statement in statements(resources) if "dynamodb:DeleteItem" in statement["Action"]]

    assert deleting == ["Tokens", "Endpoints"]


def test_no_policy_allows_a_scan(resources):
    assert not any("Scan" in action for statement in statements(resources) for action in statement["Action"])


def test_every_function_may_only_run_so_often_at_once(resources):
    for function in of_type(resources, "AWS::Serverless::Function").values():
        assert function["Properties"]["ReservedConcurrentExecutions"] > 0


def test_the_package_holds_no_boto3():
    import zipfile

    names = zipfile.ZipFile(package(ROOT).code).namelist()

    assert not any(name.startswith("boto3/") for name in names)
    assert any(name.startswith("botocore/") for name in names)
