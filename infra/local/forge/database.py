"""Accounts, tokens, repositories and hooks in one SQLite file; a commit is on disk before it is answered."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'organization')),
    email TEXT UNIQUE COLLATE NOCASE,
    full_name TEXT NOT NULL DEFAULT '',
    password BLOB,
    visibility TEXT NOT NULL DEFAULT 'public',
    is_admin INTEGER NOT NULL DEFAULT 0,
    is_restricted INTEGER NOT NULL DEFAULT 0,
    is_active INTEGER NOT NULL DEFAULT 1,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    prohibit_login INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS owners (
    organization_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    PRIMARY KEY (organization_id, account_id)
);
CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL REFERENCES accounts,
    name TEXT NOT NULL COLLATE NOCASE,
    description TEXT NOT NULL DEFAULT '',
    is_private INTEGER NOT NULL,
    is_archived INTEGER NOT NULL DEFAULT 0,
    default_branch TEXT NOT NULL,
    units TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    UNIQUE (owner_id, name)
);
CREATE TABLE IF NOT EXISTS collaborators (
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    level INTEGER NOT NULL,
    PRIMARY KEY (repository_id, account_id)
);
CREATE TABLE IF NOT EXISTS tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    last_eight TEXT NOT NULL,
    scopes TEXT NOT NULL,
    is_limited INTEGER NOT NULL,
    UNIQUE (account_id, name)
);
CREATE TABLE IF NOT EXISTS token_repositories (
    token_id INTEGER NOT NULL REFERENCES tokens ON DELETE CASCADE,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    PRIMARY KEY (token_id, repository_id)
);
CREATE TABLE IF NOT EXISTS hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    branch_filter TEXT NOT NULL,
    authorization TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS statuses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    sha TEXT NOT NULL,
    state TEXT NOT NULL,
    context TEXT NOT NULL,
    description TEXT NOT NULL,
    target_url TEXT NOT NULL,
    created_at TEXT NOT NULL
);
"""


class Database:
    """One connection behind one lock: a local forge has no load that would ask for more."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA)

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def write(self, sql: str, *values: object) -> int:
        """Run one statement. Return the id of the row it inserted. Raise sqlite3.IntegrityError."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one: all or none. Other threads wait."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
