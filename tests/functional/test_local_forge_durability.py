"""The local forge loses nothing it has acknowledged, however it ends."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chalicelib.domain.errors import CrontopusError
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.files import Author, Commit, FileChange
from infra.local.forge.process import ForgeProcess
from infra.local.forge.provision import BOT, ORGANIZATION, BotCredential, provision
from tests.contract.forge.git import commit_all, git

ADMIN = ("site", "only-for-this-test-run")
AUTHOR = Author("Ann Author", "ann@example.org")
REPO = "job-manifests-t"


@dataclass
class Started:
    """A forge on a folder that outlives it."""

    folder: Path
    process: ForgeProcess = field(init=False)
    credential: BotCredential = field(init=False)

    def start(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(ADMIN[1])
        self.process = ForgeProcess(self.folder / "data", ADMIN[0], password_file)

    @property
    def bare(self) -> Path:
        return self.folder / "data" / "repositories" / ORGANIZATION / f"{REPO}.git"

    def client(self) -> Forgejo:
        return Forgejo(self.process.url, self.credential.token, sleep=lambda seconds: None, basic=ADMIN)

    def set_up(self) -> None:
        self.start()
        self.credential = provision(self.process.url, *ADMIN)
        forge = self.client()
        forge.ensure_repository(ORGANIZATION, REPO, "")
        forge.ensure_collaborator(ORGANIZATION, REPO, BOT, "write")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path)
    started.set_up()
    yield started
    started.process.kill()


@dataclass
class Storm:
    """Writers that go on until the forge is gone, and what they were told."""

    forge: Started
    enough: int
    acknowledged: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    is_enough: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)

    def rage(self) -> None:
        """Write from all sides, kill the forge once enough was acknowledged, and wait until everybody noticed."""
        url = self.forge.client().clone_url(ORGANIZATION, REPO).replace("://", f"://{BOT}:{self.forge.credential.token}@", 1)
        git("clone", "-q", url, "work", cwd=self.forge.folder)
        with ThreadPoolExecutor(5) as pool:
            running = [pool.submit(self._commit, number) for number in range(3)]
            running += [pool.submit(self._push), pool.submit(self._make_tokens)]
            self.is_enough.wait(timeout=60)
            self.forge.process.kill()
            self.is_over.set()
            for act in running:
                act.result()

    def _commit(self, writer: int) -> None:
        client = self.forge.client()
        for number in range(10_000):
            if self.is_over.is_set():
                return
            path = f"default/job-{writer}-{number}.yaml"
            try:
                made = client.commit(ORGANIZATION, REPO, [FileChange(path, path.encode())], f"Add {path}", AUTHOR)
            except CrontopusError:
                continue
            self._acknowledge(made.sha, path)

    def _push(self) -> None:
        folder = self.forge.folder / "work"
        for number in range(10_000):
            if self.is_over.is_set():
                return
            (folder / "discovered" / f"{number}.yaml").write_text(str(number))
            sha = commit_all(folder)
            if _succeeds("push", "-q", "origin", f"main:refs/heads/side-{number}", cwd=folder):
                self._acknowledge(sha, f"discovered/{number}.yaml")

    def _make_tokens(self) -> None:
        client = self.forge.client()
        for number in range(10_000):
            if self.is_over.is_set():
                return
            try:
                self.tokens.append(client.create_token(BOT, f"storm-{number}", ["read:repository"]))
            except CrontopusError:
                continue

    def _acknowledge(self, sha: str, path: str) -> None:
        self.acknowledged[sha] = path
        if len(self.acknowledged) >= self.enough:
            self.is_enough.set()


@pytest.mark.parametrize("enough", [1, 8, 25])
def test_a_kill_in_a_storm_of_writes_loses_nothing_acknowledged(forge: Started, enough: int) -> None:
    storm = Storm(forge, enough)

    storm.rage()
    forge.start()

    assert git("fsck", "--strict", "--full", "--no-dangling", cwd=forge.bare) == ""
    known = git("rev-list", "--all", cwd=forge.bare).split()
    assert [sha for sha in storm.acknowledged if sha not in known] == []
    assert [token for token in storm.tokens if not _can_read(forge, token)] == []
    assert _commit(forge, "default/after.yaml").sha == forge.client().head(ORGANIZATION, REPO)


def test_a_polite_end_waits_for_what_is_under_way_and_exits_with_0(forge: Started) -> None:
    made = _commit(forge, "default/a.yaml")

    assert forge.process.stop() == 0
    forge.start()

    assert forge.client().head(ORGANIZATION, REPO) == made.sha


def test_locks_and_halves_of_packs_from_a_kill_are_swept_away(forge: Started) -> None:
    forge.process.kill()
    (forge.bare / "refs" / "heads" / "main.lock").touch()
    (forge.bare / "objects" / "tmp_pack_x").touch()
    (forge.bare / "objects" / "pack" / "tmp_x.pack").touch()

    forge.start()
    _commit(forge, "default/a.yaml")

    assert list(forge.bare.rglob("*.lock")) + list(forge.bare.rglob("tmp*")) == []


def test_a_folder_whose_entry_was_never_written_is_made_anew(forge: Started) -> None:
    half = forge.bare.with_name("job-manifests-half.git")
    (half / "objects").mkdir(parents=True)

    forge.client().ensure_repository(ORGANIZATION, "job-manifests-half", "")

    assert git("fsck", "--strict", cwd=half) == ""


def test_one_folder_has_one_forge(forge: Started) -> None:
    password_file = forge.folder / "password"

    with pytest.raises(RuntimeError, match="another forge"):
        ForgeProcess(forge.folder / "data", ADMIN[0], password_file)


def test_secrets_are_not_on_the_disk(forge: Started) -> None:
    forge.process.stop()

    kept = b"".join(path.read_bytes() for path in (forge.folder / "data").rglob("*") if path.is_file())

    assert forge.credential.token.encode() not in kept
    assert ADMIN[1].encode() not in kept


def test_provisioning_again_gives_a_new_token_and_ends_the_old_one(forge: Started) -> None:
    old = forge.credential

    forge.credential = provision(forge.process.url, *ADMIN)

    assert forge.client().head(ORGANIZATION, REPO)
    assert not _can_read(forge, old.token)
    assert old.token not in repr(old)


def _commit(forge: Started, path: str) -> Commit:
    return forge.client().commit(ORGANIZATION, REPO, [FileChange(path, b"a")], f"Add {path}", AUTHOR)


def _can_read(forge: Started, token: str) -> bool:
    try:
        return bool(Forgejo(forge.process.url, token).head(ORGANIZATION, REPO))
    except CrontopusError:
        return False


def _succeeds(*arguments: str, cwd: Path) -> bool:
    try:
        git(*arguments, cwd=cwd)
    except subprocess.CalledProcessError:
        return False
    return True
