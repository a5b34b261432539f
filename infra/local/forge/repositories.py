"""Repositories as the database knows them, and who may do what in them."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from infra.local.forge.accounts import Account
from infra.local.forge.database import Database
from infra.local.forge.web import Refused

_NAME = re.compile(r"[-.\w]{1,100}")
_SELECT = (
    "SELECT repositories.*, accounts.login AS owner, accounts.kind AS owner_kind "
    "FROM repositories JOIN accounts ON accounts.id = repositories.owner_id "
)


class Level(IntEnum):
    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3
    OWNER = 4


@dataclass(frozen=True, slots=True)
class Repository:
    """units: the has_... switches a person may set; we only remember them."""

    id: int
    owner_id: int
    owner: str
    owner_kind: str
    name: str
    description: str
    is_private: bool
    is_archived: bool
    default_branch: str
    units: Mapping[str, bool]
    created_at: str

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


def find_repository(db: Database, owner: str, name: str) -> Repository | None:
    row = db.row(_SELECT + "WHERE accounts.login = ? AND repositories.name = ?", owner, name)
    return _repository(row) if row else None


def list_repositories(db: Database, owner: Account | None = None) -> list[Repository]:
    """Return all repositories, or those of one owner."""
    if owner is None:
        return [_repository(row) for row in db.rows(_SELECT + "ORDER BY repositories.id")]
    return [_repository(row) for row in db.rows(_SELECT + "WHERE owner_id = ? ORDER BY repositories.id", owner.id)]


def check_name(name: str) -> None:
    """Raise Refused (422) unless a repository may have this name."""
    if not _NAME.fullmatch(name) or name in {".", "..", "-"} or name.lower().endswith((".git", ".wiki", ".rss", ".atom")):
        raise Refused(422, f"name is not allowed [name: {name}]")


def enter_repository(db: Database, made: Repository) -> Repository:
    """Enter a new repository. Return it with its id. Raise Refused (409) if the owner has one of this name."""
    sql = (
        "INSERT INTO repositories (owner_id, name, description, is_private, default_branch, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    )
    try:
        made_id = db.write(
            sql, made.owner_id, made.name, made.description, made.is_private, made.default_branch, made.created_at
        )
    except sqlite3.IntegrityError as e:
        raise Refused(409, "The repository with the same name already exists.") from e
    return replace(made, id=made_id)


def edit_repository(db: Database, repository: Repository, *, units: Mapping[str, bool], **columns: object) -> None:
    """Change columns (description, is_private, is_archived, default_branch) and switches."""
    with db.transaction():
        db.write("UPDATE repositories SET units = ? WHERE id = ?", json.dumps({**repository.units, **units}), repository.id)
        for column, value in columns.items():
            db.write(f"UPDATE repositories SET {column} = ? WHERE id = ?", value, repository.id)  # noqa: S608


def set_collaborator(db: Database, repository: Repository, account: Account, level: Level) -> None:
    db.write("INSERT OR REPLACE INTO collaborators VALUES (?, ?, ?)", repository.id, account.id, int(level))


def level_of(db: Database, account: Account | None, repository: Repository) -> Level:
    """Return what the account may do in the repository; None is a stranger."""
    everyone = Level.NONE if repository.is_private else Level.READ
    if account is None:
        return everyone
    if account.is_admin or account.id == repository.owner_id:
        return Level.OWNER
    if db.row("SELECT 1 FROM owners WHERE organization_id = ? AND account_id = ?", repository.owner_id, account.id):
        return Level.OWNER
    row = db.row("SELECT level FROM collaborators WHERE repository_id = ? AND account_id = ?", repository.id, account.id)
    return max(everyone, Level(row["level"])) if row else everyone


def _repository(row: sqlite3.Row) -> Repository:
    texts = ("id", "owner_id", "owner", "owner_kind", "name", "description", "default_branch", "created_at")
    return Repository(
        is_private=bool(row["is_private"]),
        is_archived=bool(row["is_archived"]),
        units=json.loads(row["units"]),
        **{name: row[name] for name in texts},
    )
