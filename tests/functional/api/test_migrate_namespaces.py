"""The script that brings repositories of earlier days to today's layout, on a real forge."""

import pytest
from click.testing import CliRunner

from chalicelib.domain.errors import NotFound
from chalicelib.forgejo.client import Forgejo
from infra.migrate_namespaces import main, migrate, plan
from tests.functional.api import forge as forges
from tests.functional.api.test_job_moves import changed_files

OLD = {"production/backup.yaml": b"kind: Job", "staging/.gitkeep": b"", "Legacy Jobs/x.yaml": b"x", ".github/x": b"x"}


@pytest.fixture
def old(forge):
    """Two repositories of the old layout, and an empty one."""
    admin = Forgejo(forge.url, forge.bot_token, basic=(forges.ADMIN, forges.ADMIN_PASSWORD))
    for name in ("kim", "lou", "new"):
        repository = f"job-manifests-{name}"
        made = {"name": repository, "private": True, "default_branch": "main"}
        admin._admin.call("POST", f"orgs/{forge.organization}/repos", body=made)
        admin.ensure_collaborator(forge.organization, repository, "crontopus-api", "write")
    for name in ("kim", "lou"):
        forge.push_all(name, OLD)
    return forge


def run(forge, *arguments):
    options = ["--forge-url", forge.url, "--organization", forge.organization, *arguments]
    return CliRunner().invoke(main, options, env={"FORGE_TOKEN": forge.bot_token})


def test_what_is_missing_is_made_and_what_is_there_stays(old):
    done = run(old)

    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "kim: creates default/, discovered/; keeps production, staging; no namespaces because of their names: Legacy Jobs",
            "lou: creates default/, discovered/; keeps production, staging; no namespaces because of their names: Legacy Jobs",
            "new: creates default/, discovered/",
        ],
    )
    assert changed_files(old, "kim") == ["A\tdefault/.gitkeep", "A\tdiscovered/.gitkeep"]
    assert len(old.commits("new")) == 1


def test_again_it_changes_nothing(old):
    run(old)
    before = old.commits("kim")

    again = run(old)

    assert "kim: is up to date; keeps production, staging" in again.stdout
    assert old.commits("kim") == before


def test_a_dry_run_says_the_same_and_changes_nothing(old):
    said = run(old, "--dry-run").stdout

    assert "kim: would: creates default/, discovered/; keeps" in said
    assert len(old.commits("kim")) == 1


def test_one_tenant_alone_is_brought_up_to_date(old):
    assert run(old, "--tenant", "lou").stdout.startswith("lou: creates")
    assert (len(old.commits("kim")), len(old.commits("lou"))) == (1, 2)


def test_a_tenant_that_is_not_there_is_said(old):
    assert run(old, "--tenant", "nobody").exit_code == 1
    with pytest.raises(NotFound):
        migrate(Forgejo(old.url, old.bot_token), old.organization, "nobody", dry_run=True)


def test_without_a_token_nothing_is_asked(old):
    done = CliRunner().invoke(main, ["--forge-url", old.url], env={"FORGE_TOKEN": ""})

    assert (done.exit_code, "FORGE_TOKEN" in done.output) == (2, True)


def test_one_missing_namespace_is_made_alone():
    assert plan({"default", "ops"}).missing == ("discovered",)
