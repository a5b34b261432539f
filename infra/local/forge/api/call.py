"""One API call: who calls, with what, on what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.forge import access
from infra.local.forge.access import Caller
from infra.local.forge.accounts import Account, find_account
from infra.local.forge.repositories import Level, Repository, find_repository
from infra.local.forge.state import Forge
from infra.local.forge.web import Refused, Request, json_body

NOT_FOUND = "The target couldn't be found."
_NEEDED = {
    Level.WRITE: "user should have a permission to write to this branch",
    Level.ADMIN: "user should be an owner or a collaborator with admin write of a repository",
    Level.OWNER: "user should be the owner of the repo",
}


@dataclass(frozen=True, slots=True)
class Call:
    """args: the named parts of the path, decoded."""

    forge: Forge
    request: Request
    caller: Caller
    args: Mapping[str, str]

    def body(self) -> dict[str, Any]:
        return json_body(self.request)

    def repository(self, need: Level = Level.READ) -> Repository:
        """Return the repository of the path. Raise Refused: 404 for who may not know it, 403 for who may not do this."""
        found = find_repository(self.forge.db, self.args["owner"], self.args["repo"])
        level = access.level(self.forge.db, self.caller, found) if found else Level.NONE
        if found is None or level < Level.READ:
            raise Refused(404, NOT_FOUND)
        if need > Level.READ:
            self.caller.known()
        if level < need:
            raise Refused(403, _NEEDED[need])
        if need == Level.WRITE and found.is_archived:
            raise Refused(423, f"repository {found.full_name} is archived")
        return found

    def level(self, repository: Repository) -> Level:
        return access.level(self.forge.db, self.caller, repository)

    def site_admin(self) -> Account:
        """Return the caller. Raise Refused (403) unless it is a site admin."""
        account = self.caller.known()
        if not account.is_admin:
            raise Refused(403, "user should be the site admin")
        return account

    def named_user(self) -> Account:
        """Return the user of the path. Raise Refused (404)."""
        account = find_account(self.forge.db, self.args["user"])
        if account is None or account.kind != "user":
            raise Refused(404, NOT_FOUND)
        return account


def text_field(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a text of the body. Raise Refused (422) if something else is there."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Refused(422, f"[{name}]: must be text")
    return value


def needed_field(body: Mapping[str, Any], name: str) -> str:
    value = text_field(body, name)
    if not value:
        raise Refused(422, f"[{name}]: Required")
    return value


def flag_field(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Refused(422, f"[{name}]: must be true or false")
    return value
