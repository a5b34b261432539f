"""Deploy the package into the embedded AWS, by the calls that AWS would get."""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import yaml
from botocore.client import BaseClient
from botocore.config import Config

from infra.local import gateway
from infra.local.formation import DeploymentFailed, Stack
from infra.local.names import FRONT_DOMAIN, MAIL_FROM, REGION, STACK, STAGE
from infra.package import Package

_BUCKET = "crontopus-releases"
_SECRET = f"crontopus/{STAGE}/app"


@dataclass(frozen=True, slots=True)
class Clouds:
    """The services of the embedded AWS that the deployer talks to."""

    s3: BaseClient
    formation: BaseClient
    dynamodb: BaseClient
    secrets: BaseClient
    gateway: BaseClient
    mail: BaseClient


def connect(endpoint: str) -> Clouds:
    """Return clients for the embedded AWS at `endpoint`. Its account owner's key is `test`."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    config = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60)
    services = ("s3", "cloudformation", "dynamodb", "secretsmanager", "apigateway", "sesv2")
    return Clouds(*(session.client(service, endpoint_url=endpoint, config=config) for service in services))


def deploy(clouds: Clouds, package: Package, parameters: Mapping[str, str], secret: Mapping[str, Any]) -> str:
    """Bring the stack to this package and return what was done: created, updated or unchanged.

    parameters: values for the template's parameters; one that the template does not know is left out.
    secret: what the application finds in its secret.
    """
    _put_secret(clouds.secrets, json.dumps(secret, sort_keys=True))
    _let_send_mails(clouds.mail)
    template = yaml.safe_load(package.template.read_text())
    code = _upload(clouds.s3, package.code.read_bytes(), "zip")
    changed = json.dumps(with_code_at(template, f"s3://{_BUCKET}/{code}"), sort_keys=True)
    described = _upload(clouds.s3, changed.encode(), "json")
    values = {name: value for name, value in parameters.items() if name in template["Parameters"]}
    stack = Stack(clouds.formation, STACK)
    url = f"https://s3.{REGION}.amazonaws.com/{_BUCKET}/{described}"
    done = stack.apply(url, values, lambda: _refuse_filled_tables(clouds.dynamodb))
    for logical_id, attribute in _expiring_tables(template):
        _expire(clouds.dynamodb, stack.physical_id(logical_id), attribute)
    api_id, properties = stack.physical_id("RestAPI"), template["Resources"]["RestAPI"]["Properties"]
    gateway.tune(clouds.gateway, api_id, properties)
    _open_front_door(clouds.gateway, api_id, properties["StageName"])
    _forget_other_releases(clouds.s3, {code, described})
    return done


def with_code_at(template: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return the template with its code at `code` (s3://...): all that changes on the way to a cloud."""
    changed = copy.deepcopy(dict(template))
    for resource in changed["Resources"].values():
        properties = resource.get("Properties", {})
        if str(properties.get("CodeUri", "")).startswith("./"):
            properties["CodeUri"] = code
    return changed


def _put_secret(secrets: BaseClient, value: str) -> None:
    try:
        if secrets.get_secret_value(SecretId=_SECRET)["SecretString"] != value:
            secrets.put_secret_value(SecretId=_SECRET, SecretString=value)
    except secrets.exceptions.ResourceNotFoundException:
        secrets.create_secret(Name=_SECRET, SecretString=value)


def _let_send_mails(mail: BaseClient) -> None:
    """Make the sender's address an identity: on AWS its owner proves it by DNS."""
    with suppress(mail.exceptions.AlreadyExistsException):
        mail.create_email_identity(EmailIdentity=MAIL_FROM)


def _upload(s3: BaseClient, body: bytes, ending: str) -> str:
    """Upload a part of a release under its own hash and return its key."""
    key = f"{hashlib.sha256(body).hexdigest()}.{ending}"
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=_BUCKET)
    if not s3.list_objects_v2(Bucket=_BUCKET, Prefix=key)["KeyCount"]:
        s3.put_object(Bucket=_BUCKET, Key=key, Body=body)
    # Without the zip the emulator would still report a complete update.
    s3.head_object(Bucket=_BUCKET, Key=key)
    return key


def _forget_other_releases(s3: BaseClient, kept: set[str]) -> None:
    for item in s3.list_objects_v2(Bucket=_BUCKET).get("Contents", []):
        if item["Key"] not in kept:
            s3.delete_object(Bucket=_BUCKET, Key=item["Key"])


def _refuse_filled_tables(dynamodb: BaseClient) -> None:
    for name in dynamodb.list_tables()["TableNames"]:
        if name.startswith(f"crontopus-{STAGE}-") and dynamodb.scan(TableName=name, Limit=1)["Count"]:
            raise DeploymentFailed(f"table {name} holds data and belongs to no stack; `make reset` starts from nothing")


def _expiring_tables(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for logical_id, resource in template["Resources"].items():
        expiry = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if expiry and expiry["Enabled"]:
            yield logical_id, expiry["AttributeName"]


def _expire(dynamodb: BaseClient, table: str, attribute: str) -> None:
    # The emulator ignores the template's word.
    status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if status not in ("ENABLED", "ENABLING"):
        wanted = {"AttributeName": attribute, "Enabled": True}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)


def _open_front_door(client: BaseClient, api_id: str, stage: str) -> None:
    """Map the front door's domain to this API: its id changes whenever a route does."""
    domains = {item["domainName"] for item in client.get_domain_names().get("items", [])}
    if FRONT_DOMAIN not in domains:
        client.create_domain_name(domainName=FRONT_DOMAIN, endpointConfiguration={"types": ["REGIONAL"]})
    mappings = client.get_base_path_mappings(domainName=FRONT_DOMAIN).get("items", [])
    if [(item["restApiId"], item["stage"]) for item in mappings] == [(api_id, stage)]:
        return
    for item in mappings:
        client.delete_base_path_mapping(domainName=FRONT_DOMAIN, basePath=item["basePath"])
    client.create_base_path_mapping(domainName=FRONT_DOMAIN, restApiId=api_id, stage=stage)
