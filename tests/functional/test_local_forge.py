"""What only the local forge can be asked: broken packs, races inside one fetch, requests that are no requests."""

import io
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
import requests
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob, Commit, ShaFile, Tree
from dulwich.pack import pack_objects_to_data, write_pack_data

from chalicelib.forgejo.files import Author, FileChange
from infra.local.forge.process import ForgeProcess
from infra.local.forge.provision import BOT, ORGANIZATION, provision
from tests.contract.forge.world import Repository, World

ZERO = "0" * 40
AUTHOR = Author("Ann Author", "ann@example.org")
CONTENT_TYPE = "application/x-git-{}-request"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("forge")
    (folder / "password").write_text("only-for-this-test-run")
    with ForgeProcess(folder / "data", "site", folder / "password") as process:
        made = World(process.url, ("site", "only-for-this-test-run"), is_local=True)
        made.set_up()
        yield made


@pytest.fixture
def repository(world: World) -> Repository:
    return world.repository()


def test_a_pack_that_is_cut_short_moves_nothing(world: World, repository: Repository) -> None:
    head = world.client().head(repository.owner, repository.name)
    new = _objects()

    answer = _push(world, repository, f"{head} {new[-1].id.decode()} refs/heads/main", _pack(new)[:-30])

    assert b"unpack broken pack" in answer.content
    assert world.client().head(repository.owner, repository.name) == head


def test_a_pack_that_lacks_objects_moves_nothing(world: World, repository: Repository) -> None:
    head = world.client().head(repository.owner, repository.name)
    blob, tree, commit = _objects()

    answer = _push(world, repository, f"{head} {commit.id.decode()} refs/heads/main", _pack([tree, commit]))

    assert b"the pack lacks " + blob.id in answer.content
    assert world.client().head(repository.owner, repository.name) == head


def test_a_push_onto_a_head_that_moved_is_told_to_fetch(world: World, repository: Repository) -> None:
    old = world.client().head(repository.owner, repository.name)
    newest = _write(world, repository, "default/a.yaml")
    new = _objects()

    answer = _push(world, repository, f"{old} {new[-1].id.decode()} refs/heads/main", _pack(new))

    assert b"ng refs/heads/main fetch first" in answer.content
    assert world.client().head(repository.owner, repository.name) == newest


@pytest.mark.parametrize("ref", ["HEAD", "refs/heads/../../config", "refs/heads/x.lock"])
def test_a_push_to_a_funny_ref_is_refused(world: World, repository: Repository, ref: str) -> None:
    new = _objects()

    answer = _push(world, repository, f"{ZERO} {new[-1].id.decode()} {ref}", _pack(new))

    assert b"ng " + ref.encode() in answer.content


def test_a_commit_in_the_middle_of_a_fetch_does_not_break_it(world: World, repository: Repository) -> None:
    advertised = world.client().head(repository.owner, repository.name) or ""
    _write(world, repository, "default/a.yaml")

    answer = _post(world, repository, "upload-pack", _want(advertised))

    assert answer.status_code == 200
    assert b"PACK" in answer.content


def test_a_fetch_of_something_unreachable_is_refused(world: World, repository: Repository) -> None:
    answer = _post(world, repository, "upload-pack", _want("f" * 40))

    assert answer.status_code == 400


@pytest.mark.parametrize("ref", ["../../config", "..", "main/../../HEAD", "%2e%2e%2fconfig"])
def test_a_ref_cannot_name_another_file(world: World, repository: Repository, ref: str) -> None:
    assert world.api("GET", f"{repository.path}/contents/default?ref={ref}").status_code == 404


@pytest.mark.parametrize("path", ["a/../../b", "/etc/passwd", "..", "a//b"])
def test_a_path_stays_in_the_repository(world: World, repository: Repository, path: str) -> None:
    files = [{"operation": "create", "path": path, "content": ""}]

    answer = world.api("POST", f"{repository.path}/contents", {"files": files, "message": "Climb"})

    assert answer.status_code in (201, 422)
    assert all(".." not in file["path"] and not file["path"].startswith("/") for file in answer.json().get("files", []))


def test_an_author_cannot_break_the_commit_apart(world: World, repository: Repository) -> None:
    evil = Author("Eve>\nparent " + "f" * 40, "eve@example.org>\ntree x")

    made = world.client().commit(repository.owner, repository.name, [FileChange("a", b"a")], "Add", evil)

    newest = world.api("GET", f"{repository.path}/git/commits/{made.sha}").json()
    assert len(newest["parents"]) == 1
    assert "\n" not in newest["commit"]["author"]["name"]


