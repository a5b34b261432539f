"""Run the local forge: python -m infra.local.forge --data DIR --port N --admin-user NAME --admin-password-file FILE."""

import argparse
import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

from infra.local.forge import accounts
from infra.local.forge.app import App
from infra.local.forge.database import Database
from infra.local.forge.deliveries import Deliveries
from infra.local.forge.server import Server
from infra.local.forge.state import Forge
from infra.local.forge.storage import Storage

STOP_TIMEOUT_S = 10


def main() -> None:
    args = _arguments()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    args.data.mkdir(parents=True, exist_ok=True)
    with (args.data / "lock").open("w") as lock:
        _claim(lock)
        db = Database(args.data / "forge.sqlite3")
        _ensure_admin(db, args.admin_user, args.admin_password_file.read_text().strip())
        _serve(args, db)
        db.close()


def _serve(args: argparse.Namespace, db: Database) -> None:
    # The port is known only once it is bound, and the address is part of the answers.
    server = Server(args.port, lambda request: app(request))
    address = f"http://127.0.0.1:{server.server_port}"
    deliveries = Deliveries(db)
    app = App(Forge((args.url or address).rstrip("/"), db, Storage(args.data), deliveries))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"forge ready on {address}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.drain(STOP_TIMEOUT_S)
    server.server_close()
    deliveries.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.forge", description="A local stand-in for Forgejo v15.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds everything")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--url", help="address that clients use, if it is another one")
    parser.add_argument("--admin-user", required=True)
    parser.add_argument("--admin-password-file", type=Path, required=True)
    return parser.parse_args()


def _claim(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"another forge works on {Path(lock.name).parent}; stop it first")


def _ensure_admin(db: Database, login: str, password: str) -> None:
    if accounts.find_account(db, login) is None:
        accounts.create_user(db, login, f"{login}@localhost", password, is_admin=True)
    else:
        accounts.set_password(db, login, password)


if __name__ == "__main__":
    main()
