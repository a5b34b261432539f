"""What the agent says of itself: kept in D/status.json while it works, put together with live facts when somebody asks."""

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from agent.errors import remedy
from agent.home import read_json, write_file
from agent.instances import Told
from agent.machine import VERSION
from agent.outcome import Report
from agent.report import Delivered
from chalicelib.domain.endpoints import MAX_HELD_NAMED, ids_digest
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.releases import is_outdated
from chalicelib.domain.times import to_text

log = logging.getLogger(__name__)

MAX_LISTED = 50
PartName = Literal["heartbeat", "sync", "delivery", "discovery", "update", "config"]


class StatusBoard:
    """The one place that writes status.json. Every thread may call it."""

    def __init__(self, path: Path, settled: Callable[[Report], None] = lambda _: None) -> None:
        """settled: hears of every round."""
        self.path = path
        self.settled = settled
        self._lock = threading.Lock()
        found = read_json(path)
        self._parts: dict[str, Any] = found if isinstance(found, dict) else {}
        self._told: tuple[Told, ...] | None = None

    def part(self, name: PartName) -> Mapping[str, Any]:
        """Return what is known of a part; empty before its first news."""
        with self._lock:
            return dict(self._parts.get(name) or {})

    def told(self) -> tuple[Told, ...] | None:
        """Return how each job stood after the last round, None before the first of this process."""
        with self._lock:
            return self._told

    def started(self, pid: int, version: str, now: datetime) -> None:
        self._put("daemon", {"pid": pid, "version": version, "started_at": to_text(now)})
        self.cleared("config")

    def heard(self, now: datetime, state: str, skew_s: float, minimum: object = None) -> None:
        """The API has answered a heartbeat. skew_s: how far our clock is ahead of its. minimum: oldest version it lets in."""
        told = {"succeeded_at": to_text(now), "state": state, "skew_s": round(skew_s, 3), "error": None}
        self._put("heartbeat", told | {"minimum_version": minimum if isinstance(minimum, str) else None})

    def offered(self, version: str | None, now: datetime) -> None:
        """The channel was looked at. version: what it offers, None if that is not newer than us."""
        self._put("update", {"succeeded_at": to_text(now), "available": version, "error": None})

    def synced(self, report: Report) -> None:
        """A round has come to its end."""
        self.settled(report)
        with self._lock:
            self._told = report.told
        facts: dict[str, Any] = {
            "attempted_at": to_text(report.at),
            "succeeded_at": to_text(report.at),
            "head": report.head,
            "applied": report.applied,
            "managed": report.managed,
            "paused": report.paused,
            "discovered": report.discovered,
            "elsewhere": report.elsewhere,
            "suspended": report.suspension.words if report.suspension else None,
            "pending": report.pending,
            "held": list(report.held_ids),
            "held_why": _error(report.held, report.at) if report.held else None,
            "problems": list(report.problems[:MAX_LISTED]),
            "problem_count": len(report.problems),
            "warnings": list(report.warnings[:MAX_LISTED]),
            "error": None,
        }
        facts["left"] = [{"job_id": one.job_id, "what": one.words} for one in report.left[:MAX_LISTED]]
        facts["left_count"] = len(report.left)
        if report.drift or report.notes:
            facts["drift"] = {"at": to_text(report.at), "jobs": list(report.drift[:MAX_LISTED]), "notes": list(report.notes)}
        self._put("sync", facts)

    def discovered(self, count: int, problems: Sequence[str], now: datetime) -> None:
        """Somebody has looked beside our lines. count: of jobs there."""
        facts = {"count": count, "problems": list(problems[:MAX_LISTED]), "error": None}
        if any(self.part("discovery").get(key) != value for key, value in facts.items()):
            self._put("discovery", {"succeeded_at": to_text(now), **facts})

    def delivered(self, step: Delivered, now: datetime) -> None:
        """One step of delivery is done; steps that change nothing worth knowing are not written down."""
        known = self.part("delivery").get("error")
        if step.problem:
            if not known or known["message"] != step.problem.message[:500]:
                self.failed("delivery", step.problem, now)
        elif step.sent or known:
            self._put("delivery", {"succeeded_at": to_text(now), "error": None})

    def cleared(self, name: PartName) -> None:
        """An error that was told is none any more."""
        if self.part(name).get("error"):
            self._put(name, {"error": None})

    def failed(self, name: PartName, error: Exception, now: datetime) -> None:
        before = self.part(name).get("error")
        told = _error(error, now)
        if before and (before["code"], before["message"]) == (told["code"], told["message"]):
            told["since"] = before["since"]
        self._put(name, {"attempted_at": to_text(now), "error": told})

    def _put(self, name: str, facts: Mapping[str, Any]) -> None:
        with self._lock:
            self._parts[name] = {**(self._parts.get(name) or {}), **facts}
            try:
                write_file(self.path, json.dumps(self._parts).encode(), is_durable=False)
            except CrontopusError as e:  # the work goes on; only the telling of it has to wait
                log.warning("the status cannot be written", extra={"why": e.message})


