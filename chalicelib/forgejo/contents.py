"""The files of a repository: read them, and commit changes to them."""

import base64
import binascii
from collections.abc import Iterable, Sequence

from chalicelib.domain import times
from chalicelib.domain.errors import NotFound, TooLarge
from chalicelib.forgejo.archive import Archive
from chalicelib.forgejo.commits import commit_body, commit_refusal, conflict, is_done, stale_paths
from chalicelib.forgejo.files import Author, ChangedRepository, Commit, CommitFacts, File, FileChange, PastCommit, TreeEntry
from chalicelib.forgejo.transport import UNREADABLE, Transport, api_path, pick, unavailable

COMMIT_TRIES = 5
TREE_PAGE = 1000
# 40 ids make an address of about 1,700 characters; the forge's documentation warns of 2,083.
BLOBS_PER_CALL = 40
_AUTHOR = ("commit", "author", "name")
_LEAN = {"limit": "1", "stat": "false", "verification": "false", "files": "false"}


class Contents:
    def __init__(self, http: Transport) -> None:
        self._http = http

    def commit(
        self, owner: str, repo: str, changes: Sequence[FileChange], message: str, author: Author, branch: str = "main"
    ) -> Commit:
        """Write all changes as one commit, or none.

        The forge fails the second of two writers who started from the same head, and an answer may be lost after the
        commit was made: then what lies there decides between success, another try and Conflict. Put something into
        the message that no other commit has (a request id), so that a commit can be known as this one.
        Raise Conflict (naming the file), Invalid (a path that cannot be), NotFound, TooLarge, Unavailable.
        """
        path, body = api_path("repos", owner, repo, "contents"), commit_body(changes, message, author, branch)
        blobs = {change.path: change.blob for change in changes if change.blob}
        for attempt in range(COMMIT_TRIES):
            if attempt:
                self._http.pause(attempt)
            answer = self._http.attempt("POST", path, body=body)
            if answer is not None and answer.is_success:
                return Commit(answer.pick("commit", "sha", kind=str), blobs)
            is_refused = answer is not None and answer.status < 500
            if answer is not None and is_refused and not attempt:
                raise commit_refusal(answer, changes, f"POST {path}")
            # An earlier try may have been carried out although nobody told us so.
            here = self._blob_shas(owner, repo, branch)
            ours = self._commit_saying(message, owner, repo, branch, changes[0].path) if is_done(changes, here) else None
            if ours:
                return Commit(ours, blobs)
            stale = stale_paths(changes, here)
            if stale:
                raise conflict(stale)
            if answer is not None and is_refused:
                raise commit_refusal(answer, changes, f"POST {path}")
        raise unavailable("the forge does not take the commit")

    def head(self, owner: str, repo: str, branch: str = "main") -> str | None:
        """Return the newest commit of a branch, None if the repository is empty. Raise NotFound, also without the branch.

        /branches/{name} would be the obvious call, but Forgejo fails on it while a repository is empty.
        """
        path = api_path("repos", owner, repo, "commits")
        answer = self._http.call("GET", path, query={"sha": branch, **_LEAN}, accept=(409,))
        return answer.pick(0, "sha", kind=str) if answer.is_success else None

    def list_commits(
        self, owner: str, repo: str, path: str, *, limit: int, page: int = 1, branch: str = "main"
    ) -> tuple[PastCommit, ...]:
        """Return the commits that touched a path, newest first, also of a file that is gone; () if there are none.

        limit: at most 50, which is all a forge gives at once. page: from 1. A move is not followed to the old path.
        """
        place = api_path("repos", owner, repo, "commits")
        query = {"sha": branch, "path": path, **_LEAN, "limit": str(limit), "page": str(page)}
        # 409: the repository is empty. 404: nothing ever lay there, or the page is behind the last one.
        answer = self._http.call("GET", place, query=query, accept=(404, 409))
        return tuple(_past_commit(listed) for listed in answer.pick(kind=list)) if answer.is_success else ()

    def read_commit(self, owner: str, repo: str, sha: str) -> CommitFacts:
        """Return what one commit did; a file that moved was removed where it lay. Raise NotFound."""
        found = self._http.call("GET", api_path("repos", owner, repo, "git", "commits", sha)).json()
        parents, files = pick(found, "parents", kind=list), pick(found, "files", kind=list)
        removed = [pick(one, "filename", kind=str) for one in files if pick(one, "status", kind=str) == "removed"]
        return CommitFacts(sha, pick(parents, 0, "sha", kind=str) if parents else None, tuple(removed))

    def read_file(self, owner: str, repo: str, path: str, ref: str = "main") -> File:
        """Return a regular file. Raise NotFound if something else, or nothing, lies there; TooLarge above 10 MiB."""
        place = api_path("repos", owner, repo, "contents", *path.split("/"))
        found = self._http.call("GET", place, query={"ref": ref}).json()
        # A folder and an empty repository answer with a list.
        if isinstance(found, list) or pick(found, "type", kind=str) != "file":
            raise NotFound(f"{path} is no file at {ref}")
        return File(path, pick(found, "sha", kind=str), _content(found))

    def list_tree(self, owner: str, repo: str, ref: str = "main", *, recursive: bool = True) -> tuple[TreeEntry, ...]:
        """Return everything at a commit or branch, 1,000 entries a call; folders count as entries.

        Raise NotFound for an unknown ref, also while the repository is empty.
        """
        path = api_path("repos", owner, repo, "git", "trees", ref)
        query = {"recursive": "1" if recursive else "0", "per_page": str(TREE_PAGE)}
        entries: list[TreeEntry] = []
        for page in range(1, 1_000):
            answer = self._http.call("GET", path, query={**query, "page": str(page)}, accept=(400,))
            if answer.status == 400:
                raise NotFound(f"{owner}/{repo} has no {ref}")
            found = answer.json()
            # An empty tree has null here.
            listed = pick(found, "tree", kind=object) or []
            entries += [_entry(one) for one in (listed if isinstance(listed, list) else [])]
            if not listed or len(entries) >= pick(found, "total_count", kind=int):
                break
        return tuple(entries)

    def read_blobs(self, owner: str, repo: str, shas: Iterable[str]) -> dict[str, bytes]:
        """Return contents by blob sha, 40 a call; Forgejo 11 is asked for one at a time. Raise NotFound if one is missing."""
        wanted = list(dict.fromkeys(shas))
        contents: dict[str, bytes] = {}
        for first in range(0, len(wanted), BLOBS_PER_CALL):
            contents |= self._blobs(owner, repo, wanted[first : first + BLOBS_PER_CALL])
        missing = set(wanted) - contents.keys()
        if missing:
            raise NotFound(f"{owner}/{repo} has no blob {min(missing)}")
        return contents

    def read_all(self, owner: str, repo: str, commit: str) -> dict[str, File]:
        """Return every regular file of a commit by path: 2 calls, whatever the number of files.

        More calls only where the archive differs from the commit, because the tenant's .gitattributes say so.
        commit: a full sha; a branch could move between the calls. Raise NotFound, TooLarge.
        """
        root = self.list_tree(owner, repo, commit, recursive=False)
        packed = self._http.call("GET", api_path("repos", owner, repo, "archive", f"{commit}.tar.gz"))
        archive = Archive(packed.body)
        if archive.is_complete(root):
            return archive.regular_files
        entries = [entry for entry in self.list_tree(owner, repo, commit) if entry.is_regular]
        contents = self.read_blobs(owner, repo, (entry.sha for entry in entries))
        return {entry.path: File(entry.path, entry.sha, contents[entry.sha]) for entry in entries}

    def version(self) -> str:
        """Return the forge's version, such as 15.0.1."""
        return self._http.call("GET", "version").pick("version", kind=str)

    def set_status(self, owner: str, repo: str, commit: str, state: str, context: str, description: str) -> None:
        """Put a verdict on a commit: state is pending, success, error, failure or warning. The newest of a context counts."""
        body = {"state": state, "context": context, "description": description}
        self._http.call("POST", api_path("repos", owner, repo, "statuses", commit), body=body)

    def has_status(self, owner: str, repo: str, commit: str, context: str) -> bool:
        """Tell whether a verdict of this context was put on a commit."""
        answer = self._http.call("GET", api_path("repos", owner, repo, "statuses", commit), query={"limit": "50"})
        return any(pick(one, "context", kind=str) == context for one in answer.pick(kind=list))

    def list_changed(self, part: str, page: int) -> tuple[ChangedRepository, ...]:
        """Return the repositories we may read whose name holds this part, the last changed first, 50 a page from 1."""
        query = {"q": part, "sort": "updated", "order": "desc", "limit": "50", "page": str(page)}
        answer = self._http.call("GET", "repos/search", query=query)
        return tuple(_changed(one) for one in answer.pick("data", kind=list))

    def clone_url(self, owner: str, repo: str) -> str:
        """Return the address for git, without a credential."""
        return f"{self._http.url}/{api_path(owner, repo)}.git"

    def edit_url(self, owner: str, repo: str, path: str, branch: str = "main") -> str:
        """Return the page on which a person edits a file by hand."""
        return f"{self._http.url}/{api_path(owner, repo, '_edit', branch, *path.split('/'))}"

    def _blobs(self, owner: str, repo: str, shas: Sequence[str]) -> dict[str, bytes]:
        path = api_path("repos", owner, repo, "git", "blobs")
        answer = self._http.call("GET", path, query={"shas": ",".join(shas)}, accept=(400, 404, 405))
        if answer.is_success:
            return {pick(blob, "sha", kind=str): _content(blob) for blob in answer.pick(kind=list)}
        singles = {}
        for sha in shas:
            single = self._http.call("GET", api_path("repos", owner, repo, "git", "blobs", sha), accept=(400,))
            if single.is_success:
                singles[sha] = _content(single.json())
        return singles

    def _blob_shas(self, owner: str, repo: str, branch: str) -> dict[str, str]:
        head = self.head(owner, repo, branch)
        return {entry.path: entry.sha for entry in self.list_tree(owner, repo, head)} if head else {}

    def _commit_saying(self, message: str, owner: str, repo: str, branch: str, path: str) -> str | None:
        """Return the newest commit that touched the path if this is its message, else None: then it is not ours."""
        place = api_path("repos", owner, repo, "commits")
        answer = self._http.call("GET", place, query={"sha": branch, "path": path, **_LEAN}, accept=(404,))
        if not answer.is_success or answer.pick(0, "commit", "message", kind=str).strip() != message.strip():
            return None
        return answer.pick(0, "sha", kind=str)


