"""Which ports the local stack listens on."""

from dataclasses import asdict
from pathlib import Path

import pytest

from infra.local.layout import DEFAULT_PORTS, Ports
from infra.local.ports import choose_ports, read_ports
from infra.local.stopped import Stopped


def choose(noted: Path, wanted: dict[str, int] | None = None, taken: tuple[int, ...] = (), ours: tuple[str, ...] = ()) -> Ports:
    return choose_ports(noted, wanted or {}, lambda port: port in taken, lambda name: name in ours)


def test_a_free_machine_gets_the_well_known_ports(tmp_path: Path):
    assert choose(tmp_path / "ports.json") == DEFAULT_PORTS


def test_a_taken_port_is_passed_over_the_first_time(tmp_path: Path):
    assert choose(tmp_path / "ports.json", taken=(8080, 8081)).front == 8082


def test_what_was_chosen_stays_chosen(tmp_path: Path):
    first = choose(tmp_path / "ports.json", taken=(8080,))

    assert choose(tmp_path / "ports.json") == first
    assert read_ports(tmp_path / "ports.json") == first


@pytest.mark.parametrize(
    ("wanted", "taken"), [({"forge": 8081}, (8080,)), ({"front": 4566}, ()), ({"aws": 3000}, (8080, 3001))]
)
def test_two_ports_are_never_the_same(tmp_path: Path, wanted: dict[str, int], taken: tuple[int, ...]):
    ports = choose(tmp_path / "ports.json", wanted, taken)

    assert len(set(asdict(ports).values())) == 3


def test_a_wanted_port_is_used(tmp_path: Path):
    assert choose(tmp_path / "ports.json", wanted={"front": 9000}).front == 9000


def test_a_wanted_port_that_is_taken_stops_it(tmp_path: Path):
    with pytest.raises(Stopped, match=r"port 9000 is taken.*CRONTOPUS_PORT"):
        choose(tmp_path / "ports.json", wanted={"front": 9000}, taken=(9000,))


def test_our_own_service_does_not_take_the_port_from_us(tmp_path: Path):
    first = choose(tmp_path / "ports.json")

    assert choose(tmp_path / "ports.json", taken=(first.front, first.aws), ours=("front", "aws")) == first


def test_a_kept_port_that_somebody_else_has_taken_stops_it(tmp_path: Path):
    choose(tmp_path / "ports.json")

    with pytest.raises(Stopped, match="port 3000 of this stack is taken"):
        choose(tmp_path / "ports.json", taken=(3000,))


def test_another_port_than_the_kept_one_stops_it(tmp_path: Path):
    choose(tmp_path / "ports.json")

    with pytest.raises(Stopped, match=r"8080.*unset CRONTOPUS_PORT.*make reset"):
        choose(tmp_path / "ports.json", wanted={"front": 9000})
