"""Exact rewrites of a trained network into an equal one that computes less. For evaluation only."""

import copy
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unetlite.network import upsampling
from unetlite.network.unet import ConvBlock, UNet


def fold(network: UNet, *, nearest_3x3: bool = True) -> UNet:
    """A folded copy in evaluation mode, which gives the same logits within float error; `network` stays as it is.

    Batch norms go into the convolutions before them, and operators become cheaper ones. A transposed convolution in
    place of nearest with a 3 x 3 one is not faster everywhere: `nearest_3x3` says whether it is wanted.
    """
    network = copy.deepcopy(network).eval()
    for name, module in list(network.named_modules()):
        if isinstance(module, (ConvBlock, upsampling.Separable)):
            for k, (conv, norm) in enumerate(zip(module, list(module)[1:], strict=False)):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[k], module[k + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
        elif isinstance(module, upsampling.ResizeConvolution) and module.conv.kernel_size == (1, 1):
            module.convolves_first = True  # commutes with interpolation, whose weights add up to one (fact 18)
        elif type(module) is upsampling.Nearest and nearest_3x3:  # and nothing from outside that is derived from it
            # A transposed convolution of 4 x 4 with stride 2, 2.25 times fewer multiplications (fact 15).
            kernel = upsampling.nearest_as_transposed(module.conv.weight)
            network.set_submodule(name, transposed(module.conv, kernel))
        elif type(module) is upsampling.Zeros:  # equals a transposed convolution, which multiplies no zeros (fact 20)
            up = transposed(module.conv, module.conv.weight.flip(-1, -2).transpose(0, 1))
            up.blur = module.blur
            network.set_submodule(name, up)
        elif type(module) is upsampling.LargeContext:
            network.set_submodule(name, transposed(module, module.sum_of_kernels()))
    return network.requires_grad_(False)


def transposed(conv: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor) -> upsampling.Transpose:
    """The transposed convolution with these weights (C_in, C_out, k, k) and the bias of `conv`."""
    size: Any = weight.shape[-1]
    layer = upsampling.Transpose(conv.in_channels, conv.out_channels, 0, kernel_size=size)
    layer.weight = nn.Parameter(weight.detach().clone())  # in their type and on their device
    layer.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().clone())
    return layer
