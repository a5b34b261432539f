"""Writing a file of ours: as a whole, readable by its owner only."""

import os
import tempfile
from pathlib import Path

from cli.errors import Failure


def replace(path: Path, content: str) -> None:
    """Put this content in place of the file, so that a reader never sees half of it. Raise Failure if that cannot be."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes the file 0600 from its first moment on.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise Failure(f"cannot write {path}: {e.strerror}") from e