def test_an_executable_stays_one_when_its_content_changes(world: World, repository: Repository) -> None:
    tool = Blob.from_string(b"true\n")
    tree = Tree()
    tree.add(b"tool.sh", 0o100755, tool.id)
    new = [tool, tree, _commit_of(tree)]
    _push(world, repository, f"{ZERO} {new[-1].id.decode()} refs/heads/tools", _pack(new))
    change = FileChange("tool.sh", b"false\n", tool.id.decode())

    world.client().commit(repository.owner, repository.name, [change], "Change", AUTHOR, "tools")

    assert world.client().list_tree(repository.owner, repository.name, "tools")[0].mode == "100755"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_invalid(world: World, body: bytes) -> None:
    answer = requests.post(f"{world.url}/api/v1/orgs", body, auth=world.admin, timeout=30)

    assert answer.status_code == 422


def test_one_connection_carries_many_requests(world: World) -> None:
    connection = HTTPConnection("127.0.0.1", int(world.url.rpartition(":")[2]), timeout=30)
    for _ in range(3):
        connection.request("GET", "/api/v1/version")
        assert connection.getresponse().read().startswith(b'{"version": "15.')
    connection.close()


@pytest.mark.parametrize(
    "head",
    [
        "POST /api/v1/orgs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/orgs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /api/v1/orgs HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_request_that_is_none_is_answered_with_400(world: World, head: str) -> None:
    with socket.create_connection(("127.0.0.1", int(world.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(head.encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_an_unknown_route_is_404_and_an_unknown_method_405(world: World) -> None:
    assert world.api("GET", "nothing/here").status_code == 404
    assert world.api("PUT", "version").status_code == 405


def test_the_bot_of_provisioning_cannot_change_settings(world: World) -> None:
    credential = provision(world.url, *world.admin)
    forge = world.client()
    forge.ensure_repository(ORGANIZATION, "job-manifests-t", "")
    forge.ensure_collaborator(ORGANIZATION, "job-manifests-t", BOT, "write")

    answer = world.api("PATCH", f"repos/{ORGANIZATION}/job-manifests-t", {"private": False}, token=credential.token)

    assert answer.status_code == 403


def test_identical_files_written_at_once_do_not_disturb_each_other(world: World, repository: Repository) -> None:
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(_write, world, repository, f"default/same-{number}.yaml") for number in range(4)]
        for act in writing:
            act.result()

    paths = [entry.path for entry in world.client().list_tree(repository.owner, repository.name) if "same" in entry.path]
    assert len(paths) == 4


def _objects() -> tuple[Blob, Tree, Commit]:
    blob = Blob.from_string(b"a")
    tree = Tree()
    tree.add(b"a", 0o100644, blob.id)
    return blob, tree, _commit_of(tree)


def _commit_of(tree: Tree) -> Commit:
    commit = Commit()
    commit.tree = tree.id
    commit.author = commit.committer = b"Gita <gita@example.org>"
    commit.author_time = commit.commit_time = 1_800_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"By hand\n"
    return commit


def _pack(objects: Sequence[ShaFile]) -> bytes:
    out = io.BytesIO()
    count, data = pack_objects_to_data([(one, None) for one in objects])
    write_pack_data(out.write, data, num_records=count, object_format=DEFAULT_OBJECT_FORMAT)
    return out.getvalue()


def _line(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


def _want(sha: str) -> bytes:
    return _line(f"want {sha} side-band-64k thin-pack ofs-delta\n") + b"0000" + _line("done\n")


def _push(world: World, one: Repository, command: str, pack: bytes) -> requests.Response:
    return _post(world, one, "receive-pack", _line(f"{command}\0report-status") + b"0000" + pack)


def _post(world: World, one: Repository, service: str, body: bytes) -> requests.Response:
    url = f"{world.client().clone_url(one.owner, one.name)}/git-{service}"
    headers = {"Content-Type": CONTENT_TYPE.format(service)}
    return requests.post(url, body, headers=headers, auth=world.admin, timeout=30)


def _write(world: World, one: Repository, path: str) -> str:
    return world.client().commit(one.owner, one.name, [FileChange(path, b"a: 1\n")], "Write", AUTHOR).sha
