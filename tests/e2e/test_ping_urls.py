"""The lines of healthchecks' documentation, unchanged but for the URL, against the packaged application and its front door."""

import shutil
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.layout import Layout
from infra.local.stack import Stack
from tests.e2e.tenants import new_tenant
from tests.fixtures.waiting import until

CHECK = {"name": "backup", "checkin_by": "ping", "period": "1d", "grace": "1h"}
# $URL stands for the check's ping URL, $KEY for an API key, $API for the address of the management API.
LINES = [
    # docs: Shell scripts, Crontab, "Signaling failures", "Attaching logs", "Measuring run time"
    "curl -m 10 --retry 5 $URL",
    "curl -fsS -m 10 --retry 5 -o /dev/null $URL",
    "curl -fsS -m 10 --retry 5 -o /dev/null $URL/start",
    "curl -m 10 --retry 5 $URL/$(false; echo $?)",
    'm=$(/bin/echo all good 2>&1); curl -fsS -m 10 --retry 5 --data-raw "$m" $URL/$?',
    "echo hi | curl -fsS -m 10 --retry 5 --data-binary @- $URL",
    "RID=`cat /proc/sys/kernel/random/uuid`; curl -fsS -m 10 --retry 5 $URL/start?rid=$RID && curl -fsS -m 10 $URL?rid=$RID",
    "curl -fsS -m 10 -I $URL",
    "curl -fsS -m 10 --http1.0 -X POST $URL/",
    "wget $URL -T 10 -t 5 -O /dev/null -q",
    "wget -q -O /dev/null --post-data=hello $URL/log",
    # docs: Management API; `--data` says that the JSON is a form
    'curl -fsS $API/ --header "X-Api-Key: $KEY" --data \'{"name": "Backups", "tags": "prod www", "timeout": 3600}\'',
    'curl -fsS --header "X-Api-Key: $KEY" $API/',
]


@dataclass(frozen=True, slots=True)
class Watched:
    api: Any
    url: str
    environment: dict[str, str]

    def runs(self) -> list[dict[str, Any]]:
        return list(self.api.get("/api/runs")["runs"])


@pytest.fixture(scope="module")
def watched(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    tenant = new_tenant(stack, Layout(tmp_path_factory.mktemp("pings")))
    job = tenant.api.post("/api/jobs", CHECK)["job"]
    key = tenant.api.post("/api/tokens", {"name": "hc", "scopes": ["read:jobs", "write:jobs"]})["plain_text"]
    url = f"{stack.ports.api_url}/ping/{job['id']}"
    return Watched(tenant.api, url, {"URL": url, "KEY": key, "API": f"{stack.ports.api_url}/api/v3/checks"})


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_documentation_works_unchanged(watched: Watched, line: str, tmp_path: Path):
    if not shutil.which(line.split()[0]) and line.split()[0] in ("curl", "wget"):
        pytest.skip(f"{line.split()[0]} is not installed")

    done = subprocess.run(
        ["sh", "-c", line], env={"PATH": "/usr/bin:/bin", **watched.environment}, capture_output=True, timeout=60
    )

    assert done.returncode == 0, done.stderr.decode()


def test_runitor_s_requests_are_one_run(watched: Watched):
    """Replayed: runitor pings /start, then the exit code with the output as its body, both POST with one rid."""
    rid, before = str(uuid.uuid4()), len(watched.runs())
    headers = {"User-Agent": "runitor/1.4.1 (+https://bdd.fi/x/runitor)", "Content-Type": "text/plain; charset=utf-8"}

    start = requests.post(f"{watched.url}/start?rid={rid}", headers=headers, timeout=10)
    limit = int(start.headers["Ping-Body-Limit"])
    output = b"\xffline of output\n" * 2000
    end = requests.post(f"{watched.url}/3?rid={rid}", data=output[-limit:], headers=headers, timeout=10)

    assert [(answer.status_code, answer.text) for answer in (start, end)] == [(200, "OK")] * 2
    run = watched.runs()[0]
    assert (run["status"], run["exit_code"], len(watched.runs())) == ("failure", 3, before + 1)
    assert run["duration_ms"] >= 0


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain", "multipart/form-data; boundary=x", None])
def test_bytes_of_any_type_arrive(watched: Watched, content_type: str | None):
    headers = {"Content-Type": content_type} if content_type else {}

    answer = requests.post(watched.url, data=b"a\x00b", headers=headers, timeout=10)

    assert (answer.status_code, answer.text) == (200, "OK")
    run = watched.runs()[0]
    assert watched.api.get(f"/api/runs/{run['run_id']}")["run"]["output"] == "a\x00b"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_what_is_unknown_is_not_found_with_and_without_a_slash(stack: Stack, method: str, slash: str):
    answer = requests.request(method, f"{stack.ports.api_url}/ping/{uuid.uuid4()}{slash}", timeout=10)

    assert answer.status_code == 404
    assert answer.text == ("" if method == "HEAD" else "not found")


def test_a_large_body_is_no_reason_to_lose_a_ping(watched: Watched):
    answer = requests.post(watched.url, data=b"x" * 1_000_000, headers={"Content-Type": "text/plain"}, timeout=20)

    assert (answer.status_code, answer.text) == (200, "OK")
    assert watched.runs()[0]["output_bytes"] == 1_000_000


def test_pings_at_the_same_moment_are_each_counted(watched: Watched):
    job = watched.api.post("/api/jobs", CHECK | {"name": "crowded"})["job"]
    url = f"{watched.url.rpartition('/')[0]}/{job['id']}"

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: requests.get(url, timeout=30).text, range(15)))

    headers = {"X-Api-Key": watched.environment["KEY"]}
    check = requests.get(f"{watched.environment['API']}/{job['id']}", headers=headers, timeout=10).json()
    assert answers == ["OK"] * 15
    assert (check["n_pings"], check["status"]) == (15, "up")
    assert len([run for run in watched.runs() if run["job_name"] == "crowded"]) == 15
    summed = until(lambda: [one for one in _by_job(watched) if one["run_count"] == 15], "the runs are counted", 30)
    assert (summed[0]["endpoint_count"], summed[0]["success_count"]) == (1, 15)


def _by_job(watched: Watched) -> list[dict[str, Any]]:
    return [one for one in watched.api.get("/api/runs/by-job")["jobs"] if "crowded" in str(one)]
