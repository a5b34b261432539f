"""`status`: what is known of this agent right now, for a person or a program."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from agent import installed, shelters, trial
from agent import spool as spools
from agent.config import Config, load_config
from agent.errors import remedy
from agent.home import Home, read_json
from agent.installed import Installation
from agent.machine import VERSION, scheduler_flavour
from agent.schedulers import alive, flavours
from agent.schedulers.flavours import Flavour
from agent.status import judge
from agent.system import system
from chalicelib.domain.errors import Stalled
from chalicelib.domain.times import to_text

HEALTHY, DEGRADED, NOT_ENROLLED = 0, 1, 2


def running_pid(home: Home) -> int | None:
    """Return the number of the agent's process in this folder, None if none runs."""
    try:
        handle = os.open(home.lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        system.take_lock(handle, is_shared=True)
    except BlockingIOError:
        number = os.read(handle, 32).decode(errors="replace").strip()
        return int(number) if number.isdigit() else 0
    finally:
        os.close(handle)
    return None


def gather(home: Home, environ: Mapping[str, str], now: datetime) -> tuple[dict[str, Any], int]:
    """Return everything `status` shows, and its exit code."""
    try:
        config = load_config(home)
    except Stalled as e:
        if e.code != "not_enrolled":
            raise
        return {
            "state": "not_enrolled",
            "version": VERSION,
            "home": str(home.directory),
            "why": [f"{e.message}: {remedy(e.code)}"],
        }, NOT_ENROLLED
    found = read_json(home.status)
    parts: dict[str, Any] = found if isinstance(found, dict) else {}
    pid = running_pid(home)
    place = installed.own()
    why = judge(parts, now, is_running=pid is not None, heartbeat_s=config.intervals.heartbeat_s)
    why += trial.problems(place, now) if place else []
    flavour = scheduler_flavour(config.crontab, environ)
    if flavour and alive.is_known(config.crontab) and _is_stopped(flavours.of(flavour), environ):
        why.append(f"{alive.STOPPED}; {remedy('cron_stopped')}")
    places = [home.directory / "spool", *shelters.folders(home.directory)]
    backlog = spools.together([spools.backlog(place, spools.process_alive) for place in places])
    facts = _identity(home, config) | {
        "state": "degraded" if why else "healthy",
        "why": why,
        "pid": pid,
        "scheduler": flavour,
        "api": parts.get("heartbeat") or {},
        "sync": parts.get("sync") or {},
        "delivery": parts.get("delivery") or {},
        "discovery": parts.get("discovery") or {},
        "clock_skew_s": (parts.get("heartbeat") or {}).get("skew_s"),
        "next_sync_at": _next_sync(parts.get("sync") or {}, config, is_running=pid is not None),
        "suspended": (parts.get("sync") or {}).get("suspended"),
        "update": _update(place, parts),
        "spool": {
            "depth": backlog.depth,
            "oldest_at": to_text(backlog.oldest_at) if backlog.oldest_at else None,
            "quarantined": backlog.quarantined,
            "lost": backlog.lost,
        },
    }
    return facts, DEGRADED if why else HEALTHY


def _next_sync(sync: Mapping[str, Any], config: Config, *, is_running: bool) -> str | None:
    """Return about when the next round is, None if nobody can say: after an error the waits grow."""
    last = sync.get("succeeded_at")
    if not is_running or not last or sync.get("error"):
        return None
    return to_text(datetime.fromisoformat(last) + timedelta(seconds=config.intervals.sync_s))


def _is_stopped(flavour: Flavour, environ: Mapping[str, str]) -> bool:
    return alive.judge(alive.look(flavour, environ), flavour) == "stopped"


def _update(place: Installation | None, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of releases: what the channel offers, how the last update went, which one is on trial."""
    begun = trial.find(place) if place else None
    return {
        "available": (parts.get("update") or {}).get("available"),
        "error": (parts.get("update") or {}).get("error"),
        "last": trial.last(place) if place else {},
        "on_trial": begun.version if begun else None,
    }


def _identity(home: Home, config: Config) -> dict[str, Any]:
    return {
        "endpoint_id": config.endpoint_id,
        "name": config.name,
        "tenant_id": config.tenant_id,
        "version": VERSION,
        "home": str(home.directory),
        "api_url": config.api_url,
        "repository": config.git.url,
        "branch": config.git.branch,
    }


def table(facts: Mapping[str, Any], now: datetime) -> str:
    """Return the same for a person to read."""
    rows = list(_rows(facts, now))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def _rows(facts: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    yield "state", str(facts["state"]).replace("_", " ")
    if "endpoint_id" in facts:
        yield "enrolled as", f"{facts['name']} ({facts['endpoint_id']}) of {facts['tenant_id'] or 'an unknown tenant'}"
        yield "agent", f"version {facts['version']}, " + (f"running, process {facts['pid']}" if facts["pid"] else "not running")
        yield "API", f"{facts['api_url']}, last answer {_age(facts['api'].get('succeeded_at'), now)}"
        if (skew_s := facts["clock_skew_s"]) is not None:
            yield "clock", f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} the control plane's"
        yield from _update_rows(facts["update"])
        yield from _sync_rows(facts, now)
        yield from _discovery_rows(facts.get("discovery") or {})
        spool = facts["spool"]
        yield "spool", f"{spool['depth']} runs to deliver" + (f", the oldest of {spool['oldest_at']}" if spool["depth"] else "")
        for label in ("quarantined", "lost"):
            if spool[label]:
                yield label, f"{spool[label]} results; see docs/agent.md"
    for number, reason in enumerate(facts["why"]):
        yield "what is wrong" if number == 0 else "", reason


def _update_rows(update: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if update["on_trial"]:
        yield "update", f"{update['on_trial']} is on trial: it stays once it has got a heartbeat and a round through"
    elif update["available"]:
        yield "update", f"{update['available']} is available: crontopus-agent self-update"
    if update["error"]:
        yield "", f"releases could not be looked at: {update['error']['message']}"


def _sync_rows(facts: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    sync = facts["sync"]
    yield "repository", f"{facts['repository']}, branch {facts['branch']}"
    applied, head = (str(sync.get(key) or "none yet")[:12] for key in ("applied", "head"))
    yield "commit", f"applied {applied}, seen {head}, last round {_age(sync.get('succeeded_at'), now)}{_coming(facts, now)}"
    if facts["suspended"]:
        is_ours = "by the machine" in facts["suspended"]
        yield "suspended", f"{facts['suspended']}{'; end it with `crontopus-agent resume`' if is_ours else ''}"
    yield "scheduler", str(facts["scheduler"] or "none found")
    drift = sync.get("drift") or {"jobs": []}
    counts = {
        "managed": sync.get("managed", 0),
        "paused": sync.get("paused", 0),
        "discovered": sync.get("discovered", 0),
        "elsewhere": sync.get("elsewhere", 0),
        "drifted": len(drift["jobs"]),
        "held": len(sync.get("held", [])),
        "invalid": sync.get("problem_count", 0),
    }
    yield "jobs", ", ".join(f"{count} {label}" for label, count in counts.items())
    if drift["jobs"]:
        yield "", f"lines changed by hand were healed at {drift['at']}"
    for number, one in enumerate(sync.get("left") or []):
        yield "left as it is" if number == 0 else "", f"{one['job_id']}: {one['what']}"
    for number, warning in enumerate(sync.get("warnings", [])):
        yield "warnings" if number == 0 else "", warning


def _coming(facts: Mapping[str, Any], now: datetime) -> str:
    if not facts["next_sync_at"]:
        return ""
    seconds = round((datetime.fromisoformat(facts["next_sync_at"]) - now).total_seconds())
    return f", the next within {seconds} s" if seconds > 0 else ", the next is due"


def _discovery_rows(discovery: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if count := discovery.get("count"):
        yield "of others", f"{count} jobs beside ours; see `crontopus-agent discover`"
    for problem in discovery.get("problems", []):
        yield "", problem


def _age(moment: str | None, now: datetime) -> str:
    if not moment:
        return "never"
    seconds = max(0, round((now - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
