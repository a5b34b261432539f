"""The bare repositories on disk: DIR/repositories/<owner>/<name>.git, made and removed in one rename."""

import os
import shutil
import threading
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from dulwich.repo import Repo

from infra.local.forge.repositories import Repository

# What a kill can leave behind: locks that nobody holds any more, and packs that were still arriving.
_LEFTOVERS = ("**/*.lock", "objects/tmp_*", "objects/pack/tmp*")


class Storage:
    """Every write happens under `lock`; readers need none, since objects never change and a ref changes in one rename."""

    def __init__(self, folder: Path) -> None:
        self._repositories = folder / "repositories"
        self._scratch = folder / "scratch"
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._sweep()

    def lock(self, repository: Repository) -> threading.Lock:
        return self._locks[self.path(repository)]

    def path(self, repository: Repository) -> Path:
        return self._repositories / repository.owner.lower() / f"{repository.name.lower()}.git"

    def open(self, repository: Repository) -> Repo:
        """Return the repository, opened for one request; use it in a `with`."""
        repo = Repo(str(self.path(repository)))
        # dulwich leaves this to a setting of the repository that newer gits complain about.
        repo.object_store.fsync_object_files = True
        return repo

    def changed_at(self, repository: Repository) -> datetime:
        """Return when a branch last moved, or when the repository was made; whole seconds."""
        place = self.path(repository)
        refs = [path for path in (place / "refs" / "heads").rglob("*") if path.is_file()]
        newest = max((path.stat().st_mtime for path in [*refs, place / "HEAD"]), default=0)
        return datetime.fromtimestamp(int(newest), UTC)

    def create(self, repository: Repository) -> None:
        """Make an empty bare repository. What lies in its place belongs to no entry of the database and goes."""
        made = self._scratch / uuid.uuid4().hex
        made.mkdir()
        Repo.init_bare(str(made), default_branch=repository.default_branch.encode()).close()
        place = self.path(repository)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._discard(place)
        for path in [*made.rglob("*"), made]:
            sync(path)
        made.rename(place)
        sync(place.parent)

    def set_head(self, repository: Repository, branch: str) -> None:
        with self.lock(repository), self.open(repository) as repo:
            repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/" + branch.encode())

    def delete(self, repository: Repository) -> None:
        with self.lock(repository):
            self._discard(self.path(repository))

    def _discard(self, path: Path) -> None:
        if path.exists():
            gone = self._scratch / uuid.uuid4().hex
            path.rename(gone)
            shutil.rmtree(gone)

    def _sweep(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        self._repositories.mkdir(exist_ok=True)
        for repository in self._repositories.glob("*/*.git"):
            for pattern in _LEFTOVERS:
                for leftover in repository.glob(pattern):
                    leftover.unlink()


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