def _error(error: Exception, now: datetime) -> dict[str, str]:
    code = error.code if isinstance(error, CrontopusError) else "internal"
    message = error.message if isinstance(error, CrontopusError) else f"{type(error).__name__}: {error}"
    return {"code": code, "message": message[:500], "remedy": remedy(code), "at": to_text(now), "since": to_text(now)}


def problems_for_heartbeat(sync: Mapping[str, Any], delivery: Sequence[str]) -> list[str]:
    """Return what the control plane should know is wrong here, the gravest first."""
    told = []
    for key in ("error", "held_why"):
        if sync.get(key):
            told.append(f"{sync[key]['code']}: {sync[key]['message']}")
    if sync.get("suspended"):
        told.append(f"suspended: {sync['suspended']}; changes that wait: {sync['pending']}")
    told += delivery
    if drift := sync.get("drift"):
        told.append(f"{len(drift['jobs'])} lines were changed by hand and healed at {drift['at']}")
    if sync.get("left"):
        told.append(f"{sync['left_count']} lines were changed by hand and stay like that, as config.yaml says")
    return [text[:500] for text in [*told, *sync.get("problems", [])]][:MAX_LISTED]


def discovery_for_heartbeat(discovery: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with lines that are not ours. While the API cannot be reached, nobody would hear of that."""
    error = discovery.get("error") or {}
    refused = [f"{error['code']}: {error['message']}"] if error.get("code") == "discovery_refused" else []
    return [*refused, *discovery.get("problems", [])]


def held_for_heartbeat(sync: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the removals that wait for approval as a heartbeat tells them, None if none do."""
    job_ids = sorted(sync.get("held") or ())
    if not job_ids or not sync.get("held_why"):
        return None
    return {
        "code": sync["held_why"]["code"],
        "head": sync["head"],
        "count": len(job_ids),
        "digest": ids_digest(job_ids),
        "job_ids": job_ids[:MAX_HELD_NAMED],
    }


def judge(status: Mapping[str, Any], now: datetime, *, is_running: bool, heartbeat_s: float) -> list[str]:
    """Return why this agent is not well; empty if it is."""
    why = []
    if not is_running:
        why.append("the agent is not running: `crontopus-agent start` starts its service, `run` one in the foreground")
    for name in ("heartbeat", "sync", "delivery", "discovery", "config"):
        error = (status.get(name) or {}).get("error")
        if error:
            why.append(f"{name}: {error['message']} ({error['code']}, since {error['since']}); {error['remedy']}")
    sync = status.get("sync") or {}
    if sync.get("held_why"):
        why.append(f"{sync['held_why']['message']}; {sync['held_why']['remedy']}")
    if sync.get("suspended"):
        why.append(f"{sync['suspended']}; changes that wait: {sync['pending']}; {remedy('suspended')}")
    why += [f"manifest {problem}" for problem in sync.get("problems", [])]
    last = (status.get("heartbeat") or {}).get("succeeded_at")
    if is_running and last and now - datetime.fromisoformat(last) > timedelta(seconds=max(120, 4 * heartbeat_s)):
        why.append(f"the API has not answered since {last}")
    minimum = (status.get("heartbeat") or {}).get("minimum_version")
    if minimum and is_outdated(VERSION, minimum):
        why.append(f"this agent, {VERSION}, is older than {minimum}, the oldest that the control plane lets in: update it")
    skew_s = (status.get("heartbeat") or {}).get("skew_s")
    if skew_s is not None and abs(skew_s) > 300:
        why.append(f"this machine's clock is off by {skew_s:g} s; set it right (timedatectl, chrony)")
    return why
