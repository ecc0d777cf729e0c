"""What a network costs, against PyTorch's counter and the formulas."""

import pytest
import torch
from helpers import OPERATORS, image, label
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from unetlite.network.complexity import count_parameters, list_layers, training_memory
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_macs_are_those_of_pytorchs_counter_and_of_the_formula(operator):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample=operator)).eval()
    layers = list_layers(network, 33, 50)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image(1, 3, 33, 50))
    assert sum(layer.macs for layer in layers) == counter.get_total_flops() // 2
    for layer in layers:
        if layer.kind == "Conv2d":
            conv = network.get_submodule(layer.name)
            channels, height, width = layer.shape
            taps = conv.in_channels * conv.kernel_size[0] ** 2
            assert layer.macs == channels * height * width * taps


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_parameters_are_those_of_layers_and_norms(operator):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample=operator))
    parameters = sum(layer.parameters for layer in list_layers(network, 8, 8))
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and ".up." not in name:
            parameters += count_parameters(module)
    assert parameters == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("down", ["max", "strided"])
def test_layers_are_listed_in_the_order_in_which_an_image_meets_them(down):
    network = UNet(UNetConfig(widths=(4, 6), downsample={"name": down}, in_channels=1)).train()
    layers = list_layers(network, 16, 10)
    assert [(layer.name, layer.shape) for layer in layers] == [
        ("encoder.blocks.0.0", (4, 16, 10)),
        ("encoder.blocks.0.3", (4, 16, 10)),
        ("encoder.down.0", (4, 8, 5)),
        ("encoder.bottleneck.0", (6, 8, 5)),
        ("encoder.bottleneck.3", (6, 8, 5)),
        ("decoder.0.up", (4, 16, 10)),
        ("decoder.0.conv.0", (4, 16, 10)),
        ("decoder.0.conv.3", (4, 16, 10)),
        ("head", (2, 16, 10)),
    ]
    assert network.training


def test_memory_grows_with_the_pixels_and_includes_the_optimiser():
    config = UNetConfig(widths=(4, 6), norm="none")
    sizes = [training_memory(config, images, 16) for images in (1, 2, 3)]
    maps = sizes[1] - sizes[0]
    # At least the two convolutions of the block before the head keep 4 channels each.
    assert sizes[2] - sizes[1] == maps >= 4 * 2 * 4 * 16 * 16
    assert sizes[0] - maps >= 16 * count_parameters(UNet(config))
