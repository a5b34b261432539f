"""Tables in moto, declared exactly as infra/resources.yaml declares them, and a count of every call with what it consumed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

RESOURCES = Path(__file__).parents[2] / "infra" / "resources.yaml"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "STAGE": "test",
    "FORGE_URL": "http://127.0.0.1:1",
    "FORGE_ORGANIZATION": "crontopus",
    "FORGE_BOT": "crontopus-api",
    "APP_SECRET": "crontopus/test/app",
    "KMS_KEY": "alias/crontopus",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
os.environ.update(ENVIRONMENT)


def declared_tables(prefix: str) -> list[dict[str, Any]]:
    """Return the CreateTable arguments that the template's tables stand for."""
    resources = yaml.safe_load(RESOURCES.read_text())["Resources"]
    kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    tables = []
    for resource in resources.values():
        if resource.get("Type") == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            name = properties["TableName"]["Fn::Sub"].replace("crontopus-${Stage}-", prefix)
            tables.append({"TableName": name} | {key: properties[key] for key in kept if key in properties})
    return tables


@pytest.fixture
def tables() -> Iterator[None]:
    """All tables, empty."""
    with mock_aws():
        for table in declared_tables("crontopus-"):
            aws("dynamodb").create_table(**table)
        yield


@cache
def aws(service: str) -> Any:
    """Return a client that lasts for all tests: moto answers whatever client asks while it is on."""
    return boto3.client(service)


@dataclass
class Calls:
    """What was asked of DynamoDB, in order."""

    names: list[str] = field(default_factory=list)

    def count(self, *names: str) -> int:
        return sum(1 for name in self.names if name in names)

    @property
    def reads(self) -> int:
        return self.count("GetItem", "BatchGetItem", "Query", "Scan")

    @property
    def writes(self) -> int:
        return self.count("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Counts the calls made through PynamoDB."""
    from pynamodb.connection.base import Connection

    seen = Calls()
    inner = Connection._make_api_call

    def counted(self: Connection, name: str, *arguments: Any, **more: Any) -> Any:
        seen.names.append(name)
        return inner(self, name, *arguments, **more)

    monkeypatch.setattr(Connection, "_make_api_call", counted)
    return seen
