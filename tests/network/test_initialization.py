"""Initial weights depend on the seed and the name of a module, and on nothing else."""

import pytest
import torch
from helpers import OPERATORS
from torch import nn

from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig


def build(operator, seed=0):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample=operator))
    initialise(network, seed)
    return network


def test_no_parameter_outside_the_operator_depends_on_it():
    expected = build(OPERATORS[0]).state_dict()
    for position, operator in enumerate(OPERATORS):
        torch.manual_seed(position)  # what was drawn before must not matter
        state = build(operator).state_dict()
        outside = [name for name in state if ".up." not in name]
        assert outside == [name for name in expected if ".up." not in name]
        for name in outside:
            assert torch.equal(state[name], expected[name]), name


def test_another_seed_draws_other_parameters():
    states = [build(OPERATORS[0], seed).state_dict() for seed in (0, 1)]
    compared = 0
    for name, value in states[0].items():
        if name.endswith("weight") and value.ndim == 4:  # of a convolution
            assert not torch.equal(value, states[1][name]), name
            compared += 1
    assert compared == 13


def test_the_global_generator_is_left_as_it_was():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    network = nn.Linear(1, 1, device="meta")
    initialise(network, seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_what_a_module_sets_after_its_parts_stays():
    class Block(nn.Sequential):
        def reset_parameters(self):
            nn.init.constant_(self[0].bias, 3.0)

    block = Block(nn.Linear(2, 2))
    initialise(block, seed=0)
    assert block[0].bias.tolist() == [3, 3]


def test_a_module_with_parameters_needs_a_way_to_draw_them():
    bare = nn.Module()
    bare.weight = nn.Parameter(torch.randn(3))
    with pytest.raises(TypeError, match="no reset_parameters"):
        initialise(bare, seed=0)
