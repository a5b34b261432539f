"""Webhooks of a repository over the API."""

from urllib.parse import urlsplit

from infra.local.forge.accounts import now_text
from infra.local.forge.api.call import NOT_FOUND, Call, flag_field, text_field
from infra.local.forge.repositories import Level
from infra.local.forge.web import Refused, Response, json_response


def create(call: Call) -> Response:
    one, body = call.repository(Level.ADMIN), call.body()
    config = body.get("config")
    if body.get("type") not in ("forgejo", "gitea", "gogs") or not isinstance(config, dict):
        raise Refused(422, f"Invalid hook type: {body.get('type')}")
    if config.get("content_type") != "json":
        raise Refused(422, "Invalid content type")
    url = text_field(config, "url")
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused(422, "Invalid url")
    if body.get("events") not in (None, [], ["push"]):
        raise Refused(422, "the local forge sends push events only")
    made = call.forge.db.write(
        "INSERT INTO hooks (repository_id, url, secret, branch_filter, authorization, is_active, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        one.id,
        url,
        text_field(config, "secret"),
        text_field(body, "branch_filter", "*") or "*",
        text_field(body, "authorization_header"),
        flag_field(body, "active", default=False),
        now_text(),
    )
    return json_response(201, next(shown for shown in _shown(call, one.id) if shown["id"] == made))


def list_all(call: Call) -> Response:
    return json_response(200, _shown(call, call.repository(Level.ADMIN).id))


def delete(call: Call) -> Response:
    one, hook_id = call.repository(Level.ADMIN), call.args["hook"]
    if not any(str(shown["id"]) == hook_id for shown in _shown(call, one.id)):
        raise Refused(404, NOT_FOUND)
    call.forge.db.write("DELETE FROM hooks WHERE id = ?", int(hook_id))
    return Response(204)


def _shown(call: Call, repository_id: int) -> list[dict[str, object]]:
    """Return the hooks without what is secret in them."""
    return [
        {
            "id": row["id"],
            "type": "forgejo",
            "config": {"url": row["url"], "content_type": "json"},
            "events": ["push"],
            "branch_filter": row["branch_filter"],
            "active": bool(row["is_active"]),
            "created_at": row["created_at"],
        }
        for row in call.forge.db.rows("SELECT * FROM hooks WHERE repository_id = ? ORDER BY id", repository_id)
    ]
