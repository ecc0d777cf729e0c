"""Costs: what is counted and measured, and what happens without a runtime."""

import torch

from unetlite.compare.comparison import read_comparison
from unetlite.compare.costs.costs import measure_costs, training_step
from unetlite.network.checkpoint import load_network


def test_runtimes_that_are_missing_are_named_and_the_others_are_measured(trained, no_onnx):
    comparison = read_comparison(trained)
    costs = measure_costs(comparison, (16, 16), 1, lambda *_: None)
    for name in comparison.variants:
        assert set(costs.variants[name].latency) == {"pytorch"}
        assert costs.variants[name].training_step > 0
        assert f"{name} in OpenVINO (No module named 'onnx')" in costs.missing
    assert len(costs.missing) == 4
    assert set(costs.fastest) == set(comparison.variants)


def test_without_rounds_nothing_is_timed(trained):
    costs = measure_costs(read_comparison(trained), (16, 16), 0, lambda *_: None)
    assert costs.fastest == {}
    assert costs.missing == []
    for cost in costs.variants.values():
        assert cost.training_step is None
        assert cost.macs > 0
    assert costs.variants["bilinear"].parameters > costs.variants["transpose"].parameters


def test_a_timed_training_step_leaves_the_network_as_it_was(trained):
    network = load_network(trained / "transpose" / "seed0" / "best.ckpt").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    training_step(network, 2, 16, "32-true")()
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
