import pytest

from agent.desired import Desired, Record, TreeFile, is_manifest, refresh, resolve
from chalicelib.domain.errors import Invalid
from chalicelib.domain.ids import uuid4_from

ID_A = uuid4_from(b"a" * 16)
ID_B = uuid4_from(b"b" * 16)


def text(job_id: str | None = ID_A, *, name: str = "a", schedule: str = "*/5 * * * *", more: str = "") -> str:
    identity = f"id: {job_id}, " if job_id else ""
    head = f"apiVersion: v1\nkind: Job\nmetadata: {{{identity}name: {name}}}\n"
    return head + f'spec:\n  schedule: "{schedule}"\n  command: "true"\n{more}'


class Repository:
    """Commits as dictionaries. reads: the blobs that were looked into."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.reads: list[str] = []

    def see(self, files: dict[str, str | TreeFile], owners: dict[str, str] | None = None) -> Desired:
        tree = [content if isinstance(content, TreeFile) else TreeFile(path, content) for path, content in files.items()]
        self.records = refresh(self.records, tree, self._read)
        return resolve(self.records, owners or {})

    def _read(self, sha: str) -> bytes:
        self.reads.append(sha)
        if sha == "huge":
            raise Invalid.of({"manifest": "at most 65536 bytes, this has 5000000"})
        return sha.encode()


def test_a_manifest_becomes_a_job_by_its_id() -> None:
    desired = Repository().see({"default/a.yaml": text()})

    assert desired.jobs[ID_A].job.name == "a"
    assert desired.jobs[ID_A].path == "default/a.yaml"


def test_the_namespace_is_the_first_folder_however_deep_the_file_lies() -> None:
    desired = Repository().see({"ops/db/nightly/a.yml": text()})

    assert desired.jobs[ID_A].job.namespace == "ops"


def test_the_schedule_is_kept_as_cron_takes_it() -> None:
    desired = Repository().see({"default/a.yaml": text(schedule="@daily")})

    assert desired.jobs[ID_A].fields == "0 0 * * *"


def test_what_was_read_once_is_not_read_again() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text(), "default/b.yaml": text(ID_B, name="b")})
    repository.see({"default/a.yaml": text(), "default/b.yaml": text(ID_B, name="b", schedule="1 1 * * *")})

    assert len(repository.reads) == 3


def test_a_manifest_that_breaks_keeps_its_last_good_version_and_says_where_it_broke() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    desired = repository.see({"default/a.yaml": text(schedule="* *")})

    assert desired.jobs[ID_A].job.schedule == "*/5 * * * *"
    assert desired.jobs[ID_A].blob == text()
    assert "default/a.yaml: spec.schedule: needs 5 fields" in desired.problems[0]
    assert "(line 5, column 13)" in desired.problems[0]


def test_a_broken_manifest_is_not_read_again_until_it_changes() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})
    repository.see({"default/a.yaml": "{"})
    repository.see({"default/a.yaml": "{"})

    assert repository.reads == [text(), "{"]


def test_a_mended_manifest_loses_its_problem() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": "{"})

    assert repository.see({"default/a.yaml": text()}).problems == ()


def test_one_broken_manifest_does_not_touch_the_others() -> None:
    desired = Repository().see({"default/a.yaml": "{", "default/b.yaml": text(ID_B, name="b")})

    assert (list(desired.jobs), len(desired.problems)) == ([ID_B], 1)


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "[" * 20_000,
        "a: 1\na: 2\n",
        "a: !!python/object/apply:os.system [id]\n",
        text() + "---\n" + text(),
    ],
)
def test_hostile_yaml_is_a_problem_of_its_own_file_only(bomb: str) -> None:
    desired = Repository().see({"default/a.yaml": bomb, "default/b.yaml": text(ID_B, name="b")})

    assert (list(desired.jobs), len(desired.problems) + len(desired.warnings)) == ([ID_B], 1)


def test_a_manifest_without_an_id_is_not_scheduled_and_the_problem_says_so() -> None:
    desired = Repository().see({"default/a.yaml": text(None)})

    assert desired.jobs == {}
    assert "metadata.id: is missing" in desired.problems[0]


def test_a_manifest_that_loses_its_id_keeps_the_version_that_had_one() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    assert list(repository.see({"default/a.yaml": text(None)}).jobs) == [ID_A]


def test_a_moved_file_is_the_same_job_in_another_namespace() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    desired = repository.see({"ops/a.yaml": text()}, owners={ID_A: "default/a.yaml"})

    assert (desired.jobs[ID_A].path, desired.jobs[ID_A].job.namespace) == ("ops/a.yaml", "ops")
    assert desired.problems == ()


def test_a_file_that_was_moved_and_broken_at_once_keeps_its_last_good_version() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    desired = repository.see({"ops/a.yaml": text(schedule="* *")})

    assert desired.jobs[ID_A].job.schedule == "*/5 * * * *"


def test_a_copied_id_stays_with_the_path_that_owned_it() -> None:
    repository = Repository()

    desired = repository.see(
        {"default/a.yaml": text(name="a"), "default/z.yaml": text(name="z")}, owners={ID_A: "default/z.yaml"}
    )

    assert desired.jobs[ID_A].path == "default/z.yaml"
    assert "default/a.yaml: metadata.id" in desired.problems[0]


def test_an_id_that_was_copied_before_anyone_owned_it_goes_to_the_first_path() -> None:
    desired = Repository().see({"default/b.yaml": text(name="b"), "default/a.yaml": text(name="a")})

    assert desired.jobs[ID_A].path == "default/a.yaml"


def test_another_id_in_the_same_file_is_another_job() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    assert list(repository.see({"default/a.yaml": text(ID_B)}).jobs) == [ID_B]


def test_a_removed_file_is_a_removed_job() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    assert repository.see({}).jobs == {}


def test_an_unknown_field_is_a_warning() -> None:
    desired = Repository().see({"default/a.yaml": text(more="  priority: 5m\n")})

    assert list(desired.jobs) == [ID_A]
    assert "priority" in desired.warnings[0]


@pytest.mark.parametrize(
    "content", ["kind: Namespace\ndescription: x\n", text().replace("v1", "v2"), "version https://git-lfs.x/spec/v1"]
)
def test_what_never_claimed_to_be_a_job_is_ignored_with_a_warning(content) -> None:
    desired = Repository().see({"default/a.yaml": content})

    assert (desired.jobs, desired.problems) == ({}, ())
    assert desired.warnings[0].startswith("default/a.yaml: ignored")


def test_a_job_that_becomes_a_version_we_do_not_know_stays_as_it_was() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    desired = repository.see({"default/a.yaml": text().replace("v1", "v2")})

    assert list(desired.jobs) == [ID_A]
    assert len(desired.problems) == 1


@pytest.mark.parametrize(
    "path", ["a.yaml", "Ops/a.yaml", "default/-rf.yaml", "default/A.yaml", "../a.yaml", "default/../../a.yaml"]
)
def test_a_manifest_in_a_place_where_none_belongs_is_never_read(path) -> None:
    repository = Repository()

    desired = repository.see({path: text()})

    assert (desired.jobs, repository.reads) == ({}, [])


def test_a_pointer_of_git_lfs_is_no_manifest() -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"
    desired = Repository().see({"default/a.yaml": pointer})

    assert (desired.jobs, desired.problems) == ({}, ())
    assert desired.warnings[0].startswith("default/a.yaml: ignored: ")
    assert "4d7a214614ab2935" not in desired.warnings[0]


def test_hidden_folders_and_other_files_are_no_manifests() -> None:
    assert not any(map(is_manifest, [".forgejo/workflows/ci.yaml", "default/.gitkeep", "README.md", "default/.a.yaml"]))
    assert not is_manifest("default/namespace.yaml")
    assert is_manifest("default/deep/namespace.yaml")


@pytest.mark.parametrize("kind", ["symlink", "submodule"])
def test_what_is_no_plain_file_is_never_read(kind) -> None:
    repository = Repository()

    desired = repository.see({"default/a.yaml": TreeFile("default/a.yaml", "somewhere", kind)})

    assert (repository.reads, desired.jobs) == ([], {})
    assert kind in desired.warnings[0]


def test_a_job_whose_file_becomes_a_symlink_stays_as_it_was() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    assert list(repository.see({"default/a.yaml": TreeFile("default/a.yaml", "x", "symlink")}).jobs) == [ID_A]


def test_a_file_that_grows_too_large_keeps_its_last_good_version() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text()})

    desired = repository.see({"default/a.yaml": "huge"})

    assert (list(desired.jobs), len(desired.problems)) == ([ID_A], 1)


def test_an_unreadable_manifest_without_a_good_version_names_the_ids_it_may_define() -> None:
    desired = Repository().see({"default/a.yaml": text(schedule="* *")})

    assert desired.unsure_ids == {ID_A}
    assert desired.unsure_paths == {"default/a.yaml"}


def test_a_tenant_that_does_not_fit_is_a_warning() -> None:
    repository = Repository()
    repository.see({"default/a.yaml": text().replace("name: a", "name: a, tenant: bob")})

    assert "tenant says 'bob'" in resolve(repository.records, {}, "ada").warnings[0]


def test_a_discovered_job_gets_no_entry_beside_the_one_it_was_found_as() -> None:
    found = text().replace("name: a}", "name: a, labels: {source: discovered}}")

    assert not Repository().see({"discovered/a.yaml": found}).jobs[ID_A].job.is_scheduled
