"""Users, organisations and access tokens over the API."""

from infra.local.forge import accounts, shapes
from infra.local.forge.access import CHALLENGE
from infra.local.forge.accounts import Account, Token
from infra.local.forge.api.call import NOT_FOUND, Call, flag_field, needed_field, text_field
from infra.local.forge.repositories import Level, Repository, find_repository, level_of, list_repositories
from infra.local.forge.web import Refused, Response, json_response


def create_user(call: Call) -> Response:
    call.site_admin()
    body = call.body()
    flags = {
        "full_name": text_field(body, "full_name"),
        "visibility": text_field(body, "visibility", "public") or "public",
        "is_restricted": flag_field(body, "restricted", default=False),
        "must_change_password": flag_field(body, "must_change_password", default=True),
    }
    login, email = needed_field(body, "username"), needed_field(body, "email")
    made = accounts.create_user(call.forge.db, login, email, text_field(body, "password"), **flags)
    return json_response(201, shapes.account(made))


def edit_user(call: Call) -> Response:
    call.site_admin()
    user, body, db = call.named_user(), call.body(), call.forge.db
    if ("source_id" in body) != ("login_name" in body):
        raise Refused(422, "source_id and login_name must be specified together")
    columns = {
        "prohibit_login": "prohibit_login",
        "active": "is_active",
        "admin": "is_admin",
        "restricted": "is_restricted",
        "must_change_password": "must_change_password",
    }
    for name, column in columns.items():
        if name in body:
            value = flag_field(body, name, default=False)
            db.write(f"UPDATE accounts SET {column} = ? WHERE id = ?", value, user.id)  # noqa: S608
    if text_field(body, "password"):
        accounts.set_password(db, user.login, body["password"])
    return json_response(200, shapes.account(accounts.account_by_id(db, user.id)))


def delete_user(call: Call) -> Response:
    """Remove a user. With purge=true what they own goes too; otherwise owning something is in the way."""
    admin, user, db = call.site_admin(), call.named_user(), call.forge.db
    if admin.id == user.id:
        raise Refused(422, "you cannot delete yourself")
    owned = list_repositories(db, user)
    owns_organization = db.row("SELECT 1 FROM owners WHERE account_id = ?", user.id)
    if (owned or owns_organization) and call.request.query.get("purge") != "true":
        raise Refused(422, f"user still has ownership [uid: {user.id}]")
    for repository in owned:
        db.write("DELETE FROM repositories WHERE id = ?", repository.id)
        call.forge.storage.delete(repository)
    db.write("DELETE FROM accounts WHERE id = ?", user.id)
    return Response(204)


def get_user(call: Call) -> Response:
    caller, user = call.caller.account, call.named_user()
    sees_all = caller is not None and (caller.is_admin or caller.id == user.id)
    if not sees_all and user.visibility == "private":
        raise Refused(404, NOT_FOUND)
    shape = shapes.account(user)
    return json_response(200, shape if sees_all else {**shape, "email": f"{user.login}@noreply.localhost"})


def create_organization(call: Call) -> Response:
    owner, body = call.caller.known(), call.body()
    visibility = text_field(body, "visibility", "public") or "public"
    if visibility not in ("public", "limited", "private"):
        raise Refused(422, "[visibility]: In(,public,limited,private)")
    made = accounts.create_organization(call.forge.db, needed_field(body, "username"), owner, visibility)
    return json_response(201, _organization(made))


def get_organization(call: Call) -> Response:
    found = accounts.find_account(call.forge.db, call.args["org"])
    caller = call.caller.account
    if found is None or found.kind != "organization":
        raise Refused(404, NOT_FOUND)
    if found.visibility != "public" and (caller is None or (found.visibility == "private" and not _owns(call, found))):
        raise Refused(404, NOT_FOUND)
    return json_response(200, _organization(found))


