"""Folding changes what is computed, and nothing that comes out."""

import pytest
import torch
from helpers import OPERATORS, as_trained, image, label
from torch import nn

from unetlite.network.folding import fold
from unetlite.network.measures import layers


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("size", [(1, 1), (37, 91), (64, 64)])
@torch.no_grad()
def test_a_folded_network_is_equal(operator, norm, size):
    network = as_trained(operator, norm=norm)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold(network)
    x = image(2, 3, *size)
    expected, out = network(x), folded(x)
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_no_batch_norm_is_left_and_what_is_said_to_be_saved_is_saved(operator):
    network = as_trained(operator)
    folded = fold(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    before, after = ({layer.name: layer for layer in layers(n, 64, 64)} for n in (network, folded))
    saved = {"nearest-3": 2.25, "nearest-1": 4, "bilinear-1": 4, "bicubic-1": 4, "zeros": 4}.get(label(operator), 1)
    for level in range(3 if label(operator) != "zeros-True" else 0):  # the filter costs what it did
        name = f"decoder.{level}.up"
        assert before[name].multiplications / after[name].multiplications == saved
