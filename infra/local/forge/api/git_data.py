"""Commits, trees, blobs and archives over the API."""

import gzip
import io
import tarfile
from itertools import islice

from dulwich.objects import Commit, Tree
from dulwich.patch import write_tree_diff
from dulwich.repo import Repo

from infra.local.forge import objects, shapes
from infra.local.forge.api.call import NOT_FOUND, Call
from infra.local.forge.repositories import Repository
from infra.local.forge.web import Refused, Response, json_response, whole

PAGE = 30
MAX_PAGE = 50
TREE_PAGE = 1000


def get_branch(call: Call) -> Response:
    one, name = call.repository(), call.args["branch"]
    with call.forge.storage.open(one) as repo:
        if objects.is_empty(repo):
            # Forgejo has no open repository here and fails on it.
            raise Refused(500)
        sha = objects.tip(repo, name)
        if sha is None:
            raise Refused(404, NOT_FOUND)
        return json_response(200, shapes.branch(call.forge.url, one, name, repo.object_store[sha]))


def list_commits(call: Call) -> Response:
    one, query = call.repository(), call.request.query
    page, limit = whole(query.get("page"), 1, 1_000_000), whole(query.get("limit"), PAGE, MAX_PAGE)
    with call.forge.storage.open(one) as repo:
        if objects.is_empty(repo):
            raise Refused(409, "Git Repository is empty.")
        start = objects.resolve(repo, query.get("sha") or one.default_branch)
        if start is None:
            raise Refused(404, NOT_FOUND)
        first = (page - 1) * limit
        found = list(islice(objects.history(repo, start, query.get("path", "")), first, first + limit + 1))
        if not found and query.get("path"):
            raise Refused(404, NOT_FOUND)
        body = json_response(200, [shapes.commit(call.forge.url, one, made) for made in found[:limit]])
    has_more = "true" if len(found) > limit else "false"
    headers = (("X-Page", str(page)), ("X-PerPage", str(limit)), ("X-HasMore", has_more))
    return Response(200, body.body, body.headers + headers)


def get_commit(call: Call) -> Response:
    """Answer a commit, or its diff if `.diff` is at the end."""
    one, (sha, _, kind) = call.repository(), call.args["sha"].partition(".")
    with call.forge.storage.open(one) as repo:
        made = objects.resolve(repo, sha)
        if made is None or kind not in ("", "diff"):
            raise Refused(404, NOT_FOUND)
        if not kind:
            return json_response(200, shapes.commit(call.forge.url, one, made) | {"files": shapes.touched(repo, made)})
        before = repo.object_store[made.parents[0]].tree if made.parents else None
        out = io.BytesIO()
        write_tree_diff(out, repo.object_store, before, made.tree)
        return Response(200, out.getvalue(), (("Content-Type", "text/plain; charset=utf-8"),))


def get_tree(call: Call) -> Response:
    one, query = call.repository(), call.request.query
    page, size = whole(query.get("page"), 1, 1_000_000), whole(query.get("per_page"), TREE_PAGE, TREE_PAGE)
    is_recursive = query.get("recursive", "").lower() in ("1", "true")
    with call.forge.storage.open(one) as repo:
        tree = _tree(repo, call.args["sha"])
        if tree is None:
            raise Refused(400, f"sha not found [{call.args['sha']}]")
        entries = list(objects.list_entries(repo, tree, recursive=is_recursive))
    url = f"{call.forge.url}/api/v1/repos/{one.full_name}/git"
    shown = entries[(page - 1) * size : page * size]
    shape = {
        "sha": tree.decode(),
        "tree": [_tree_entry(url, entry) for entry in shown],
        "truncated": len(entries) > size and bool(shown),
        "page": page,
        "total_count": len(entries),
    }
    return Response(200, *_with(json_response(200, shape), ("X-Total-Count", str(len(entries)))))


def get_blob(call: Call) -> Response:
    one = call.repository()
    with call.forge.storage.open(one) as repo:
        return json_response(200, _blob(call, one, repo, call.args["sha"]))


def get_blobs(call: Call) -> Response:
    one, shas = call.repository(), call.request.query.get("shas", "")
    if not shas:
        raise Refused(400, "shas not provided")
    with call.forge.storage.open(one) as repo:
        return json_response(200, [_blob(call, one, repo, sha) for sha in shas.split(",")])


def get_archive(call: Call) -> Response:
    """Answer a .tar.gz as `git archive` makes it: one folder, the commit's id in front, links as links."""
    one, name = call.repository(), call.args["archive"]
    if not name.endswith(".tar.gz"):
        raise Refused(400, "the local forge makes .tar.gz only")
    with call.forge.storage.open(one) as repo:
        commit = objects.resolve(repo, name.removesuffix(".tar.gz"))
        if commit is None:
            raise Refused(404, NOT_FOUND)
        body = gzip.compress(_tar(repo, commit, one.name.lower()), compresslevel=6, mtime=0)
    return Response(200, body, (("Content-Type", "application/octet-stream"), ("ETag", f'"{commit.id.decode()}"')))


def _tar(repo: Repo, commit: Commit, folder: str) -> bytes:
    out = io.BytesIO()
    headers = {"comment": commit.id.decode()}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        for entry in objects.list_entries(repo, commit.tree, f"{folder}/", recursive=True):
            info = tarfile.TarInfo(entry.path)
            info.mtime = commit.commit_time
            blob = objects.find_blob(repo, entry.sha)
            if blob is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o775
                tar.addfile(info)
            elif entry.is_link:
                info.type, info.mode = tarfile.SYMTYPE, 0o777
                info.linkname = blob.data.decode(errors="surrogateescape")
                tar.addfile(info)
            else:
                info.size, info.mode = len(blob.data), entry.mode & 0o111 | 0o664
                tar.addfile(info, io.BytesIO(blob.data))
    return out.getvalue()


def _tree(repo: Repo, ref: str) -> bytes | None:
    found = objects.find(repo, ref)
    if isinstance(found, Tree):
        return ref.encode()
    commit = objects.resolve(repo, ref)
    return commit.tree if commit else None


def _tree_entry(url: str, entry: objects.Entry) -> dict[str, object]:
    kinds = {"blob": "blobs", "tree": "trees"}
    link = f"{url}/{kinds[entry.kind]}/{entry.sha}" if entry.kind in kinds else ""
    shape = {"path": entry.path, "mode": f"{entry.mode:06o}", "type": entry.kind, "sha": entry.sha}
    return {**shape, "size": entry.size_bytes, "url": link}


def _blob(call: Call, one: Repository, repo: Repo, sha: str) -> dict[str, object]:
    found = objects.find_blob(repo, sha)
    if found is None:
        raise Refused(400, f"object does not exist [id: {sha}, rel_path: ]")
    return shapes.blob(call.forge.url, one, found)


def _with(response: Response, *headers: tuple[str, str]) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    return response.body, response.headers + headers