def delete_organization(call: Call) -> Response:
    found = accounts.find_account(call.forge.db, call.args["org"])
    if found is None or found.kind != "organization":
        raise Refused(404, NOT_FOUND)
    if not _owns(call, found):
        raise Refused(403, "Must be an organization owner")
    if list_repositories(call.forge.db, found):
        raise Refused(500, "organization still has repositories")
    call.forge.db.write("DELETE FROM accounts WHERE id = ?", found.id)
    return Response(204)


def create_token(call: Call) -> Response:
    """Make a token. Only a password may do so: a token must not breed."""
    user, body, db = _token_owner(call), call.body(), call.forge.db
    name = needed_field(body, "name")
    if any(one.name == name for one in accounts.list_tokens(db, user)):
        raise Refused(400, "access token name has been used already")
    scopes = _scopes(body.get("scopes"))
    limited = _token_repositories(call, body["repositories"], scopes) if body.get("repositories") is not None else None
    ids = None if limited is None else frozenset(one.id for one in limited)
    secret = accounts.create_token(db, user, name, scopes, ids)
    made = next(one for one in accounts.list_tokens(db, user) if one.name == name)
    return json_response(201, shapes.token(made, limited or (), secret))


def list_tokens(call: Call) -> Response:
    user, db = _self_or_admin(call), call.forge.db
    shown = [
        shapes.token(one, [r for r in list_repositories(db) if r.id in (one.repositories or ())]) for one in _tokens(call, user)
    ]
    return json_response(200, shown)


def delete_token(call: Call) -> Response:
    user, wanted = _self_or_admin(call), call.args["token"]
    for one in _tokens(call, user):
        if wanted == (str(one.id) if wanted.isdecimal() else one.name):
            accounts.delete_token(call.forge.db, one)
            return Response(204)
    raise Refused(404, NOT_FOUND)


def _tokens(call: Call, user: Account) -> list[Token]:
    return accounts.list_tokens(call.forge.db, user)


def _organization(made: Account) -> dict[str, object]:
    names = {"id": made.id, "name": made.login, "username": made.login, "full_name": made.full_name}
    return {**names, "visibility": made.visibility}


def _owns(call: Call, organization: Account) -> bool:
    caller = call.caller.account
    sql = "SELECT 1 FROM owners WHERE organization_id = ? AND account_id = ?"
    return caller is not None and (caller.is_admin or call.forge.db.row(sql, organization.id, caller.id) is not None)


def _token_owner(call: Call) -> Account:
    if not call.caller.has_password:
        raise Refused(401, "auth required", headers=CHALLENGE)
    return _self_or_admin(call)


def _self_or_admin(call: Call) -> Account:
    caller, user = call.caller.known(), call.named_user()
    if caller.id != user.id and not caller.is_admin:
        raise Refused(403, "doer should be the site admin or be same as the contextUser")
    return user


def _scopes(wanted: object) -> list[str]:
    if not isinstance(wanted, list) or not wanted:
        raise Refused(400, "access token must have a scope")
    if not all(isinstance(scope, str) and scope in accounts.SCOPES for scope in wanted):
        raise Refused(400, "invalid access token scope provided")
    return sorted(set(wanted))


def _token_repositories(call: Call, wanted: object, scopes: list[str]) -> list[Repository]:
    if not isinstance(wanted, list) or not wanted:
        raise Refused(400, "a repository-specific token needs at least one repository")
    if any(scope.partition(":")[2] not in ("repository", "issue") for scope in scopes):
        raise Refused(400, "a repository-specific token can have repository and issue scopes only")
    found = []
    for target in wanted:
        owner, name = (text_field(target, key) for key in ("owner", "name")) if isinstance(target, dict) else ("", "")
        one = find_repository(call.forge.db, owner, name)
        if one is None or level_of(call.forge.db, call.caller.account, one) < Level.READ:
            raise Refused(400, f"repository {owner}/{name} does not exist")
        found.append(one)
    return found
