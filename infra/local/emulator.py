"""The embedded AWS: start ministack so that it survives kill -9, and put the front door before it.

Runs in an environment of its own (requirements-emulator.txt), started by infra.local.services:
`python -m infra.local.emulator --folder F --aws-port N --front-port N --log F`.
What is touched of ministack's inside is all here, holds for one exact version and has a test each in
tests/functional/test_emulator.py. Why: docs/adr/0002-embedded-aws.md.
"""

import argparse
import asyncio
import copy
import fcntl
import importlib.metadata
import json
import logging
import logging.handlers
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.local.checkpoints import Checkpoints
from infra.local.frontdoor import FrontDoor, Receive, Scope, Send
from infra.local.names import FRONT_DOMAIN, HOST
from infra.local.snapshots import Snapshots

MINISTACK_VERSION = "1.5.33"
_LOCK_TIMEOUT_S = 5.0
_QUIET_PATH = "/_ministack/health"

_functions_log = logging.getLogger("crontopus.functions")


def main() -> None:
    arguments = _parse_arguments()
    check_version(importlib.metadata.version("ministack"))
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    _set_environment(folder, arguments.aws_port)
    for stale in (folder / "tmp").glob("ministack-lambda-*"):
        shutil.rmtree(stale, ignore_errors=True)
    _log_functions_to(arguments.functions_log)
    snapshots = Snapshots(folder / "state" / "snapshots")
    emulator = Emulator(snapshots, lock, arguments.front_port, arguments.checkpoint_every_s, arguments.releases)
    asyncio.run(emulator.serve([f"{HOST}:{arguments.aws_port}", f"{HOST}:{arguments.front_port}"]))


def check_version(installed: str) -> None:
    """Leave the process unless this is the version whose inside is known here."""
    if installed != MINISTACK_VERSION:
        sys.exit(f"this launcher knows ministack {MINISTACK_VERSION}, installed is {installed}")


