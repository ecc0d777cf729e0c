"""Costs that were measured before: taken for the same networks, and for no others."""

from dataclasses import replace

import pytest

from unetlite.compare.comparison import read_comparison
from unetlite.compare.costs.costs import Costs, VariantCost
from unetlite.compare.costs.kept import find_costs

SIZE = (16, 16)


@pytest.fixture
def find(trained, tmp_path, monkeypatch):
    """A function that finds costs; `measured` of it counts how often they were measured."""
    comparison = read_comparison(trained)

    def measure(*_):
        find.measured += 1
        variants = {name: VariantCost(7, 8, {"pytorch": 0.5}, 3.0) for name in comparison.variants}
        return Costs(SIZE, "a processor", 1, variants, [], load=find.load)

    def find(size=SIZE, rounds=1):
        return find_costs(tmp_path / "measured_costs.json", comparison, size, rounds, print)

    find.measured = 0
    find.load = None
    find.file = tmp_path / "measured_costs.json"
    find.networks = comparison.networks
    monkeypatch.setattr("unetlite.compare.costs.kept.measure_costs", measure)
    return find


def test_equal_networks_are_measured_once(find):
    first = find()
    assert find() == first
    assert find.measured == 1


def test_what_changes_the_costs_is_measured_anew(find):
    find()
    find(size=(32, 16))
    find(rounds=2)
    network = next(iter(find.networks.values()))
    network.config = replace(network.config, widths=(4, 8, 16))
    find(rounds=2)
    assert find.measured == 4
    find.file.write_text(find.file.read_text().replace("latency", "delay"))
    find(rounds=2)
    assert find.measured == 5


def test_costs_of_a_busy_machine_and_costs_without_times_are_not_kept(find):
    find(rounds=0)
    find.load = "The machine is busy"
    find()
    assert not find.file.exists()
