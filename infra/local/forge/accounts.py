"""Users, organisations and their access tokens."""

import hashlib
import hmac
import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.local.forge.database import Database
from infra.local.forge.web import Refused

MIN_PASSWORD = 8
_LOGIN = re.compile(r"[0-9A-Za-z](?:[-._]?[0-9A-Za-z])*")
_RESERVED = frozenset(["admin", "api", "assets", "explore", "ghost", "issues", "login", "notifications", "org", "repo", "user"])
_CATEGORIES = ["activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user"]
SCOPES = frozenset({f"{level}:{category}" for level in ("read", "write") for category in _CATEGORIES} | {"all", "public-only"})


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    login: str
    kind: str
    email: str
    full_name: str
    visibility: str
    is_admin: bool
    is_restricted: bool
    is_active: bool
    must_change_password: bool
    prohibit_login: bool


@dataclass(frozen=True, slots=True)
class Token:
    """repositories: ids the token is limited to, or None where it is not limited."""

    id: int
    account_id: int
    name: str
    last_eight: str
    scopes: tuple[str, ...]
    repositories: frozenset[int] | None


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find_account(db: Database, login: str) -> Account | None:
    row = db.row("SELECT * FROM accounts WHERE login = ?", login)
    return _account(row) if row else None


def account_by_id(db: Database, account_id: int) -> Account:
    row = db.row("SELECT * FROM accounts WHERE id = ?", account_id)
    if row is None:
        raise Refused(404, "user does not exist")
    return _account(row)


def create_user(db: Database, login: str, email: str, password: str, **flags: object) -> Account:
    """Create a user. flags: further columns of the table. Raise Refused with Forgejo's code and words."""
    _check_login(db, login)
    if len(password) < MIN_PASSWORD:
        raise Refused(400, "PasswordIsRequired" if not password else "password is too short")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise Refused(422, f"e-mail invalid [email: {email}]")
    columns = {"login": login, "email": email, "password": _seal(password), "kind": "user", "created_at": now_text(), **flags}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    try:
        db.write(f"INSERT INTO accounts ({names}) VALUES ({marks})", *columns.values())  # noqa: S608
    except sqlite3.IntegrityError as e:
        if "email" in str(e):
            raise Refused(422, f"e-mail already in use [email: {email}]") from e
        raise Refused(422, f"user already exists [name: {login}]") from e
    return _existing(db, login)


def create_organization(db: Database, login: str, owner: Account, visibility: str) -> Account:
    _check_login(db, login)
    sql = "INSERT INTO accounts (login, kind, visibility, created_at) VALUES (?, 'organization', ?, ?)"
    try:
        with db.transaction():
            organization_id = db.write(sql, login, visibility, now_text())
            db.write("INSERT INTO owners VALUES (?, ?)", organization_id, owner.id)
    except sqlite3.IntegrityError as e:
        raise Refused(422, f"user already exists [name: {login}]") from e
    return _existing(db, login)


def set_password(db: Database, login: str, password: str) -> None:
    db.write("UPDATE accounts SET password = ? WHERE login = ?", _seal(password), login)


def has_password(db: Database, account: Account, password: str) -> bool:
    row = db.row("SELECT password FROM accounts WHERE id = ?", account.id)
    sealed: bytes = row["password"] if row and row["password"] else b""
    return hmac.compare_digest(sealed, _seal(password, sealed[:16] or None))


def create_token(db: Database, account: Account, name: str, scopes: list[str], repositories: frozenset[int] | None) -> str:
    """Return the secret of a new token; only its hash is kept."""
    secret = secrets.token_hex(20)
    try:
        with db.transaction():
            sql = "INSERT INTO tokens (account_id, name, sha256, last_eight, scopes, is_limited) VALUES (?, ?, ?, ?, ?, ?)"
            limited = repositories is not None
            token_id = db.write(sql, account.id, name, _digest(secret), secret[-8:], " ".join(scopes), limited)
            for repository_id in repositories or ():
                db.write("INSERT INTO token_repositories VALUES (?, ?)", token_id, repository_id)
    except sqlite3.IntegrityError as e:
        raise Refused(400, "access token name has been used already") from e
    return secret


def find_token(db: Database, secret: str) -> Token | None:
    row = db.row("SELECT * FROM tokens WHERE sha256 = ?", _digest(secret))
    return _token(db, row) if row else None


def list_tokens(db: Database, account: Account) -> list[Token]:
    return [_token(db, row) for row in db.rows("SELECT * FROM tokens WHERE account_id = ? ORDER BY id", account.id)]


def delete_token(db: Database, token: Token) -> None:
    db.write("DELETE FROM tokens WHERE id = ?", token.id)


def _check_login(db: Database, login: str) -> None:
    if len(login) > 40 or not _LOGIN.fullmatch(login):
        raise Refused(422, f"invalid name [name: {login}]")
    if login.lower() in _RESERVED:
        raise Refused(422, f"name is reserved [name: {login}]")
    if find_account(db, login):
        raise Refused(422, f"user already exists [name: {login}]")


def _existing(db: Database, login: str) -> Account:
    account = find_account(db, login)
    if account is None:
        raise Refused(500)
    return account


def _seal(password: str, salt: bytes | None = None) -> bytes:
    """Return salt and scrypt key: 16 + 32 bytes."""
    salt = salt or secrets.token_bytes(16)
    return salt + hashlib.scrypt(password.encode(), salt=salt, n=4096, r=8, p=1, dklen=32)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _account(row: sqlite3.Row) -> Account:
    return Account(
        id=row["id"],
        login=row["login"],
        kind=row["kind"],
        email=row["email"] or "",
        full_name=row["full_name"],
        visibility=row["visibility"],
        is_admin=bool(row["is_admin"]),
        is_restricted=bool(row["is_restricted"]),
        is_active=bool(row["is_active"]),
        must_change_password=bool(row["must_change_password"]),
        prohibit_login=bool(row["prohibit_login"]),
    )


def _token(db: Database, row: sqlite3.Row) -> Token:
    repositories = None
    if row["is_limited"]:
        found = db.rows("SELECT repository_id FROM token_repositories WHERE token_id = ?", row["id"])
        repositories = frozenset(entry["repository_id"] for entry in found)
    return Token(row["id"], row["account_id"], row["name"], row["last_eight"], tuple(row["scopes"].split()), repositories)
