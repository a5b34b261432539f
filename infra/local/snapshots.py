"""Whole snapshots of the emulator's state: one numbered folder each, complete or absent.

Runs inside the emulator's environment: standard library only.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


class Snapshots:
    """The folder of snapshots; the highest number is the newest complete one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> Path | None:
        """Return the newest complete snapshot, or None before the first one."""
        complete = [entry for entry in self._folder.iterdir() if entry.name.isdigit()]
        return max(complete, default=None)

    def write(self, files: Iterable[tuple[str, str]]) -> Path:
        """Write (file name, text) pairs as the newest snapshot and return its folder.

        A kill at any moment leaves the one before: the folder gets its name only when every file is on disk.
        """
        newest = self.newest()
        number = int(newest.name) + 1 if newest else 1
        unfinished = self._folder / f"{number:010d}.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        for name, text in files:
            _write_durably(unfinished / name, text)
        _sync_folder(unfinished)
        finished = self._folder / f"{number:010d}"
        unfinished.rename(finished)
        _sync_folder(self._folder)
        self.prune()
        return finished

    def prune(self) -> None:
        """Remove all but the newest snapshot, and what a killed writer left."""
        newest = self.newest()
        for entry in self._folder.iterdir():
            if entry != newest:
                shutil.rmtree(entry, ignore_errors=True)


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
