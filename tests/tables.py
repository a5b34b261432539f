"""The tables as infra/resources.yaml declares them, in moto, or wherever DYNAMODB_URL points."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto import mock_aws

RESOURCES = Path(__file__).parents[1] / "infra" / "resources.yaml"
PREFIX = "crontopus-"
URL = os.environ.get("DYNAMODB_URL")
os.environ |= {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    # Streams would be asked for at an address of the account, which moto does not serve.
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "TABLE_PREFIX": PREFIX,
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
if URL:
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = os.environ["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = URL


@cache
def declared_tables() -> list[dict[str, Any]]:
    """Return the CreateTable arguments that the template's tables stand for."""
    resources = yaml.safe_load(RESOURCES.read_text())["Resources"]
    kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    tables = []
    for resource in resources.values():
        if resource.get("Type") == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            name = properties["TableName"]["Fn::Sub"].replace("crontopus-${Stage}-", PREFIX)
            table = {"TableName": name} | {key: properties[key] for key in kept if key in properties}
            if "StreamSpecification" in properties:
                table["StreamSpecification"] = properties["StreamSpecification"] | {"StreamEnabled": True}
            tables.append(table)
    return tables


@cache
def aws(service: str) -> Any:
    """Return a client that lasts for all tests: moto answers whatever client asks while it is on."""
    return boto3.client(service)


@contextmanager
def empty_tables() -> Iterator[None]:
    """All tables, empty; gone afterwards."""
    with mock_aws(config={"core": {"mock_credentials": True, "passthrough": {"urls": [URL]}}} if URL else None):
        if URL:
            _drop_tables()
        for table in declared_tables():
            aws("dynamodb").create_table(**table)
            if URL:  # moto's are there at once
                aws("dynamodb").get_waiter("table_exists").wait(TableName=table["TableName"], WaiterConfig={"Delay": 1})
        yield


class Stream:
    """The stream of one of our tables, read to its end each time, as Lambda reads it."""

    def __init__(self, table: str) -> None:
        described = aws("dynamodb").describe_table(TableName=PREFIX + table)["Table"]
        self._arn = described["LatestStreamArn"]
        (shard,) = aws("dynamodbstreams").describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        wanted = {"StreamArn": self._arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        self._next = aws("dynamodbstreams").get_shard_iterator(**wanted)["ShardIterator"]

    def read(self) -> list[dict[str, Any]]:
        """Return the records that are new since the last call."""
        records: list[dict[str, Any]] = []
        while True:
            answer = aws("dynamodbstreams").get_records(ShardIterator=self._next)
            self._next = answer["NextShardIterator"]
            if not answer["Records"]:
                return records
            records += answer["Records"]


def _drop_tables() -> None:
    """The tables of the test before: only ours, and only where a test database was named."""
    for name in aws("dynamodb").list_tables()["TableNames"]:
        if name.startswith(PREFIX):
            aws("dynamodb").delete_table(TableName=name)
            aws("dynamodb").get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
