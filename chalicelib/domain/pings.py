"""Pings: what a URL asks for, and what a ping changes. Same rules as the pinging API of healthchecks (docs/ping.md)."""

import codecs
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from chalicelib.domain import checks, ids
from chalicelib.domain.checks import Check, Start, State
from chalicelib.domain.errors import Malformed
from chalicelib.domain.runs import Run, RunStatus

ENDPOINT_ID = "ping"
# What is asked for, and what it is kept as: `ign` is a ping that the check is told to ignore.
Signal = Literal["success", "start", "fail", "log"]
Kind = Literal["success", "start", "fail", "log", "ign"]
ENDINGS: dict[str, Signal] = {"start": "start", "fail": "fail", "log": "log"}

MAX_EXIT_CODE = 255
# Runs that have begun and may still end, for clients that run several at once; the oldest are forgotten, not their entries.
MAX_STARTS = 8
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of a ping says: either job_id, or ping_key and slug. exit_code: None unless it says one."""

    signal: Signal
    job_id: str | None = None
    ping_key: str | None = None
    slug: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """One request. rid: which run of its job it is about, lower case, None if it does not say. run_id: new, made for it."""

    signal: Signal
    at: datetime
    run_id: str
    method: str
    rid: str | None = None
    exit_code: int | None = None
    scheme: str = "https"
    remote_addr: str = ""
    user_agent: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """What one ping leads to. number: how many there were with it. run: what it says about a run, None if nothing."""

    kind: Kind
    state: State
    number: int
    duration_ms: int | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A ping as it is kept. body: None where there was none, or where it is the output of the run `run_id`."""

    number: int
    kind: Kind
    at: datetime
    method: str
    scheme: str
    remote_addr: str
    user_agent: str
    rid: str | None
    duration_ms: int | None
    run_id: str | None
    body: bytes | None
    has_body: bool


def address_of(parts: Sequence[str]) -> Address:
    """Return what the parts of a path after /ping/ ask for. Raise Malformed if they are no ping."""
    first, *rest = parts
    if _UUID.fullmatch(first) and (not rest or (len(rest) == 1 and _is_ending(rest[0]))):
        signal, exit_code = _ending(rest)
        return Address(signal, job_id=first.lower(), exit_code=exit_code)
    if len(rest) not in (1, 2):
        raise Malformed("invalid url format")
    signal, exit_code = _ending(rest[1:])
    return Address(signal, ping_key=first, slug=rest[0], exit_code=exit_code)


def _is_ending(part: str) -> bool:
    return part in ENDINGS or bool(re.fullmatch("[0-9]+", part))


def _ending(parts: Sequence[str]) -> tuple[Signal, int | None]:
    if not parts:
        return "success", None
    if parts[0] in ENDINGS:
        return ENDINGS[parts[0]], None
    if not re.fullmatch("[0-9]{1,9}", parts[0]) or int(parts[0]) > MAX_EXIT_CODE:
        raise Malformed("invalid url format")
    return ("fail" if int(parts[0]) else "success"), int(parts[0])


def rid_of(text: str | None) -> str | None:
    """Return the run's id that a client gave, in lower case. Raise Malformed if it is no UUID."""
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError as e:
        raise Malformed("invalid uuid format") from e


def take(check: Check, ping: Ping) -> Step:
    """Return what a ping changes about a check."""
    kind = _kind(check, ping)
    number = check.state.count + 1
    if kind in ("log", "ign"):
        return Step(kind, replace(check.state, count=number), number)
    if kind == "start":
        start = Start(ping.run_id, ping.rid)
        starts = (*(known for known in check.state.starts if known.rid != ping.rid), start)[-MAX_STARTS:]
        state = replace(check.state, count=number, open=start, starts=starts)
        return Step(kind, state, number, run=_run(check, ping, start, "running", None))
    return _end(check, ping, "fail" if kind == "fail" else "success", number)


def _kind(check: Check, ping: Ping) -> Kind:
    if check.definition.is_post_only and ping.method != "POST":
        return "ign"
    if check.is_paused and check.definition.is_resumed_by_hand:
        return "ign"
    return ping.signal


def _end(check: Check, ping: Ping, kind: Literal["success", "fail"], number: int) -> Step:
    before, opened = check.state, check.state.open
    is_its_end = opened is not None and opened.rid == ping.rid
    duration_ms = _millis(opened, ping.at) if opened and is_its_end else None
    is_closed = is_its_end or kind == "fail" or ping.rid is None
    ended = next((start for start in before.starts if start.rid == ping.rid), opened if is_closed else None)
    state = State(
        count=number,
        last_ping_at=ping.at,
        result="down" if kind == "fail" else "up",
        last_duration_ms=duration_ms,
        open=None if is_closed else opened,
        starts=tuple(start for start in before.starts if start != ended),
        flips=checks.flips_after(check, ping.at, is_up=kind == "success"),
        is_resumed=before.is_resumed or check.is_paused,
    )
    status: RunStatus = "success" if kind == "success" else "failure"
    run = _run(check, ping, ended or Start(ping.run_id, ping.rid), status, duration_ms)
    return Step(kind, state, number, duration_ms, run)


def _millis(start: Start, at: datetime) -> int:
    return max(0, round((at - start.at).total_seconds() * 1000))


def _run(check: Check, ping: Ping, start: Start, status: RunStatus, duration_ms: int | None) -> Run:
    definition = check.definition
    is_over = status != "running"
    kept = _kept_bytes(check, ping) if is_over else b""
    return Run(
        tenant_id=definition.tenant_id,
        run_id=start.run_id,
        job_id=definition.job_id,
        job_name=definition.name,
        namespace=definition.namespace,
        endpoint_id=ENDPOINT_ID,
        status=status,
        started_at=min(start.at, ping.at),
        finished_at=ping.at if is_over else None,
        duration_ms=duration_ms,
        exit_code=ping.exit_code if is_over else None,
        signal=None,
        output=text_of(kept, is_cut=len(kept) < len(ping.body)) if kept else None,
        output_bytes=len(ping.body) if is_over else 0,
        output_truncated=is_over and len(kept) < len(ping.body),
        commit=None,
        reported_at=ping.at,
        received_at=ping.at,
    )


def _kept_bytes(check: Check, ping: Ping) -> bytes:
    return ping.body[: check.definition.keep_bytes]


def text_of(body: bytes, *, is_cut: bool = False) -> str:
    """Return the text that bytes stand for; what is no UTF-8 becomes U+FFFD. is_cut: a character may lack its end."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body, final=not is_cut)


def kept(check: Check, ping: Ping, step: Step) -> Kept:
    """Return what is kept of a ping. A body that is a run's output, character by character, is not kept twice."""
    body = _kept_bytes(check, ping)
    is_output = step.run is not None and step.run.output is not None and step.run.output.encode() == body
    return Kept(
        number=step.number,
        kind=step.kind,
        at=ping.at,
        method=ping.method,
        scheme=ping.scheme,
        remote_addr=ping.remote_addr,
        user_agent=ping.user_agent,
        rid=ping.rid,
        duration_ms=step.duration_ms,
        run_id=step.run.run_id if step.run else None,
        body=body if body and not is_output else None,
        has_body=bool(body),
    )


def new_run_id(now: datetime, random: bytes) -> str:
    """Return the id of a run that a ping at this moment tells of. random: 10 bytes."""
    return ids.uuid7_from(now.astimezone(UTC), random)
