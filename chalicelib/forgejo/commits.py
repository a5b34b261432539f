"""Commits through the API: what is sent, and what became of it when the forge does not say."""

import base64
import re
from collections.abc import Mapping, Sequence

from chalicelib.domain.errors import Conflict, CrontopusError, Invalid
from chalicelib.forgejo.files import Author, FileChange
from chalicelib.forgejo.transport import Answer, refusal

_PATH = re.compile(r"\[path: ([^\]]*)\]")


def commit_body(changes: Sequence[FileChange], message: str, author: Author, branch: str) -> dict[str, object]:
    """Return the body of POST /contents: one commit, all changes or none."""
    files = []
    for change in changes:
        file: dict[str, str] = {"operation": change.operation, "path": change.path}
        if change.content is not None:
            file["content"] = base64.b64encode(change.content).decode()
        if change.sha is not None:
            file["sha"] = change.sha
        files.append(file)
    person = {"name": author.name, "email": author.email}
    return {"branch": branch, "message": message, "author": person, "files": files}


def is_done(changes: Sequence[FileChange], shas: Mapping[str, str]) -> bool:
    """Tell whether the branch holds what the changes wanted. shas: path -> blob sha of what is there now."""
    return all(shas.get(change.path) == change.blob for change in changes)


def stale_paths(changes: Sequence[FileChange], shas: Mapping[str, str]) -> list[str]:
    """Return the paths where something else lies than the writer had seen."""
    return [change.path for change in changes if shas.get(change.path) != change.sha]


def conflict(paths: Sequence[str]) -> Conflict:
    return Conflict(f"{', '.join(paths)} changed since it was read; reload and try again")


def commit_refusal(answer: Answer, changes: Sequence[FileChange], call: str) -> CrontopusError:
    """Return the error for a refused commit, naming the file that is in the way.

    Forgejo 12 and later answer 409 for a blob that is not the expected one, 11 answers 422, and all of them
    answer 422 for a file that exists already: only the words tell these from a path that cannot be.
    """
    named = _PATH.findall(answer.message)
    paths = named or [change.path for change in changes]
    if answer.status == 422 and "already exists" in answer.message:
        return Conflict(f"{', '.join(paths)} exists already")
    if answer.status == 409 or (answer.status == 422 and "does not match" in answer.message):
        return conflict(paths)
    if answer.status == 422:
        return Invalid.of(dict.fromkeys(paths, "the forge cannot hold a file at this path"))
    return refusal(answer, call)