class Emulator:
    """ministack with checkpoints, working streams after a restart, echoed function output and a front door."""

    def __init__(
        self, snapshots: Snapshots, lock: int, front_port: int, checkpoint_every_s: float, releases: Path | None = None
    ) -> None:
        # ministack reads its environment when imported.
        from ministack import app
        from ministack.core import iam_actions, persistence
        from ministack.services import apigateway_v1, lambda_svc

        self._app = app
        self._persistence = persistence
        self._lambda = lambda_svc
        self._snapshots = snapshots
        self._checkpoints = Checkpoints(self._write_snapshot, lock)
        self._checkpoint_every_s = checkpoint_every_s
        self._front_port = front_port
        self._front_door = FrontDoor(app.app, lambda: _find_api(apigateway_v1), releases)
        newest = snapshots.newest()
        persistence.STATE_DIR = str(newest or "/nonexistent")
        app.save_all = lambda _: self._checkpoints.finish()
        lambda_svc._emit_lambda_logs = _echo
        # On AWS, sending is allowed for the identity that is sent from; here it would be for everything or nothing.
        iam_actions._SES_V2_RESOURCES["outbound-emails"] = ("identity", "FromEmailAddress")
        _answer_failures_as_the_gateway(apigateway_v1)
        lambda_svc._execute_function = _heeding_failed_items(lambda_svc._execute_function)

    async def serve(self, addresses: list[str]) -> None:
        """Serve until TERM or INT, then write the last snapshot."""
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = addresses
        config.keep_alive_timeout = 75
        config.loglevel = "WARNING"
        await serve(self, config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope.get("path") != _QUIET_PATH:
            self._checkpoints.mark_changed()
        is_front = (scope.get("server") or ("", 0))[1] == self._front_port
        await (self._front_door if is_front else self._app.app)(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        ticking: list[asyncio.Task[None]] = []

        async def on_event(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._rewind_streams()
                ticking.append(asyncio.create_task(self._checkpoints.run(self._checkpoint_every_s)))
            await send(message)

        async def next_event() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                for task in ticking:
                    task.cancel()
            return message

        await self._app.app(scope, next_event, on_event)

    def _rewind_streams(self) -> None:
        # A position counts records that were not saved: left alone, the source waits for as many new ones, in silence.
        positions = self._lambda._dynamodb_stream_positions._data
        for key in positions:
            positions[key] = 0

    def _write_snapshot(self) -> None:
        """Write everything the loaded services hold. Only for a forked child, where nothing else runs."""
        # Copies of what cannot change any more are work for nothing.
        copy.deepcopy = lambda x, memo=None, _nil=None: x
        prune_blobs = self._lambda._prune_orphan_code_blobs
        referenced: list[set[str]] = []
        self._lambda._prune_orphan_code_blobs = referenced.append
        self._snapshots.write(self._files())
        # Not before the snapshot stands: the one before may need what this one does not.
        for names in referenced:
            prune_blobs(names)

    def _files(self) -> Iterator[tuple[str, str]]:
        for service, get_state in self._app._build_persistence_save_dict().items():
            state = get_state()
            if state is not None:
                document = {"__ministack_format__": self._persistence._state_format_version(service), "payload": state}
                yield f"{service}.json", json.dumps(document, default=self._persistence._json_default)


def _find_api(apigateway: Any) -> tuple[str, str] | None:
    found = apigateway.resolve_base_path_mapping(FRONT_DOMAIN, "/")
    return (found[0], found[1]) if found else None


def _answer_failures_as_the_gateway(apigateway: Any) -> None:
    """Let a function that fails, hangs or is too busy be answered by the stage's gateway responses, as on AWS.

    ministack answers these itself, with words of its own, and a busy function with 429.
    """
    invoke, shape = apigateway._invoke_lambda_proxy_v1, apigateway._lambda_proxy_response

    def shaped(result: dict[str, Any]) -> tuple[Any, str | None]:
        return (None, "too busy") if result.get("throttle") else shape(result)

    async def invoked(*arguments: Any, **more: Any) -> Any:
        answer = await invoke(*arguments, **more)
        # What a function answers has more headers than this.
        if not isinstance(answer, tuple) or answer[0] != 502 or set(answer[1]) != {"Content-Type"}:
            return answer
        kind = "INTEGRATION_TIMEOUT" if b"timed out" in answer[2] else "DEFAULT_5XX"
        return apigateway._gw_error(kind, "Internal server error")

    apigateway._lambda_proxy_response = shaped
    apigateway._invoke_lambda_proxy_v1 = invoked


def _echo(func: dict[str, Any], request_id: str, log_text: str, *_: object, **__: object) -> None:
    """Write a function's output to the functions' log, in place of the emulator's CloudWatch Logs, which only grow."""
    name = (func.get("config") or func).get("FunctionName", "unknown")
    for line in log_text.splitlines():
        _functions_log.info("%s %s", name, line)


def _heeding_failed_items(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Call a stream's batch failed in which items did: the emulator would go on behind them. It gives it again as a whole."""

    def run(func: dict[str, Any], event: dict[str, Any], *more: object, **named: object) -> dict[str, Any]:
        result = execute(func, event, *more, **named)
        records = event.get("Records") if isinstance(event, dict) else None
        if not records or records[0].get("eventSource") != "aws:dynamodb" or not _failed_items(result.get("body")):
            return result
        return {**result, "error": True, "body": {"errorType": "BatchItemFailures", "errorMessage": "items failed"}}

    return run


def _failed_items(body: object) -> object:
    try:
        answer = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return None
    return answer.get("batchItemFailures") if isinstance(answer, dict) else None


def _log_functions_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    _functions_log.addHandler(handler)
    _functions_log.setLevel(logging.INFO)
    _functions_log.propagate = False


def _lock(folder: Path) -> int:
    """Lock the folder for this process and return the lock's descriptor. Leave the process if another one keeps it.

    A checkpoint whose launcher was killed ends by itself and is waited for.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"another emulator works on {folder}; stop that one first")
            time.sleep(0.05)
        else:
            return descriptor


def _set_environment(folder: Path, aws_port: int) -> None:
    for name in ("state", "s3", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(aws_port),
        BIND_HOST=HOST,
        AUTH="true",
        PERSIST_STATE="1",
        STATE_DIR=str(folder / "state"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(folder / "s3"),
        TMPDIR=str(folder / "tmp"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL="WARNING",
    )
    logging.getLogger("samtranslator").setLevel(logging.ERROR)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The embedded AWS of the local stack.")
    parser.add_argument("--folder", type=Path, required=True, help="where its state lives")
    parser.add_argument("--aws-port", type=int, required=True, help="the AWS API, for the deployer and the functions")
    parser.add_argument("--front-port", type=int, required=True, help="the application's own address")
    parser.add_argument("--checkpoint-every-s", type=float, default=10.0, help="how much a kill may cost at most")
    parser.add_argument("--functions-log", type=Path, required=True, help="what the functions print")
    parser.add_argument("--releases", type=Path, help="the agent's releases, which the front door serves")
    return parser.parse_args()


if __name__ == "__main__":
    main()
