"""When cron looks at its tables next, and what keeps `make up` from starting."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.demo import next_minute
from infra.local.layout import Layout, layout, outside_forge, refuse_unusable, wanted_ports
from infra.local.stopped import Stopped


@pytest.mark.parametrize(
    ("now", "due"),
    [("14:02:37", "14:03:00"), ("14:02:59.999", "14:03:00"), ("14:03:00", "14:04:00"), ("23:59:30", "00:00:00")],
)
def test_cron_looks_at_the_next_full_minute(now: str, due: str):
    moment = datetime.fromisoformat(f"2026-02-28T{now}").replace(tzinfo=UTC)

    assert f"{next_minute(moment):%H:%M:%S}" == due
    assert next_minute(moment) > moment


@pytest.mark.parametrize("name", ["with space", "tab\there", "100%"])
def test_a_folder_that_a_crontab_line_cannot_name_is_refused(name: str):
    with pytest.raises(Stopped, match="CRONTOPUS_LOCAL="):
        refuse_unusable(Layout(Path("/home/u") / name))


def test_an_ordinary_folder_is_taken():
    refuse_unusable(Layout(Path("/home/u/.local-1")))


def test_the_environment_names_folder_ports_and_forge():
    environment = {
        "CRONTOPUS_LOCAL": "/srv/x",
        "CRONTOPUS_PORT": "9000",
        "FORGEJO_URL": "https://git.example.org/",
        "FORGEJO_ADMIN_USER": "root",
        "FORGEJO_ADMIN_PASSWORD": "p",
    }

    forge = outside_forge(environment)

    assert layout(environment).root == Path("/srv/x")
    assert wanted_ports(environment) == {"front": 9000}
    assert forge is not None
    assert (forge.url, forge.admin_user) == ("https://git.example.org", "root")


def test_an_empty_environment_means_the_defaults():
    assert layout({"CRONTOPUS_LOCAL": ""}).root.name == ".local"
    assert wanted_ports({}) == {}
    assert outside_forge({}) is None
