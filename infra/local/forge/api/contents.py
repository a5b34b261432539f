"""Files of a repository over the API: read one or list a folder, write one or many."""

import base64
import binascii
import time
from collections.abc import Mapping, Sequence
from typing import Any

from infra.local.forge import commits, objects, shapes
from infra.local.forge.api.call import NOT_FOUND, Call, needed_field, text_field
from infra.local.forge.commits import Change, Draft, Person, Problem, Rejected, clean_path
from infra.local.forge.repositories import Level, Repository
from infra.local.forge.web import Refused, Response, json_response

# Forgejo 15 answers the same problem differently by route; a missing path on a write is not mapped at all there.
_WRITE: Mapping[Problem, int] = {
    "missing": 500,
    "no_sha": 422,
    "other_sha": 409,
    "exists": 422,
    "path": 422,
    "branch": 404,
    "operation": 422,
    "raced": 500,
}
_DELETE: Mapping[Problem, int] = {**_WRITE, "missing": 404, "no_sha": 400, "other_sha": 400, "path": 400}


def get(call: Call) -> Response:
    one = call.repository()
    path, ref = call.args.get("path", ""), call.request.query.get("ref") or one.default_branch
    with call.forge.storage.open(one) as repo:
        if objects.is_empty(repo):
            return json_response(200, [])
        commit = objects.resolve(repo, ref)
        found = objects.find_entry(repo, commit.tree, clean_path(path)) if commit else None
        if found is None:
            raise Refused(404, NOT_FOUND)
        if found.kind != "tree":
            return json_response(200, shapes.entry(call.forge.url, one, found, ref, objects.find_blob(repo, found.sha)))
        prefix = f"{found.path}/" if found.path else ""
        listed = objects.list_entries(repo, found.sha.encode(), prefix, recursive=False)
        return json_response(200, [shapes.entry(call.forge.url, one, entry, ref, None) for entry in listed])


def raw(call: Call) -> Response:
    one = call.repository()
    with call.forge.storage.open(one) as repo:
        commit = objects.resolve(repo, call.request.query.get("ref") or one.default_branch)
        found = objects.find_entry(repo, commit.tree, clean_path(call.args["path"])) if commit else None
        blob = objects.find_blob(repo, found.sha) if found else None
        if blob is None:
            raise Refused(404, NOT_FOUND)
        return Response(200, blob.data, (("Content-Type", "text/plain; charset=utf-8"),))


def post_many(call: Call) -> Response:
    one, body = call.repository(Level.WRITE), call.body()
    files = body.get("files")
    if not isinstance(files, list) or not files or not all(isinstance(file, dict) for file in files):
        raise Refused(422, "[files]: Required")
    changes = [_change(file, needed_field(file, "operation"), needed_field(file, "path")) for file in files]
    written, commit = _write(call, one, body, changes, _WRITE)
    return json_response(201, {"files": written, "commit": commit, "verification": _UNVERIFIED})


def create(call: Call) -> Response:
    return _one(call, "create", _WRITE, 201)


def update(call: Call) -> Response:
    one = call.repository(Level.WRITE)
    with call.forge.storage.open(one) as repo:
        if objects.is_empty(repo):
            raise Refused(422, "repo is empty")
    needed_field(call.body(), "sha")
    return _one(call, "update", _WRITE, 200)


def delete(call: Call) -> Response:
    return _one(call, "delete", _DELETE, 200)


_UNVERIFIED = {"verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "payload": ""}


def draft(call: Call, body: Mapping[str, Any], message: str) -> Draft:
    """Return message, author and committer of a commit; who is not named is the caller."""
    caller = call.caller.known()
    doer = Person(caller.full_name or caller.login, caller.email)
    committer = _person(body.get("committer"), doer)
    return Draft(message, _person(body.get("author"), committer), committer, int(time.time()))


def _one(call: Call, operation: str, codes: Mapping[Problem, int], status: int) -> Response:
    one, body = call.repository(Level.WRITE), call.body()
    written, commit = _write(call, one, body, [_change(body, operation, call.args["path"])], codes)
    return json_response(status, {"content": written[0], "commit": commit, "verification": _UNVERIFIED})


def _write(
    call: Call, one: Repository, body: Mapping[str, Any], changes: Sequence[Change], codes: Mapping[Problem, int]
) -> tuple[list[dict[str, object] | None], dict[str, object]]:
    if text_field(body, "new_branch"):
        raise Refused(422, "the local forge does not open new branches")
    branch = text_field(body, "branch") or one.default_branch
    message = text_field(body, "message") or "\n".join(f"{change.operation.title()} {change.path}" for change in changes)
    with call.forge.storage.open(one) as repo:
        try:
            made = commits.commit(repo, call.forge.storage.lock(one), branch, changes, draft(call, body, message))
        except Rejected as e:
            raise Refused(codes[e.problem], e.message) from e
        old = (made.parents or [b"0" * 40])[0].decode()
        call.forge.announce(one, repo, call.caller.known(), f"refs/heads/{branch}", old, made.id.decode())
        written: list[dict[str, object] | None] = []
        for change in changes:
            found = objects.find_entry(repo, made.tree, change.path)
            blob = objects.find_blob(repo, found.sha) if found else None
            written.append(shapes.entry(call.forge.url, one, found, branch, blob) if found else None)
        return written, shapes.file_commit(call.forge.url, one, made)


def _change(file: Mapping[str, Any], operation: str, path: str) -> Change:
    try:
        content = base64.b64decode(text_field(file, "content"), validate=True)
    except binascii.Error as e:
        raise Refused(422, f"Invalid base64 content: {e}") from e
    path = clean_path(path)
    from_path = clean_path(text_field(file, "from_path")) or path
    return Change(operation, path, content, text_field(file, "sha"), from_path)


def _person(value: object, default: Person) -> Person:
    if not isinstance(value, dict) or not text_field(value, "email"):
        return default
    return Person(text_field(value, "name") or value["email"], value["email"])
