"""The demo: a tenant, this machine as its endpoint, one job a minute, and the first run that proves the loop."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.api import Api, Refused
from infra.local.layout import CHECKOUT, Layout, clean_environment
from infra.local.stopped import Stopped

NAMESPACE = "default"
JOB = "every-minute"
_JOB_BODY = {
    "name": JOB,
    "namespace": NAMESPACE,
    "schedule": "* * * * *",
    "command": 'echo "hello from cron on $(hostname) at $(date)"; uptime || cat /proc/loadavg',
    "labels": {"demo": "true"},
}
INSTALL_TIMEOUT_S = 120.0
_RUN_TIMEOUT_S = 180.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's tenant at one API, with the agent that has its home in this layout.

    inside: what starts a command on the agent's machine; nothing if it is this one.
    """

    api: Api
    api_url: str
    layout: Layout
    inside: tuple[str, ...] = ()

    def sign_in(self) -> str:
        """Sign the tenant in, registering it the first time, and say which it was."""
        try:
            self.api.login()
        except Refused as e:
            if e.status != 401:
                raise
        else:
            return "signed in"
        self.api.register()
        self.api.login()
        return "registered"

    def enrol(self) -> str:
        """Enrol this machine with the real agent unless it is, and say which it was."""
        mine = self.endpoint_id()
        if mine and any(e["id"] == mine and e["state"] != "revoked" for e in self.api.get("/api/endpoints")["endpoints"]):
            return "was enrolled"
        request = {"name": "make up", "expires_in_hours": 1, "max_uses": 1}
        token = self.api.post("/api/enrollment-tokens", request)["token"]
        self.agent("enroll", "--api-url", self.api_url, "--token-stdin", "--name", platform.node() or "here", stdin=token)
        return "enrolled"

    def endpoint_id(self) -> str | None:
        """Return the id under which the agent here is enrolled, None if it is not."""
        # Its exit code says how the agent is doing, and before its daemon runs that is not well.
        told = self._run_agent("status", "-o", "json").stdout
        return json.loads(told).get("endpoint_id") if told.startswith("{") else None

    def commit_job(self) -> Mapping[str, Any]:
        """Return the demo's job, committed the first time."""
        try:
            job: Mapping[str, Any] = self.api.get(f"/api/jobs/{NAMESPACE}/{JOB}")["job"]
        except Refused as e:
            if e.status != 404:
                raise
            job = self.api.post("/api/jobs", _JOB_BODY)["job"]
        return job

    def sync_now(self) -> None:
        """Let the agent look at the repository at once; if that fails, its daemon does so within half a minute."""
        self._run_agent("sync", "--once")

    def agent(self, *arguments: str, stdin: str = "") -> None:
        """Run one command of the agent. Raise Stopped, with its words, if it fails."""
        done = self._run_agent(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise Stopped(f"`agent {arguments[0]}` failed ({done.returncode}):\n{done.stderr or done.stdout}")

    def _run_agent(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = clean_environment(CRONTOPUS_HOME=str(self.layout.agent_home))
        command = [*self.inside, sys.executable, "-m", "agent", *arguments]
        return subprocess.run(command, cwd=CHECKOUT, env=environment, input=stdin, capture_output=True, text=True, timeout=120)


def await_line(job_id: str, read_crontab: Callable[[], str], deadline: float) -> str:
    """Return the job's line as soon as the table has it. Raise Stopped at the deadline (monotonic)."""
    while True:
        lines = [line for line in read_crontab().splitlines() if line.endswith(f"CRONTOPUS:{job_id}")]
        if lines:
            return lines[0]
        if time.monotonic() > deadline:
            raise Stopped("the agent has not installed the job; `python -m agent status` and its log say why")
        time.sleep(_POLL_S)


def await_run(api: Api, job_name: str, endpoint_id: str, after: datetime, say: Callable[[str, str], None]) -> Mapping[str, Any]:
    """Return the first finished run of the job that started on this endpoint after that moment, read back by its id.

    say: told all the time what is being waited for, and how long that takes. Raise Stopped if none arrives.
    """
    due = next_minute(after)
    deadline = due + timedelta(seconds=_RUN_TIMEOUT_S)
    while (now := datetime.now(UTC)) < deadline:
        if now < due:
            say(f"cron fires at {due.astimezone():%H:%M:%S}", f", in {(due - now).seconds} s")
        else:
            say("cron's turn has come, waiting for the report of the run", f", {(now - due).seconds} s")
        for run in api.get("/api/runs", job=job_name, endpoint_id=endpoint_id, days=1, limit=20)["runs"]:
            if run["status"] != "running" and datetime.fromisoformat(run["started_at"]) > after:
                found: Mapping[str, Any] = api.get(f"/api/runs/{run['run_id']}")["run"]
                return found
        time.sleep(_POLL_S)
    raise Stopped(
        f"no run of {job_name} arrived within {_RUN_TIMEOUT_S:.0f} s of {due.astimezone():%H:%M:%S}.\n"
        "Does cron run and may this user use it (`service cron status`, `/etc/cron.allow`, the system's log)?\n"
        "Does the agent deliver (`crontopus-agent status`)?"
    )


def next_minute(moment: datetime) -> datetime:
    """Return the first full minute after this moment: when cron looks at its tables next."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
