"""The command line as a script uses it: with an API token in CRONTOPUS_TOKEN, against the API in process."""

from typing import Any

import pytest
import requests
from click.testing import Result
from requests.adapters import BaseAdapter

from cli.errors import Denied
from tests.functional.api.client import Api
from tests.unit import cli_fakes


class InProcess(BaseAdapter):
    """Carries the command line's requests to the application."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        answer = self._api._client.http.request(str(request.method), request.path_url, headers=dict(request.headers), body=body)
        response = requests.Response()
        response.status_code, response._content, response.url = answer.status_code, answer.body, str(request.url)
        response.headers.update(answer.headers)
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def script(api):
    """Runs a command as a script would: no login, only a token in the environment."""

    def run(token: str, *args: str) -> Result:
        session = requests.Session()
        session.mount("http://", InProcess(api))
        environ = cli_fakes.ENVIRON | {"CRONTOPUS_TOKEN": token}
        state = cli_fakes.Invocation(environ, session, now=lambda: cli_fakes.NOW, has_terminal=lambda: False)
        return cli_fakes.CliRunner().invoke(cli_fakes.root, args, obj=state, prog_name="crontopus")

    return run


CREATE = ("jobs", "create", "nightly", "--schedule", "@daily", "--command", "true")


def test_a_script_works_with_its_token_until_it_is_revoked(ada, script):
    token = script(ada.token, "tokens", "create", "ci", "--scope", "read:jobs", "--scope", "write:jobs").stdout.strip()

    created, listed = script(token, *CREATE), script(token, "jobs", "list", "--json")

    assert token.startswith("ctp_")
    assert (created.exit_code, listed.exit_code) == (0, 0)
    assert '"nightly"' in listed.stdout
    (known,) = ada.get("/api/tokens").body["tokens"]
    assert script(ada.token, "tokens", "revoke", known["id"], "--yes").exit_code == 0
    assert script(token, "jobs", "list").exit_code == Denied.exit_code


def test_a_missing_scope_ends_the_command_with_its_name(ada, script):
    token = script(ada.token, "tokens", "create", "reader", "--scope", "read:jobs").stdout.strip()

    refused = script(token, *CREATE)

    assert refused.exit_code == Denied.exit_code
    assert "'write:jobs'" in refused.stderr
    assert "nightly" not in script(token, "jobs", "list").stdout


def test_a_script_may_make_a_token_of_its_own_but_no_greater_one(ada, script):
    scopes = ("--scope", "admin:tokens", "--scope", "read:runs")
    token = script(ada.token, "tokens", "create", "keeper", *scopes).stdout.strip()

    lesser = script(token, "tokens", "create", "board", "--scope", "read:runs")
    greater = script(token, "tokens", "create", "root", "--scope", "admin:*")

    assert script(lesser.stdout.strip(), "runs", "list").exit_code == 0
    assert (greater.exit_code, greater.stdout) == (Denied.exit_code, "")
    assert "admin:*" in greater.stderr
