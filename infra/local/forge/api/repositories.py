"""Repositories, collaborators and commit statuses over the API."""

from infra.local.forge import accounts, commits, objects, shapes
from infra.local.forge.accounts import Account, now_text
from infra.local.forge.api.call import NOT_FOUND, Call, flag_field, needed_field, text_field
from infra.local.forge.api.contents import draft
from infra.local.forge.repositories import (
    Level,
    Repository,
    check_name,
    edit_repository,
    enter_repository,
    find_repository,
    list_repositories,
    set_collaborator,
)
from infra.local.forge.web import Refused, Response, json_response, whole

PAGE = 30
MAX_PAGE = 50
_STATES = frozenset({"pending", "success", "error", "failure", "warning"})


def create_in_organization(call: Call) -> Response:
    caller, db = call.caller.known(), call.forge.db
    owner = accounts.find_account(db, call.args["org"])
    if owner is None or owner.kind != "organization":
        raise Refused(404, NOT_FOUND)
    sql = "SELECT 1 FROM owners WHERE organization_id = ? AND account_id = ?"
    if not caller.is_admin and db.row(sql, owner.id, caller.id) is None:
        raise Refused(403, "Given user is not allowed to create repository in organization.")
    return _create(call, owner)


def create_for_caller(call: Call) -> Response:
    return _create(call, call.caller.known())


def create_for_user(call: Call) -> Response:
    call.site_admin()
    return _create(call, call.named_user())


def get(call: Call) -> Response:
    return json_response(200, _shape(call, call.repository()))


def search(call: Call) -> Response:
    """Answer the repositories the caller may see whose name holds `q`, by name or, the last changed first, by `updated`."""
    query, forge = call.request.query, call.forge
    page, limit = whole(query.get("page"), 1, 1_000_000), whole(query.get("limit"), PAGE, MAX_PAGE)
    wanted = query.get("q", "").lower()
    found = [one for one in list_repositories(forge.db) if wanted in one.name.lower() and call.level(one) >= Level.READ]
    found.sort(key=lambda one: one.name)
    if query.get("sort") == "updated":
        found.sort(key=forge.storage.changed_at, reverse=query.get("order") == "desc")
    shown = [_shape(call, one) for one in found[(page - 1) * limit : page * limit]]
    answer = json_response(200, {"ok": True, "data": shown})
    return Response(200, answer.body, (*answer.headers, ("X-Total-Count", str(len(found)))))


def edit(call: Call) -> Response:
    one, body = call.repository(Level.ADMIN), call.body()
    units = {name: flag_field(body, name, default=True) for name in body if name.startswith("has_")}
    columns: dict[str, object] = {}
    if "private" in body:
        columns["is_private"] = flag_field(body, "private", default=True)
    if "archived" in body:
        columns["is_archived"] = flag_field(body, "archived", default=False)
    if "description" in body:
        columns["description"] = text_field(body, "description")
    branch = text_field(body, "default_branch")
    if branch:
        with call.forge.storage.open(one) as repo:
            if objects.tip(repo, branch) is None:
                raise Refused(422, f"branch does not exist [name: {branch}]")
        call.forge.storage.set_head(one, branch)
        columns["default_branch"] = branch
    edit_repository(call.forge.db, one, units=units, **columns)
    return json_response(200, _shape(call, call.repository()))


def delete(call: Call) -> Response:
    """Remove a repository. A token needs a scope for its owner too, since v15."""
    one = call.repository(Level.OWNER)
    token = call.caller.token
    wanted = "write:organization" if one.owner_kind == "organization" else "write:user"
    if token and not {"all", wanted} & set(token.scopes):
        raise Refused(403, f"token does not have at least one of required scope(s): [{wanted}]")
    call.forge.db.write("DELETE FROM repositories WHERE id = ?", one.id)
    call.forge.storage.delete(one)
    return Response(204)


def put_collaborator(call: Call) -> Response:
    one, body = call.repository(Level.ADMIN), call.body()
    user = accounts.find_account(call.forge.db, call.args["user"])
    if user is None or user.kind != "user":
        raise Refused(422, f"user does not exist [name: {call.args['user']}]")
    if not user.is_active:
        raise Refused(500, "the account is not active")
    levels = {"read": Level.READ, "write": Level.WRITE, "admin": Level.ADMIN}
    set_collaborator(call.forge.db, one, user, levels.get(text_field(body, "permission", "write"), Level.WRITE))
    return Response(204)


def post_status(call: Call) -> Response:
    one, body, sha = call.repository(Level.WRITE), call.body(), call.args["sha"]
    state = needed_field(body, "state")
    if state not in _STATES:
        raise Refused(400, f"unknown state {state!r}")
    with call.forge.storage.open(one) as repo:
        if objects.resolve(repo, sha) is None:
            raise Refused(404, NOT_FOUND)
    texts = {name: text_field(body, name) for name in ("context", "description", "target_url")}
    sql = (
        "INSERT INTO statuses (repository_id, sha, state, context, description, target_url, created_at) VALUES (?,?,?,?,?,?,?)"
    )
    made = call.forge.db.write(sql, one.id, sha, state, *texts.values(), now_text())
    return json_response(201, {"id": made, "status": state, **texts})


def list_statuses(call: Call) -> Response:
    one = call.repository(Level.READ)
    sql = "SELECT * FROM statuses WHERE repository_id = ? AND sha = ? ORDER BY id DESC"
    found = call.forge.db.rows(sql, one.id, call.args["sha"])
    shown = ("id", "context", "description", "target_url", "created_at")
    return json_response(200, [{"status": row["state"], **{name: row[name] for name in shown}} for row in found])


def _create(call: Call, owner: Account) -> Response:
    body, forge = call.body(), call.forge
    name = needed_field(body, "name")
    check_name(name)
    if find_repository(forge.db, owner.login, name):
        raise Refused(409, "The repository with the same name already exists.")
    wanted = Repository(
        id=0,
        owner_id=owner.id,
        owner=owner.login,
        owner_kind=owner.kind,
        name=name,
        description=text_field(body, "description"),
        is_private=flag_field(body, "private", default=False),
        is_archived=False,
        default_branch=text_field(body, "default_branch", "main") or "main",
        units={},
        created_at=now_text(),
    )
    with forge.storage.lock(wanted):
        # The database decides who was first; a folder without an entry is made anew by the next try.
        if find_repository(forge.db, owner.login, name):
            raise Refused(409, "The repository with the same name already exists.")
        forge.storage.create(wanted)
        made = enter_repository(forge.db, wanted)
    if flag_field(body, "auto_init", default=False):
        _first_commit(call, made)
    return json_response(201, _shape(call, made))


def _first_commit(call: Call, one: Repository) -> None:
    readme = commits.Change("create", "README.md", f"# {one.name}\n\n{one.description}".encode(), "", "README.md")
    with call.forge.storage.open(one) as repo:
        made_draft = draft(call, {}, "Initial commit")
        commits.commit(repo, call.forge.storage.lock(one), one.default_branch, [readme], made_draft)


def _shape(call: Call, one: Repository) -> dict[str, object]:
    with call.forge.storage.open(one) as repo:
        empty = objects.is_empty(repo)
    changed_at = call.forge.storage.changed_at(one)
    return shapes.repository(call.forge.url, one, empty=empty, level=call.level(one), changed_at=changed_at)
