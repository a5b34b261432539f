"""The fields of a manifest, one by one and together."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.jobs import JobIn
from chalicelib.domain import manifest, yaml_source
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest_fields import FIELDS, IN_MANIFEST, body_of, written
from chalicelib.domain.manifest_job import Job
from chalicelib.domain.manifest_schema import schema
from chalicelib.domain.manifest_together import _NEEDS_AN_AGENT, _NEEDS_PINGS
from tests.fixtures.builders import JOB_ID, job

WHOLE = job(
    timezone="Europe/Paris",
    user="backup",
    grace_s=600,
    max_runtime_s=3600,
    min_runtime_s=5,
    concurrency="forbid",
    retry_attempts=3,
    retry_backoff="exponential",
    retry_delay_s=30,
    selector={"platform": ("linux",), "role": ("db", "web")},
    alert_rules=("failed-twice",),
    alert_channels=("ops",),
    nice=10,
    io_class="idle",
    memory_bytes=512 << 20,
    cpu=2,
    depends_on=("dump", "ops/tidy"),
    tenant="ada",
)
PINGED = job(schedule=None, command=None, period_s=3600, checkin_by="ping", checkin_resume="manual", checkin_methods="post")


def text(spec: dict[str, Any], *, drop: tuple[str, ...] = ()) -> bytes:
    whole = {"schedule": "@daily", "command": "true"} | spec
    kept = {key: value for key, value in whole.items() if key not in drop}
    document = {"apiVersion": "v1", "kind": "Job", "metadata": {"id": JOB_ID, "name": "backup"}, "spec": kept}
    return yaml.safe_dump(document).encode()


def read(raw: bytes, *, strict: bool = True) -> Job:
    return manifest.parse(raw, "default/backup.yaml", strict=strict, tenant="ada").job


def problems(spec: dict[str, Any], *, drop: tuple[str, ...] = (), strict: bool = True) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(text(spec, drop=drop), strict=strict)
    return caught.value.problems


@pytest.mark.parametrize(
    "whole", [WHOLE, PINGED, job(is_reported=False, output="none"), job(retry_attempts=0, retry_delay_s=5)]
)
def test_every_field_is_written_and_read_back(whole: Job):
    assert read(manifest.dump(whole).encode()) == whole


def test_what_is_at_its_default_is_left_out():
    assert set(yaml.safe_load(manifest.dump(job()))["spec"]) == {"schedule", "command"}


def test_a_selector_of_one_value_is_written_as_one_word():
    assert yaml.safe_load(manifest.dump(WHOLE))["spec"]["agent"]["selector"] == {"platform": "linux", "role": ["db", "web"]}


def test_every_attribute_of_a_job_is_a_field():
    assert {entry.attribute for entry in FIELDS.values()} == set(Job.__dataclass_fields__)


def test_the_api_has_every_field_under_its_name():
    assert set(JobIn.model_fields) == set(IN_MANIFEST)


def test_the_api_has_the_defaults_of_the_manifest():
    shown = body_of(job())
    body = JobIn(name="backup", schedule="*/5 * * * *", command="echo hello")

    assert {key: value for key, value in body if value is not None and shown[key] != value} == {}


def test_places_that_are_named_elsewhere_are_fields():
    assert {*_NEEDS_AN_AGENT, *_NEEDS_PINGS} <= FIELDS.keys()


@pytest.mark.parametrize(
    ("spec", "place", "words"),
    [
        ({"timezone": "Europe/Pariss"}, "spec.timezone", "did you mean Europe/Paris?"),
        ({"timezone": "localtime"}, "spec.timezone", "no zone's name"),
        ({"timezone": "../../etc/passwd"}, "spec.timezone", "no zone's name"),
        ({"timezone": "right/Europe/Paris"}, "spec.timezone", "no zone's name"),
        ({"schedule": "@reboot", "timezone": "Europe/Paris"}, "spec.timezone", "means nothing to @reboot"),
        ({"schedule": "0 0 31 4,6,9,11 *"}, "spec.schedule", "never fires"),
        ({"user": "Root"}, "spec.user", "login name"),
        ({"user": "a b"}, "spec.user", "login name"),
        ({"grace": "400d"}, "spec.grace", "from 1s to 365d"),
        ({"maxRuntime": 5}, "spec.maxRuntime", "put 5 in quotes"),
        ({"maxRuntime": "5m", "minRuntime": "300s"}, "spec.minRuntime", "less than spec.maxRuntime"),
        ({"concurrency": "forbidd"}, "spec.concurrency", "did you mean forbid?"),
        ({"retry": {"attempts": 6}}, "spec.retry.attempts", "from 0 to 5"),
        ({"retry": {"attempts": True}}, "spec.retry.attempts", "a whole number"),
        ({"retry": {"attempt": 1}}, "spec.retry.attempt", "did you mean attempts?"),
        ({"retry": {"delay": "2h"}}, "spec.retry.delay", "from 1s to 1h"),
        ({"retry": 3}, "spec.retry", "must be a map"),
        ({"agent": {"selector": {"role": []}}}, "spec.agent.selector", "1 to 32 values"),
        ({"agent": {"selector": {"role": 3}}}, "spec.agent.selector", "put numbers"),
        ({"agent": {"select": {}}}, "spec.agent.select", "did you mean selector?"),
        ({"checkin": {"by": "curl"}}, "spec.checkin.by", "must be one of agent, ping"),
        ({"checkin": {"maxOutput": 65537}}, "spec.checkin.maxOutput", "from 1 to 65536"),
        ({"alerts": {"rules": ["A B"]}}, "spec.alerts.rules", "lower-case"),
        ({"alerts": {"channels": ["ops", "ops"]}}, "spec.alerts.channels", "stands twice"),
        ({"resources": {"nice": 20}}, "spec.resources.nice", "from -20 to 19"),
        ({"resources": {"memory": "1M"}}, "spec.resources.memory", "from 16M"),
        ({"resources": {"memory": "1 GB"}}, "spec.resources.memory", "no amount of memory"),
        ({"resources": {"cpu": 0.5}}, "spec.resources.cpu", "whole processors"),
        ({"dependsOn": ["a/b/c"]}, "spec.dependsOn", "NAMESPACE/NAME"),
        ({"dependsOn": ["backup"]}, "spec.dependsOn", "names the job itself"),
        ({"dependsOn": ["default/backup"]}, "spec.dependsOn", "names the job itself"),
        ({"period": "5m"}, "spec.period", "set checkin.by to ping"),
        ({"period": "5m", "checkin": {"by": "ping"}}, "spec.period", "beside spec.schedule"),
        ({"checkin": {"resume": "manual"}}, "spec.checkin.resume", "set checkin.by to ping"),
        ({"checkin": {"by": "ping"}, "timeout": "5m"}, "spec.timeout", "reports by ping"),
        ({"checkin": {"by": "ping"}, "schedule": "@reboot"}, "spec.schedule", "use a period"),
    ],
)
def test_a_value_that_cannot_be_meant_is_explained(spec: dict[str, Any], place: str, words: str):
    found = problems(spec)

    assert list(found) == [place]
    assert words in found[place]
    assert "(line " in found[place]


def test_all_problems_are_told_at_once():
    spec = {"timezone": "Mars/Olympus", "grace": "x", "retry": {"attempts": 9, "delay": "x"}, "dependsOn": "a", "frob": 1}

    found = problems(spec, drop=("schedule", "command"))

    assert set(found) == {
        "spec.timezone", "spec.grace", "spec.retry.attempts", "spec.retry.delay", "spec.dependsOn", "spec.frob",
        "spec.schedule", "spec.command",
    }  # fmt: skip


def test_a_field_that_is_wrong_by_itself_has_no_second_problem():
    assert problems({"schedule": "x"}) == {"spec.schedule": problems({"schedule": "x"})["spec.schedule"]}


@pytest.mark.parametrize("drop", [("schedule",), ("command",)])
def test_a_job_that_an_agent_runs_needs_schedule_and_command(drop: tuple[str, ...]):
    assert problems({}, drop=drop)[f"spec.{drop[0]}"].startswith("is required")


def test_a_job_that_reports_by_ping_needs_no_command_and_no_agent_has_it():
    found = read(text({"checkin": {"by": "ping"}, "period": "90s"}, drop=("schedule", "command")))

    assert (found.period_s, found.is_scheduled) == (90, False)


@pytest.mark.parametrize(("period", "is_good"), [("59s", False), ("60s", True), ("365d", True), ("366d", False)])
def test_a_period_is_a_minute_to_a_year(period: str, is_good: bool):
    raw = text({"checkin": {"by": "ping"}, "period": period}, drop=("schedule",))

    if is_good:
        assert read(raw).period_s
    else:
        with pytest.raises(Invalid, match="1 problem"):
            read(raw)


def test_a_pinged_job_without_schedule_and_period_is_told_of_both():
    assert "may have a period instead" in problems({"checkin": {"by": "ping"}}, drop=("schedule",))["spec.schedule"]


def test_the_tenant_must_be_the_repositorys():
    raw = text({}).replace(b"name: backup", b"name: backup\n  tenant: bob")

    with pytest.raises(Invalid) as caught:
        read(raw)

    assert "says 'bob', but this is the repository of ada" in caught.value.problems["metadata.tenant"]


def test_whether_a_zone_is_known_is_for_the_control_plane_to_say():
    assert read(text({"timezone": "Mars/Olympus"}), strict=False).timezone == "Mars/Olympus"
    assert "no zone's name" in problems({"timezone": "../x"}, strict=False)["spec.timezone"]


def _kinds(node: Any) -> set[str]:
    return set(node.get("properties", {}))


def test_the_schema_names_every_field_and_no_other():
    spec: Any = schema()["properties"]
    found = {f"metadata.{key}" for key in spec["metadata"]["properties"]}
    for key, node in spec["spec"]["properties"].items():
        inner = _kinds(node)
        found |= {f"spec.{key}.{name}" for name in inner} if inner else {f"spec.{key}"}

    assert found == FIELDS.keys()


_WORD = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_VALUE = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(_WORD, max_size=2), st.just({}))


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), _VALUE, max_size=6))
def test_no_value_of_any_kind_is_more_than_a_problem(values: dict[str, Any]):
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {}}
    for place, value in values.items():
        *sections, last = place.split(".")
        target = document
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = value

    try:
        found = manifest.read(yaml_source.Source(document), "default", strict=True).job
    except Invalid as e:
        assert e.problems
    else:
        assert manifest.parse(manifest.dump(found).encode(), "default/a.yaml", strict=True).job == found


def test_the_reference_names_every_field():
    text = (Path(__file__).parents[2] / "docs" / "job-manifest-spec.md").read_text()

    assert {place for place in FIELDS if f"`{place}`" not in text} == set()


def test_the_example_of_the_reference_is_a_good_manifest():
    text = (Path(__file__).parents[2] / "docs" / "job-manifest-spec.md").read_text()
    example = text.split("```yaml\n")[1].split("```")[0]

    assert manifest.parse(example.encode(), "default/backup-database.yaml", strict=True).job.cpu is None


@pytest.mark.parametrize("whole", [WHOLE, PINGED, job()])
def test_the_apis_body_says_what_the_manifest_says(whole: Job):
    assert body_of(whole) == {key: written(whole, place) for key, place in IN_MANIFEST.items()}
