"""The running agent: heartbeat, rounds and delivery put together."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat

from agent import audit, driftlog, instances, keyrings, orders, rotation, showing, tls
from agent import build as builds
from agent import spool as spools
from agent import standing as standings
from agent.audit import Kind
from agent.audit_facts import of_config
from agent.client import Api, open_api
from agent.config import Config, load_config
from agent.delivering import Deliveries, spool_of
from agent.discovery import opening
from agent.discovery.memory import Remembered
from agent.fate import Fate
from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.home import Home, locked, make_private, read_secret
from agent.instances import Told
from agent.life import Life, Wishes
from agent.listening import Listener
from agent.loop import Part
from agent.machine import VERSION, here, scheduler_flavour, timezone
from agent.notify import Notifier
from agent.parts import main_parts
from agent.renewing import Renewing
from agent.report import Delivery
from agent.schedulers import alive, flavours
from agent.schedulers.factory import open_scheduler
from agent.showing import Showing
from agent.standing import Standing
from agent.status import StatusBoard, discovery_for_heartbeat, held_for_heartbeat, problems_for_heartbeat
from agent.sync import Sync
from agent.system import system
from agent.tally import Tally
from agent.updating import Updating
from chalicelib.domain.errors import CrontopusError, Forbidden, NotFound, Stalled, Unauthenticated, Unavailable
from chalicelib.domain.times import to_text

log = logging.getLogger(__name__)

_ABANDONED_S = 3600
_START_WAIT_S = 1  # `status` holds the lock for a moment
Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_sync(home: Home, config: Config, environ: Mapping[str, str], uid: int) -> Sync:
    """Return the rounds of this machine."""
    keyrings.settle(home, config, uid)
    theirs = Remembered(home.discovered, config.endpoint_id)
    door = Door(config.git.url, config.git.username, read_secret(home.git_token), trust=config.trust)
    scheduler = open_scheduler(home, config, environ, uid)
    return Sync(
        home,
        endpoint_id=config.endpoint_id,
        tenant_id=config.tenant_id,
        source=GitSource(home.repo, config.git.url, config.git.branch, door),
        scheduler=scheduler,
        edition=VERSION,
        now=utc_now,
        here=lambda: replace(here(home, config, environ, uid, scheduler.around()), theirs=theirs.lines()),
        orders=lambda: orders.load(home, config.endpoint_id, utc_now()),
        policy=config.drift,
    )


class Heartbeat:
    """Says every half minute that this machine lives, and how it is doing.

    remember: hears what the control plane calls this machine. obey: hears what it wants of us, see `orders.hear`.
    trouble: says what else is wrong here.
    """

    def __init__(
        self,
        config: Config,
        api: Api,
        delivery: Delivery | Deliveries,
        board: StatusBoard,
        environ: Mapping[str, str],
        now: Now = utc_now,
        remember: Callable[[Standing], None] = lambda _: None,
        obey: Callable[[object], None] = lambda _: None,
        trouble: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.endpoint_id = config.endpoint_id
        self.api = api
        self.delivery = delivery
        self.board = board
        self.environ = environ
        self.now = now
        self.remember = remember
        self.obey = obey
        self.trouble = trouble
        # Made anew at each start, and never written down: a copy of the machine has another one.
        self.instance_id = secrets.token_hex(16)
        self.flavour = scheduler_flavour(config.crontab, environ)
        is_known = self.flavour is not None and alive.is_known(config.crontab)
        self.cron: Sequence[str] = ()  # what the last look said of the daemon that starts the jobs
        self.watch = alive.Watch(flavours.of(self.flavour) if is_known else None, environ)

    def beat(self) -> None:
        """Send one. Raise Stalled if the control plane does not know this machine any more."""
        now, told = self.now(), self.board.told()
        try:
            answer = self.api.heartbeat(self.endpoint_id, self._body(now, told))
        except (Unauthenticated, Forbidden, NotFound) as e:
            code = "api_refused" if isinstance(e, NotFound) else e.code
            raise Stalled(f"the control plane refuses this machine: {e.message}", code=code) from e
        try:
            state, server_time = str(answer["endpoint"]["state"]), datetime.fromisoformat(answer["server_time"])
        except (KeyError, TypeError, ValueError) as e:
            raise Unavailable(f"the API's answer to a heartbeat cannot be read: {e}", code="api_unavailable") from e
        self.board.heard(now, state, (now - server_time).total_seconds(), answer.get("minimum_version"))
        if standing := standings.read(answer["endpoint"]):
            self.remember(standing)
        self.obey(answer.get("orders"))
        if told is not None and answer.get("instances_wanted") is True:
            self._tell(told)

    def _tell(self, told: tuple[Told, ...]) -> None:
        body = {"digest": instances.digest(told), "instances": [asdict(one) for one in told]}
        try:
            self.api.tell_instances(self.endpoint_id, body)
        except CrontopusError as e:  # the heartbeat got through; the next one is asked for it again
            log.warning("how the jobs stand could not be told", extra={"why": e.message, "code": e.code})

    def _body(self, now: datetime, told: tuple[Told, ...] | None) -> dict[str, object]:
        sync = self.board.part("sync")
        self.cron = self.watch.problems()
        backlog = self.delivery.backlog()
        found = discovery_for_heartbeat(self.board.part("discovery"))
        # What a control plane of before does not know is left out where there is none of it.
        rare = {"held": held_for_heartbeat(sync), "results_lost": backlog.lost}
        return {name: value for name, value in rare.items() if value} | {
            "version": builds.load().version,
            "commit": sync.get("applied"),
            "spool_depth": backlog.depth,
            "oldest_unsent_at": to_text(backlog.oldest_at) if backlog.oldest_at else None,
            "clock_at": to_text(now),
            "timezone": timezone(self.environ),
            "scheduler": self.flavour,
            "problems": problems_for_heartbeat(sync, [*self.cron, *self.delivery.problems(backlog), *found, *self.trouble()]),
            "instances_digest": instances.digest(told) if told is not None else None,
            "instance_id": self.instance_id,
            "boot_id": spools.this_boot(),
        }


def run(
    home: Home,
    config: Config,
    environ: Mapping[str, str],
    wishes: Wishes,
    now: Now = utc_now,
    updating: Updating | Renewing | None = None,
    *,
    heard: Callable[[Config], None] = lambda _: None,
    is_ended_when_stuck: bool = False,
) -> None:
    """Run until somebody wishes it to stop. Raise Unavailable at once if another agent runs in this folder.

    heard: told each configuration that is in force from now on.
    """
    with locked(home.lock, wait_s=_START_WAIT_S) as handle:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"{os.getpid()}\n".encode())
        tally, listener = showing.open_tally(home, time.monotonic), Listener()
        board = StatusBoard(home.status, tally.settled)
        board.started(os.getpid(), VERSION, now())
        kinds = chain[Kind](("started",), repeat("reloaded"))

        def parts_of(config: Config) -> list[Part]:
            parts = _all_parts(home, config, environ, board, now, updating, tally, listener)
            heard(config)
            audit.record(home, next(kinds), {"version": VERSION} | of_config(home), now)
            return parts

        def is_for_good() -> bool:
            return updating is None or not updating.is_restart_wanted

        load = partial(load_config, home, environ)
        life = Life(
            parts_of,
            load,
            board,
            Notifier(environ),
            wishes,
            now,
            is_ended_when_stuck=is_ended_when_stuck,
            is_for_good=is_for_good,
        )
        log.info("started", extra={"version": VERSION})
        life.live(config)
        log.info("stopped")


def _all_parts(
    home: Home,
    config: Config,
    environ: Mapping[str, str],
    board: StatusBoard,
    now: Now,
    updating: Updating | Renewing | None,
    tally: Tally,
    listener: Listener,
) -> list[Part]:
    sync = open_sync(home, config, environ, system.uid())
    prepare(home, sync)
    token = partial(read_secret, home.agent_token)
    token()  # none at all is an error now, not one of each part later
    fate = Fate(home.ended, token)
    delivery = Deliveries(home, config, token, fate.why_silent, tally.saw if config.metrics.is_wanted else None)
    heartbeat = Heartbeat(
        config,
        open_api(config, token),
        delivery,
        board,
        environ,
        now,
        partial(standings.remember, home.standing),
        partial(orders.hear, home, config.endpoint_id),
        updating.problems if updating else tuple,
    )
    parts = main_parts(home, config, board, heartbeat.beat, sync, delivery, fate, now)
    parts.append(_rotation(home, config, now))
    parts.append(_drift(home, config, token))
    parts += opening.parts(home, config, environ, open_api(config, token), board, now, fate.why_silent)
    if updating:
        updating.config = config
        parts.append(updating.part(board, open_api(config, token)))
    shown = Showing(config, board, tally, delivery, now, lambda: heartbeat.cron)
    return [tally.watched(part) for part in (*parts, *showing.parts(shown, listener))]


def prepare(home: Home, sync: Sync) -> None:
    """Put in place what jobs need, and remove what a crash has left half written."""
    for left_over in home.directory.glob(".*"):
        if left_over.is_file() and time.time() - left_over.stat().st_mtime > _ABANDONED_S:
            left_over.unlink(missing_ok=True)
    for folder in (spool_of(home), home.jobs, home.run_job.parent):
        make_private(folder)
    sync.files.install()


def _drift(home: Home, config: Config, token: Callable[[], str]) -> Part:
    api = open_api(config, token)

    def tell() -> None:
        driftlog.send_once(home.drift, partial(api.tell_drift, config.endpoint_id))

    # A failure is in the log; what could not be told stays and is told later.
    return Part("drift", config.intervals.heartbeat_s, tell, lambda error: None)


def _rotation(home: Home, config: Config, now: Now) -> Part:
    def look() -> None:
        if rotation.is_due(home, now()):
            rotation.rotate(home, config.api_url, config.endpoint_id, tls.session(config.trust))

    # A failure is in the log and matters only if the heartbeat fails too, which then tells it.
    return Part("rotation", rotation.LOOK_EVERY_S, look, lambda error: None)
