"""What Prometheus reads is what it can read."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.metrics import Family, Sample, exposition, gauge
from chalicelib.services.health import Dependency
from chalicelib.services.request_metrics import RequestCounts, of_operator


def read(families: list[Family]) -> dict[tuple, float]:
    parsed = text_string_to_metric_families(exposition(families))
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in parsed for sample in family.samples}


@given(value=st.floats(allow_nan=False, allow_infinity=False), label=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_label_and_any_number_come_back(value, label):
    # Its reader splits at what Python calls a line.
    label = " ".join(label.splitlines())

    assert read([gauge("x", "Help.", [Sample(value, {"job": label})])]) == {("x", ("job", label)): value}


def test_a_line_break_is_escaped():
    assert 'job="a\\nb\\\\c\\"d"' in exposition([gauge("x", "He\\lp.\n", [Sample(1, {"job": 'a\nb\\c"d'})])])


def test_a_family_without_samples_is_left_out():
    assert exposition([gauge("x", "Help.", [])]) == ""


def test_a_moment_keeps_its_milliseconds():
    assert read([gauge("x", "Help.", [Sample(1795192422.123)])])["x",] == 1795192422.123


def test_requests_are_told_once_a_minute_in_one_write():
    told, now = [], [0.0]
    counts = RequestCounts(lambda added: told.append(dict(added)), 60, lambda: now[0])

    for second in (0, 10, 59, 60, 61):
        now[0] = float(second)
        counts.count("reads", 200, 1.5)

    assert told == [{"reads 200": 4, "reads us": 6000}]


def test_what_could_not_be_told_is_told_later():
    told, now = [], [0.0]

    def tell(added):
        if now[0] < 100:
            raise Unavailable("away")
        told.append(dict(added))

    counts = RequestCounts(tell, 60, lambda: now[0])
    for second in (60, 61, 120):
        now[0] = float(second)
        counts.count("reads", 429, 0)

    assert told == [{"reads 429": 3, "reads us": 0}]


def test_a_deployment_that_wants_none_counts_nothing():
    counts = RequestCounts(lambda added: 1 / 0, 0)

    counts.count("reads", 200, 1)


def test_the_operator_sees_refusals_and_check_ins_by_status():
    counts = {"check-in 200": 7, "check-in 401": 2, "check-in us": 4_500_000, "login 429": 3, "login us": 100}

    shown = read(of_operator(counts, [Dependency("forge", 12.5, "no answer")]))

    assert shown["crontopus_http_requests_total", ("limit", "check-in"), ("status", "401")] == 2
    assert shown["crontopus_http_requests_total", ("limit", "login"), ("status", "429")] == 3
    assert shown["crontopus_http_request_duration_seconds_sum", ("limit", "check-in")] == 4.5
    assert shown["crontopus_http_request_duration_seconds_count", ("limit", "check-in")] == 9
    assert shown["crontopus_dependency_up", ("name", "forge")] == 0
