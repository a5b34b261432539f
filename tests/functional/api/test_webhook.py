"""What happens after somebody pushed by git."""

import hmac
import json

import pytest
import requests

from chalicelib.domain.webhooks import secret_of
from tests.functional.api import forge as forges

NAMELESS = b"""\
# by hand
apiVersion: v1
kind: Job
metadata:
  name: pushed
spec:
  schedule: "@daily"
  command: echo pushed
"""


def event(forge, tenant_id="ada", ref="refs/heads/main", **more):
    return json.dumps(
        {"ref": ref, "repository": {"full_name": f"{forge.organization}/job-manifests-{tenant_id}"}} | more
    ).encode()


def deliver(api, body, tenant_id="ada", signature=None):
    signed = hmac.new(secret_of(bytes(32), tenant_id).encode(), body, "sha256").hexdigest()
    return api.call("POST", "/api/webhooks/forge", raw=body, X_Forgejo_Signature=signed if signature is None else signature)


def verdicts(forge, tenant_id="ada"):
    """Return the statuses of the newest commit: state and description."""
    head = forge.commits(tenant_id)[0]["sha"]
    url = f"{forge.url}/api/v1/repos/{forge.organization}/job-manifests-{tenant_id}/statuses/{head}"
    found = requests.get(url, auth=(forges.ADMIN, forges.ADMIN_PASSWORD), timeout=10)
    return [(one["status"], one["description"]) for one in found.json()]


def test_a_job_pushed_without_an_id_gets_one_once(api, ada, forge):
    forge.push("ada", "default/pushed.yaml", NAMELESS)

    first = deliver(api, event(forge))
    again = deliver(api, event(forge))

    assert (first.body["ids_given"], again.body["ids_given"]) == (1, 0)
    detail = ada.get("/api/jobs/default/pushed").body
    assert len(detail["job"]["id"]) == 36
    assert detail["manifest"].replace(f"  id: {detail['job']['id']}\n", "") == NAMELESS.decode()
    assert [one["subject"] for one in forge.commits("ada")][:2] == ["Give 1 job an id", "By hand"]
    assert verdicts(forge)[0] == ("success", "1 job, all good")


def test_problems_are_told_and_keep_no_other_job_from_its_id(api, ada, forge):
    forge.push("ada", "default/pushed.yaml", NAMELESS)
    forge.push("ada", "default/broken.yaml", b"kind: [")

    told = deliver(api, event(forge)).body

    assert told["ids_given"] == 1
    assert told["problems"][0].startswith("default/broken.yaml: manifest:")
    assert verdicts(forge)[0] == ("failure", f"1 problem; {told['problems'][0]}")


def test_a_copied_id_is_told(api, ada, forge):
    ada.post("/api/jobs", {"name": "one", "schedule": "@daily", "command": "true"})
    copied = ada.get("/api/jobs/default/one").body["manifest"].replace('"one"', '"two"')
    forge.push("ada", "default/two.yaml", copied.encode())

    problems = deliver(api, event(forge)).body["problems"]

    assert [problem.split(":")[0] for problem in problems] == ["default/one.yaml", "default/two.yaml"]


def test_a_push_elsewhere_is_ignored(api, ada, forge):
    forge.push("ada", "default/pushed.yaml", NAMELESS)

    assert deliver(api, event(forge, ref="refs/heads/draft")).body == {"ids_given": 0, "problems": []}


@pytest.mark.parametrize("signature", ["", "0" * 64])
def test_an_event_that_is_not_signed_is_refused(api, ada, forge, signature):
    assert deliver(api, event(forge), signature=signature).status == 401


def test_a_tenants_signature_opens_no_other_repository(api, ada, eve, forge):
    assert deliver(api, event(forge, "ada"), tenant_id="eve").status == 401


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"repository": 3}', b'{"repository": {"full_name": "else/where"}}', b"\xff"]
)
def test_garbage_is_refused(api, forge, body):
    assert deliver(api, body).status == 401


def test_registration_makes_the_hook_that_the_forge_calls(api, ada, forge):
    url = f"{forge.url}/api/v1/repos/{forge.organization}/job-manifests-ada/hooks"
    (hook,) = requests.get(url, auth=(forges.ADMIN, forges.ADMIN_PASSWORD), timeout=10).json()

    assert (hook["config"]["url"], hook["active"], hook["events"]) == ("http://127.0.0.1:9/api/webhooks/forge", True, ["push"])
