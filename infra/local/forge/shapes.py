"""The JSON shapes of Forgejo's answers, as far as anybody here reads them."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from dulwich.diff_tree import tree_changes
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

from infra.local.forge.accounts import Account, Token
from infra.local.forge.objects import Entry
from infra.local.forge.repositories import Level, Repository

# Forgejo sends contents up to this size; above it the field is empty.
MAX_BLOB_BYTES = 10 * 1024 * 1024


def account(who: Account) -> dict[str, object]:
    return {
        "id": who.id,
        "login": who.login,
        "username": who.login,
        "email": who.email,
        "full_name": who.full_name,
        "is_admin": who.is_admin,
        "active": who.is_active,
        "restricted": who.is_restricted,
        "prohibit_login": who.prohibit_login,
        "visibility": who.visibility,
    }


def token(made: Token, repositories: Iterable[Repository], secret: str = "") -> dict[str, object]:
    shape: dict[str, object] = {
        "id": made.id,
        "name": made.name,
        "sha1": secret,
        "token_last_eight": made.last_eight,
        "scopes": list(made.scopes),
    }
    if made.repositories is not None:
        shape["repositories"] = [
            {"id": one.id, "name": one.name, "owner": one.owner, "full_name": one.full_name} for one in repositories
        ]
    return shape


def repository(
    base: str, one: Repository, *, empty: bool, level: Level, changed_at: datetime | None = None
) -> dict[str, object]:
    """changed_at: left out in a push's own payload, which is sent while it changes."""
    page = f"{base}/{one.full_name}"
    return {
        "id": one.id,
        "name": one.name,
        "full_name": one.full_name,
        "owner": {"id": one.owner_id, "login": one.owner, "username": one.owner},
        "description": one.description,
        "private": one.is_private,
        "archived": one.is_archived,
        "empty": empty,
        "default_branch": one.default_branch,
        "html_url": page,
        "clone_url": f"{page}.git",
        "created_at": one.created_at,
        **({"updated_at": changed_at.strftime("%Y-%m-%dT%H:%M:%SZ")} if changed_at else {}),
        "object_format_name": "sha1",
        "permissions": {"admin": level >= Level.ADMIN, "push": level >= Level.WRITE, "pull": level >= Level.READ},
        **one.units,
    }


def entry(base: str, one: Repository, found: Entry, ref: str, blob: Blob | None) -> dict[str, object]:
    """Return an entry of /contents. blob: given where the content is to be in the answer."""
    kinds = {"tree": "dir", "commit": "submodule"}
    shape: dict[str, object] = {
        "name": found.path.rpartition("/")[2],
        "path": found.path,
        "sha": found.sha,
        "type": "symlink" if found.is_link else kinds.get(found.kind, "file"),
        "size": found.size_bytes,
        "encoding": None,
        "content": None,
        "url": f"{base}/api/v1/repos/{one.full_name}/contents/{quote(found.path)}?ref={quote(ref)}",
        "html_url": f"{base}/{one.full_name}/src/branch/{quote(ref)}/{quote(found.path)}",
    }
    if blob is not None and found.is_link:
        shape["target"] = blob.data.decode(errors="replace")
    elif blob is not None:
        shape |= {"encoding": "base64", "content": encoded(blob)}
    return shape


def blob(base: str, one: Repository, found: Blob) -> dict[str, object]:
    sha = found.id.decode()
    url = f"{base}/api/v1/repos/{one.full_name}/git/blobs/{sha}"
    return {"sha": sha, "size": found.raw_length(), "encoding": "base64", "content": encoded(found), "url": url}


def encoded(found: Blob) -> str:
    return base64.b64encode(found.data).decode() if found.raw_length() <= MAX_BLOB_BYTES else ""


def file_commit(base: str, one: Repository, made: Commit) -> dict[str, object]:
    """Return a commit as the answer to a write names it."""
    sha = made.id.decode()
    return {
        "sha": sha,
        "url": f"{base}/api/v1/repos/{one.full_name}/git/commits/{sha}",
        "html_url": f"{base}/{one.full_name}/commit/{sha}",
        "created": _time(made.commit_time),
        "author": _person(made.author, made.author_time),
        "committer": _person(made.committer, made.commit_time),
        "message": made.message.decode(errors="replace"),
        # Forgejo puts the commit's own id here, not the tree's.
        "tree": {"sha": sha},
        "parents": [{"sha": parent.decode()} for parent in made.parents],
    }


def commit(base: str, one: Repository, made: Commit) -> dict[str, object]:
    """Return a commit as /commits lists it."""
    shape = file_commit(base, one, made)
    inner = {name: shape[name] for name in ("url", "author", "committer", "message", "tree")}
    return {name: shape[name] for name in ("sha", "url", "html_url", "created", "parents")} | {"commit": inner}


def touched(repo: Repo, made: Commit) -> list[dict[str, str]]:
    """Return the paths a commit touched, as the commit itself lists them; a move is a removal and an addition."""
    before = repo.object_store[made.parents[0]].tree if made.parents else None
    kinds = {"add": "added", "delete": "removed"}
    return [
        {"filename": (change.new or change.old).path.decode(errors="replace"), "status": kinds.get(change.type, "modified")}
        for change in tree_changes(repo.object_store, before, made.tree)
    ]


def branch(base: str, one: Repository, name: str, made: Commit) -> dict[str, object]:
    shape = file_commit(base, one, made)
    head = {name: shape[name] for name in ("url", "message", "author", "committer")}
    return {"name": name, "commit": {"id": shape["sha"], "timestamp": shape["created"], **head}, "protected": False}


def push(base: str, one: Repository, pusher: Account, ref: str, before: str, after: str) -> dict[str, object]:
    """Return the body of a push event, its commits still missing."""
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "compare_url": f"{base}/{one.full_name}/compare/{before}...{after}",
        "repository": repository(base, one, empty=False, level=Level.READ),
        "pusher": account(pusher),
        "sender": account(pusher),
    }


def pushed_commit(base: str, one: Repository, repo: Repo, made: Commit) -> dict[str, object]:
    """Return a commit as a push names it, with the paths it touched."""
    sha = made.id.decode()
    paths: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for one_file in touched(repo, made):
        paths[one_file["status"]].append(one_file["filename"])
    author, committer = _person(made.author, made.author_time), _person(made.committer, made.commit_time)
    url = f"{base}/{one.full_name}/commit/{sha}"
    message = made.message.decode(errors="replace")
    head = {"id": sha, "message": message, "url": url, "author": author, "committer": committer}
    return head | {"timestamp": _time(made.commit_time), **paths}


def _person(identity: bytes, at_s: int) -> dict[str, str]:
    name, _, email = identity.decode(errors="replace").partition(" <")
    return {"name": name, "email": email.rstrip(">"), "date": _time(at_s)}


def _time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
