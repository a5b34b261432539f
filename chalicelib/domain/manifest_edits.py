"""Changes to a manifest that leave every other byte of it as its author wrote it."""

from chalicelib.domain import manifest, yaml_source
from chalicelib.domain.errors import Invalid


def with_id(raw: bytes, path: str, job_id: str) -> bytes | None:
    """Return the file with `metadata.id` added, None if it has one or is in no shape to be given one.

    Whatever the edit did, the result is only believed if it reads back as the same job with this id.
    """
    try:
        before = manifest.parse(raw, path, strict=True).job
    except Invalid:
        return None
    if before.id is not None:
        return None
    edited = _insert(raw.decode(), yaml_source.load(raw).positions["metadata"], job_id).encode()
    try:
        after = manifest.parse(edited, path, strict=True).job
    except Invalid:
        return None
    return edited if after == manifest.with_id(before, job_id) else None


def _insert(text: str, position: tuple[int, int], job_id: str) -> str:
    """Put the id where the mapping at this position (line and column from 1) begins."""
    lines = text.splitlines(keepends=True)
    line, column = position[0] - 1, position[1] - 1
    here = lines[line]
    if here[column] == "{":
        lines[line] = f"{here[: column + 1]}id: {job_id}, {here[column + 1 :]}"
    else:
        end = "\r\n" if here.endswith("\r\n") else "\n"
        lines[line] = f"{here[:column]}id: {job_id}{end}{' ' * column}{here[column:]}"
    return "".join(lines)
