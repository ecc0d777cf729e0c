"""Folding changes what is computed, and nothing that comes out."""

import pytest
import torch
from helpers import OPERATORS, as_trained, image, label
from torch import nn

from unetlite.network.complexity import list_layers
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.network.upsampling.resize import Nearest
from unetlite.settings.schema import UNetConfig

SAVINGS = {"nearest-3": 2.25, "nearest-1": 4, "bilinear-1": 4, "bicubic-1": 4, "zeros": 4}
"""MACs as trained by MACs folded."""


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@torch.no_grad()
def test_a_folded_network_is_equal_and_has_no_batch_norm(operator):
    network = as_trained(operator)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for runtime in ("pytorch", "onnxruntime"):
        folded = fold(network, runtime)
        for size in ((1, 1), (37, 43)):
            x = image(2, 3, *size)
            expected = network(x)
            assert (folded(x) - expected).abs().max() <= 1e-5 * expected.abs().max()
        assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@torch.no_grad()
def test_other_norms_stay():
    network = as_trained({"name": "nearest"}, norm="group")
    x = image(1, 3, 20, 20)
    torch.testing.assert_close(fold(network)(x), network(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_folding_saves_the_macs_that_it_claims(operator):
    network = as_trained(operator)
    before = {layer.name: layer for layer in list_layers(network, 32, 32)}
    after = {layer.name: layer for layer in list_layers(fold(network), 32, 32)}
    name = "decoder.0.up"
    if name not in after:  # a plain convolution, then a resize
        assert before[name].macs == 4 * network.decoder[0].up.conv.weight[0].numel() * 8 * 4 * 4
        return
    if label(operator) != "zeros-True":  # whose filter costs what it did
        assert before[name].macs / after[name].macs == SAVINGS.get(label(operator), 1)


def test_a_form_that_is_slow_in_a_runtime_is_left_out():
    network = as_trained({"name": "nearest"})
    kept = fold(network, "onnxruntime").decoder[0].up
    replaced = fold(network, "openvino").decoder[0].up
    assert (type(kept).__name__, type(replaced).__name__) == ("Nearest", "Transpose")


@torch.no_grad()
def test_a_new_forward_does_not_inherit_a_folded_form(monkeypatch):
    class Doubled(Nearest):
        def forward(self, x, skip):
            return 2 * super().forward(x, skip)

    monkeypatch.setitem(UPSAMPLERS, "doubled", Doubled)
    network = UNet(UNetConfig(widths=(4, 6), upsample={"name": "doubled"})).eval()
    x = image(1, 3, 8, 8)
    torch.testing.assert_close(fold(network)(x), network(x), rtol=1e-5, atol=1e-5)
