"""Folding changes what is computed, and nothing that comes out."""

import pytest
import torch
from test_unet import OPERATORS, image, label
from torch import nn

from unetlite.explain.layers import layers
from unetlite.fold import fold
from unetlite.unet import UNet, UNetConfig, initialise


def trained(operator, **options):
    """A network with running statistics and affine parameters as after training, and a bias for every sub-pixel."""
    network = UNet(UNetConfig(**{"widths": (4, 6, 8, 10), "upsample": operator, **options}))
    initialise(network, seed=0)
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("size", [(1, 1), (37, 91), (64, 64)])
@torch.no_grad()
def test_a_folded_network_is_equal(operator, norm, size):
    network = trained(operator, norm=norm)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded, _ = fold(network)
    x = image(2, 3, *size)
    expected, out = network(x), folded(x)
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_no_batch_norm_is_left_and_what_is_said_to_be_saved_is_saved(operator):
    network = trained(operator)
    folded, rewrites = fold(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert sum("batch norm" in rewrite.what for rewrite in rewrites) == 14  # two each in 3 + 1 + 3 blocks
    assert all(rewrite.after < rewrite.before for rewrite in rewrites)
    ups = {rewrite.name: rewrite for rewrite in rewrites if rewrite.name.endswith(".up")}
    assert bool(ups) == (label(operator) in {"nearest-1", "nearest-3", "bilinear-1", "bicubic-1", "zeros"})
    before, after = ({layer.name: layer for layer in layers(n, 64, 64)} for n in (network, folded))
    for name, rewrite in ups.items():
        ratio = before[name].multiplications / after[name].multiplications
        assert ratio == pytest.approx(rewrite.before / rewrite.after)
        assert ratio == (2.25 if operator.get("kernel_size") == 3 else 4)
