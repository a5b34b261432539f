"""What the command line sends is what docs/openapi.json takes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cli.commands import job_input
from tests.unit.cli_fakes import FakeApi, Reply, run

API = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
JOB = {
    "id": "x",
    "path": "p",
    "sha": "s",
    "url": "u",
    "name": "x",
    "namespace": "default",
    "schedule": "@daily",
    "command": "c",
}
MANIFEST = (
    "{apiVersion: v1, kind: Job, metadata: {name: x}, spec: {schedule: '@daily', command: c, timeout: 2h, workingDir: /}}"
)
CREATE = "jobs create x --schedule @daily --command c --arg a --env A=1 --label l=m --annotation k=v --working-dir /"
RUNS = "runs list --job a/b --namespace a --endpoint web --status failure --days 3 --limit 5"
COMMANDS = [
    "auth register -u ann --email a@b.c --password-stdin",
    "auth login -u ann --password-stdin",
    "auth whoami",
    "auth login --no-browser",
    "auth password --passwords-stdin",
    "auth sessions list",
    "auth sessions end x --yes",
    "tenants show",
    "tenants show bob --month 2026-10",
    "tenants update --name Ann --retention-days 100",
    "tenants list --state active --limit 5",
    "tenants suspend bob --reason x --yes",
    "tenants activate bob",
    "blocks list",
    "blocks add 192.0.2.7 --hours 24 --reason x",
    "blocks remove x --yes",
    "trusted-networks list",
    "trusted-networks add 192.0.2.0/24 --reason x",
    "trusted-networks remove x --yes",
    "audit list --action token --outcome done --since 2h --until 1h --limit 5",
    "audit list --operator",
    "audit verify",
    "audit verify --operator",
    "metrics",
    "metrics --operator",
    "ping-keys create web",
    "export healthchecks",
    "export crontab",
    "ping-keys list",
    "ping-keys revoke x --yes",
    "namespaces update ops --description d --colour #00ff00",
    "jobs endpoints x",
    "endpoints installer linux",
    "endpoints jobs web",
    "endpoints discovered web",
    "endpoints release web --yes",
    "endpoints suspend web --for 2h",
    "endpoints resume web",
    f"{CREATE} --timeout 2h --shell /bin/sh --paused --disabled",
    "jobs create -f -",
    "jobs update x --paused",
    "jobs update -f -",
    "jobs list --namespace billing --label a=b --label c=d --text x --state paused",
    "jobs diff x --from " + "a" * 40 + " --to " + "b" * 40,
    "jobs next x --count 3",
    "jobs create x --checkin-by ping --period 1h",
    "jobs create x --schedule @daily --command c --timezone UTC --grace 1m --max-runtime 1h --min-runtime 1s --user u"
    " --concurrency forbid --retry-attempts 1 --depends-on y --selector name=web --selector name=db",
    "jobs get x",
    "jobs delete x --yes",
    RUNS,
    "runs show x",
    "runs list --since 2h",
    "runs watch --follow a/b --status failure --limit 5",
    "runs by-job --job x --namespace a --status failure --window all --limit 5",
    "runs by-endpoint --name x --platform linux --job x --namespace a --window 24h --limit 5",
    "logs a/x --runs 3 --days 30",
    "endpoints list",
    "endpoints list --state active --platform linux --name web",
    "endpoints show web",
    "endpoints rename web db",
    "endpoints label web team=ops --remove stage",
    "endpoints revoke web --yes",
    "endpoints delete web --yes",
    "enrollment-tokens create web",
    "enrollment-tokens list",
    "enrollment-tokens delete x --yes",
    "tokens create ci --scope read:jobs --expires-in-days never",
    "tokens list",
    "tokens update x --name y --expires-in-days 365",
    "tokens revoke x --yes",
    "jobs update x --rename y --move-to ops",
    "jobs pause ops/x",
    "jobs resume x",
    "jobs adopt x --to ops",
    "jobs release x",
    "jobs history x --limit 5",
    "namespaces list",
    "namespaces create ops --description d --colour #00ff00",
    "namespaces delete ops --yes",
]
ENDPOINTS = Reply({"endpoints": [{"id": "ep-1", "name": "web"}]})
# Answers that lead to the request after them; a command that needs no more ignores the rest.
PRELUDE = {
    "jobs update x --paused": Reply({"job": JOB}),
    "jobs update x --rename y --move-to ops": Reply({"job": JOB}),
    RUNS: ENDPOINTS,
    **{command: ENDPOINTS for command in COMMANDS if re.match("endpoints (?!list|installer)", command)},
}


def declared(method: str, path: str) -> Mapping[str, Any]:
    """Return the operation that a request would reach."""
    for template, operations in API["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in operations:
            operation: Mapping[str, Any] = operations[method.lower()]
            return operation
    raise AssertionError(f"no route {method} {path}")


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("command", COMMANDS)
def test_every_request_fits_its_route(command: str) -> None:
    replies = [PRELUDE[command]] if command in PRELUDE else []
    api = FakeApi(*replies, Reply({}, 500))

    run(*command.split(), api=api, typed="old\nnew\n" if "passwords" in command else MANIFEST)

    assert len(api.requests) == len(replies) + 1
    for request in api.requests:
        url = urlsplit(str(request.url))
        operation = declared(str(request.method), url.path)
        parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert set(parse_qs(url.query)) <= parameters
        check_body(str(request.headers.get("Content-Type")), request.body, operation)


def test_what_the_api_shows_of_a_job_and_does_not_take_is_never_sent_back() -> None:
    shown, taken = (set(API["components"]["schemas"][name]["properties"]) for name in ("JobOut", "JobIn"))

    assert shown - taken == set(job_input.OF_THE_API)


def check_body(content_type: str, body: Any, operation: Mapping[str, Any]) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if body is None:
        assert not content
        return
    schema = resolved(content[content_type]["schema"])
    sent = set(json.loads(body)) if content_type == "application/json" else set(parse_qs(body))
    assert sent <= set(schema["properties"])
    assert set(schema.get("required", [])) <= sent
