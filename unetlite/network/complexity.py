"""What a network costs: parameters, MACs, memory of a training step."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.flop_counter import FlopCounterMode

from unetlite.network.blocks import ConvBlock
from unetlite.network.downsampling import Downsampler
from unetlite.network.encoders.timm import TimmBody
from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import Upsampler
from unetlite.settings.schema import UNetConfig


class Layer(NamedTuple):
    """A convolution; or an upsampling or downsampling operator, or timm's network, as a whole."""

    name: str  # in the network
    kind: str  # its class
    shape: tuple[int, ...]  # of its output, (C, H, W)
    parameters: int
    macs: int


def count_parameters(module: nn.Module) -> int:
    """The number of trainable values."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_macs(network: UNet, height: int, width: int) -> int:
    """MACs of convolutions and matrix products for one image; interpolation is not counted."""
    return macs_by_module(network, height, width)[""]


def macs_by_module(network: UNet, height: int, width: int) -> dict[str, int]:
    """MACs by the name of the module, "" for the whole network, which is left as it was."""
    image = torch.zeros(
        1,
        network.config.in_channels,
        height,
        width,
        device=network.mean.device,
    )
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    network.train(was_training)
    # A multiplication and an addition are two floating-point operations.
    macs = {"": counter.get_total_flops() // 2}
    for name, operations in counter.get_flop_counts().items():
        macs[name.removeprefix("UNet.")] = sum(operations.values()) // 2
    return macs


def list_layers(network: UNet, height: int, width: int) -> list[Layer]:
    """The layers in the order in which an image meets them; the network is left as it was."""
    names = find_layers(network)
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def keep_shape(module: nn.Module, args: Any, output: Any) -> None:
        if module not in names:
            return
        if isinstance(module, Downsampler):
            output, _ = output
        if isinstance(module, TimmBody):
            output = output[-1]
        shapes[module] = tuple(output.shape[1:])

    with register_module_forward_hook(keep_shape):
        macs = macs_by_module(network, height, width)
    layers = []
    for module, shape in shapes.items():
        layer = Layer(
            names[module],
            type(module).__name__,
            shape,
            count_parameters(module),
            macs.get(names[module], 0),
        )
        layers.append(layer)
    return layers


def find_layers(network: UNet) -> dict[nn.Module, str]:
    """The convolutions of blocks and head, the operators, and timm's network, with their names."""
    layers: dict[nn.Module, str] = {}
    for name, module in network.named_modules():
        outer = network.get_submodule(name.rpartition(".")[0])
        is_convolution = isinstance(module, nn.Conv2d) and isinstance(outer, (ConvBlock, UNet))
        if is_convolution or isinstance(module, (Upsampler, Downsampler, TimmBody)):
            layers[module] = name
    return layers


def training_memory(config: UNetConfig, images: int, side: int) -> int:
    """Bytes of a training step in float32.

    Counts the maps kept for the gradient, the weights, their gradients and AdamW's two moments.
    """
    kept: dict[int, Tensor] = {}  # tensors that several layers keep count once

    def pack(tensor: Tensor) -> Tensor:
        kept[id(tensor)] = tensor
        return tensor

    def unpack(tensor: Tensor) -> Tensor:
        return tensor

    with torch.device("meta"):
        network = UNet(config)
        image = torch.zeros(images, config.in_channels, side, side)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        network(image).float().log_softmax(1)
    map_bytes = sum(tensor.nbytes for tensor in kept.values())
    return map_bytes + 16 * count_parameters(network)
