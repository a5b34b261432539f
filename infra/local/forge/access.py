"""Who is calling, and which of the token's limits apply."""

import base64
import binascii
from dataclasses import dataclass
from typing import NoReturn

from infra.local.forge import accounts
from infra.local.forge.accounts import Account, Token
from infra.local.forge.database import Database
from infra.local.forge.repositories import Level, Repository, level_of
from infra.local.forge.web import Refused, Request

CHALLENGE = (("WWW-Authenticate", 'Basic realm="Forgejo"'),)
_TOKEN_REFUSED = "invalid username, password or token"


@dataclass(frozen=True, slots=True)
class Caller:
    """account None: nobody said who they are. token None: a password, which has no scopes."""

    account: Account | None = None
    token: Token | None = None

    @property
    def has_password(self) -> bool:
        return self.account is not None and self.token is None

    def known(self) -> Account:
        """Return the account. Raise Refused (401) for a stranger."""
        if self.account is None:
            raise Refused(401, "token is required", headers=CHALLENGE)
        return self.account


def identify(db: Database, request: Request) -> Caller:
    """Return the caller of a request. Raise Refused (401) if a credential was sent that is not in force."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return Caller()
    if kind.lower() in ("token", "bearer"):
        return _by_token(db, value.strip()) or _refuse()
    if kind.lower() != "basic":
        return Caller()
    login, password = _basic(value)
    is_login_a_token = password in ("", "x-oauth-basic")
    caller = _by_token(db, login if is_login_a_token else password)
    if caller:
        return caller
    account = accounts.find_account(db, login)
    if account is None or account.kind != "user" or not accounts.has_password(db, account, password):
        _refuse()
    return Caller(account)


def require_scope(caller: Caller, category: str, *, write: bool) -> None:
    """Raise Refused (403) if the caller's token lacks the scope; write implies read, a password may do all."""
    if caller.token is None:
        return
    wanted = f"{'write' if write else 'read'}:{category}"
    accepted = {"all", wanted, f"write:{category}"}
    if not accepted & set(caller.token.scopes):
        raise Refused(403, f"token does not have at least one of required scope(s): [{wanted}]")


def is_beyond_token(caller: Caller, repository: Repository) -> bool:
    """Tell whether the token's own limits keep it out of this repository, whatever its owner may do."""
    if caller.token is None:
        return False
    if repository.is_private and "public-only" in caller.token.scopes:
        return True
    return repository.is_private and caller.token.repositories is not None and repository.id not in caller.token.repositories


def level(db: Database, caller: Caller, repository: Repository) -> Level:
    if is_beyond_token(caller, repository):
        return Level.NONE
    return level_of(db, caller.account, repository)


def _by_token(db: Database, secret: str) -> Caller | None:
    token = accounts.find_token(db, secret) if secret else None
    return Caller(accounts.account_by_id(db, token.account_id), token) if token else None


def _basic(value: str) -> tuple[str, str]:
    try:
        login, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(401, _TOKEN_REFUSED, headers=CHALLENGE) from None
    return login, password


def _refuse() -> NoReturn:
    raise Refused(401, _TOKEN_REFUSED, headers=CHALLENGE)
