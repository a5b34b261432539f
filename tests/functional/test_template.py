"""What will be deployed, read from the very template that `make package` writes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.package import package

ROOT = Path(__file__).parents[2]
CHALICE = json.loads((ROOT / ".chalice/config.json").read_text())
FUNCTION = "AWS::Serverless::Function"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(yaml.safe_load(package(ROOT).template.read_text()))


@pytest.fixture(scope="module")
def resources(template) -> dict[str, Any]:
    return dict(template["Resources"])


def of_type(resources: dict[str, Any], wanted: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == wanted}


def streams(resources: dict[str, Any]) -> list[dict[str, Any]]:
    functions = of_type(resources, FUNCTION).values()
    events = [event for function in functions for event in function["Properties"].get("Events", {}).values()]
    found = [event["Properties"] for event in events if event["Type"] == "DynamoDB"]
    assert found
    return found


def handler_name(function: dict[str, Any]) -> str:
    name = function["Properties"]["Handler"].rpartition(".")[2]
    return "api_handler" if name == "app" else str(name)


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

    assert expiring == {
        "AlertsTable",
        "AuditTable",
        "CountersTable",
        "DaysTable",
        "DueTable",
        "IdempotencyTable",
        "PingsTable",
        "RunsTable",
        "SlotsTable",
        "TenantsTable",
        "TokensTable",
    }


def test_every_function_gets_every_variable_that_config_reads(template):
    read = set(re.findall(r'environ\["([A-Z_]+)"\]', (ROOT / "chalicelib/config.py").read_text()))
    provided_by_lambda = {"AWS_DEFAULT_REGION", "AWS_REGION"}

    assert read - provided_by_lambda <= set(template["Globals"]["Function"]["Environment"]["Variables"])


def test_no_policy_allows_a_star(resources):
    for statement in statements(resources):
        assert all("*" not in action for action in statement["Action"]), statement["Sid"]
        assert "*" not in statement["Resource"], statement["Sid"]


def test_nothing_is_deleted_but_tokens_endpoints_instances_and_incidents_places(resources):
    deleting = [statement["Sid"] for statement in statements(resources) if "dynamodb:DeleteItem" in statement["Action"]]
    keyed = ("FormerAddresses", "FormerlyTrusted")

    # Of an incident that ends, what keeps its episode to one goes; the incident itself stays.
    assert {sid for sid in deleting if sid not in keyed} == {"Tokens", "Endpoints", "Instances", "Incidents"}


def test_what_it_deletes_beside_has_a_key_that_its_policy_names(resources):
    named = {
        statement["Sid"]: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for statement in statements(resources)
        if "dynamodb:LeadingKeys" in str(statement.get("Condition"))
    }

    assert named == {"FormerAddresses": ["email#*"], "FormerlyTrusted": ["trusted#*"]}


def test_nobody_may_change_or_delete_what_the_audit_log_says(resources):
    on_audit = [one for one in statements(resources) if "-audit" in str(one["Resource"])]

    assert on_audit
    for statement in on_audit:
        assert set(statement["Action"]) <= {"dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query"}, statement["Sid"]


def test_no_policy_allows_a_scan(resources):
    assert not any("Scan" in action for statement in statements(resources) for action in statement["Action"])


def test_every_function_may_only_run_so_often_at_once(resources):
    for function in of_type(resources, FUNCTION).values():
        assert function["Properties"]["ReservedConcurrentExecutions"] > 0


def test_every_function_has_a_role_of_its_own(resources):
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in of_type(resources, FUNCTION).values()]

    assert len(set(roles)) == len(roles)


def test_a_worker_may_only_do_what_its_policy_file_says(resources):
    for name, settings in CHALICE["stages"]["main"]["lambda_functions"].items():
        policy = json.loads((ROOT / ".chalice" / settings["iam_policy_file"]).read_text())
        function = next(f for f in of_type(resources, FUNCTION).values() if handler_name(f) == name)
        (inline,) = resources[function["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]

        assert inline["PolicyDocument"] == policy


def test_every_function_is_named_in_the_configuration(resources):
    deployed = {handler_name(function) for function in of_type(resources, FUNCTION).values()}

    assert deployed == set(CHALICE["stages"]["main"]["lambda_functions"])


def test_a_stream_that_fails_stands_still_only_so_long(resources):
    for source in streams(resources):
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["BisectBatchOnFunctionError"]
        assert 60 <= source["MaximumRecordAgeInSeconds"] < 86400
        queue = resources[source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]]
        assert queue["Type"] == "AWS::SQS::Queue"


def test_a_stream_is_one_of_our_tables_own_and_read_from_its_start(resources):
    for source in streams(resources):
        table, attribute = source["Stream"]["Fn::GetAtt"]
        assert attribute == "StreamArn"
        assert resources[table]["Properties"]["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert source["StartingPosition"] == "TRIM_HORIZON"


def test_the_package_holds_no_boto3():
    import zipfile

    names = zipfile.ZipFile(package(ROOT).code).namelist()

    assert not any(name.startswith("boto3/") for name in names)
    assert any(name.startswith("botocore/") for name in names)