def _entry(listed: object) -> TreeEntry:
    path, sha, mode, kind = (pick(listed, name, kind=str) for name in ("path", "sha", "mode", "type"))
    return TreeEntry(path, sha, mode, kind, pick(listed, "size", kind=int))


def _changed(listed: object) -> ChangedRepository:
    try:
        at = times.from_text(pick(listed, "updated_at", kind=str))
    except ValueError as e:
        raise unavailable(UNREADABLE) from e
    return ChangedRepository(pick(listed, "owner", "login", kind=str), pick(listed, "name", kind=str), at)


def _past_commit(listed: object) -> PastCommit:
    try:
        at = times.from_text(pick(listed, "commit", "committer", "date", kind=str))
    except ValueError as e:
        raise unavailable(UNREADABLE) from e
    sha, author, message = (pick(listed, *keys, kind=str) for keys in (("sha",), _AUTHOR, ("commit", "message")))
    return PastCommit(sha, author, at, message.strip().split("\n")[0])


def _content(found: object) -> bytes:
    """Return the decoded content of a blob or file. Raise TooLarge where the forge left it out."""
    try:
        content = base64.b64decode(pick(found, "content", kind=str))
    except binascii.Error as e:
        raise unavailable(UNREADABLE) from e
    if len(content) != pick(found, "size", kind=int):
        raise TooLarge("the forge does not send the content of so large a file")
    return content
