"""Exact rewrites of a trained network into an equal one that computes less. For evaluation only."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unetlite.unet import ConvBlock, UNet
from unetlite.upsample import Bicubic, Bilinear, Nearest, ResizeConvolution, Transpose, Zeros, nearest_as_transposed


class Rewrite(NamedTuple):
    """One rewrite.

    Attributes:
        name: of the module in the network.
        what: the rewrite, in words.
        before, after: multiplications per pixel of the module's input, over all channels.
    """

    name: str
    what: str
    before: int
    after: int


class Folded(NamedTuple):
    """A network in evaluation mode that gives the same logits within float error, and what was done to it."""

    network: UNet
    rewrites: list[Rewrite]


def fold(network: UNet, *, nearest_3x3: bool = True) -> Folded:
    """A folded copy; the given network stays as it is.

    Args:
        network: trained.
        nearest_3x3: whether nearest with a 3 x 3 convolution becomes a transposed one, which is not fast everywhere.
    """
    network = copy.deepcopy(network).eval()
    rewrites = []
    for name, module in list(network.named_modules()):
        if isinstance(module, ConvBlock):
            rewrites += fold_norms(name, module)
        elif isinstance(module, Nearest) and module.conv.kernel_size == (3, 3) and not nearest_3x3:
            continue
        elif type(module) in FOLDERS and (folded := FOLDERS[type(module)](module)) is not None:
            replacement, what, before, after = folded
            network.set_submodule(name, replacement)
            rewrites.append(Rewrite(name, what, before, after))
    return Folded(network.requires_grad_(False), rewrites)


def fold_norms(name: str, block: ConvBlock) -> list[Rewrite]:
    """Multiplies the scale of each batch norm into the weights before it, and adds its shift to the bias."""
    rewrites = []
    for k, (conv, norm) in enumerate(zip(block, list(block)[1:], strict=False)):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block[k], block[k + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
            weights = conv.weight.numel()
            rewrites.append(
                Rewrite(f"{name}.{k}", "convolution + batch norm = convolution", weights + conv.out_channels, weights)
            )
    return rewrites


Replacement = tuple[nn.Module, str, int, int]


def fold_nearest(up: Nearest) -> Replacement | None:
    """Fact 15 for a 3 x 3 convolution, fact 18 for a 1 x 1."""
    if up.conv.kernel_size != (3, 3):
        return fold_pointwise(up)
    folded = Transpose(up.conv.in_channels, up.conv.out_channels, kernel_size=4)
    fill(folded, nearest_as_transposed(up.conv.weight), up.conv.bias)
    weights = up.conv.weight.numel()
    return folded, "nearest + 3 x 3 = transposed 4 x 4, stride 2", 4 * weights, 16 * weights // 9


def fold_pointwise(up: ResizeConvolution) -> Replacement | None:
    """A 1 x 1 convolution commutes with interpolation, whose weights add up to one (fact 18)."""
    if up.conv.kernel_size != (1, 1):
        return None
    weights = up.conv.weight.numel()
    return ConvolutionResize(up), f"1 x 1 convolution before the {up.mode} resize", 4 * weights, weights


class ConvolutionResize(nn.Module):
    """A resize-convolution with a 1 x 1 kernel in the other, cheaper order."""

    def __init__(self, up: ResizeConvolution):
        super().__init__()
        self.conv, self.mode = up.conv, up.mode

    def forward(self, x: Tensor, switches: Tensor | None = None) -> Tensor:
        return F.interpolate(self.conv(x), scale_factor=2, mode=self.mode)  # (B, C_out, 2H, 2W)


def fold_zeros(up: Zeros) -> Replacement:
    """Fact 20: the inserted zeros are not multiplied."""
    folded = Transpose(up.conv.in_channels, up.conv.out_channels, kernel_size=3)
    fill(folded, up.conv.weight.flip(-1, -2).transpose(0, 1), up.conv.bias)
    weights = up.conv.weight.numel()
    return folded, "zero insertion + 3 x 3 = transposed 3 x 3, stride 2", 4 * weights, weights


def fill(transposed: nn.ConvTranspose2d, weight: Tensor, bias: Tensor | None) -> None:
    """Gives a new layer these weights, in their type and on their device."""
    transposed.weight = nn.Parameter(weight.detach().clone())
    transposed.bias = None if bias is None else nn.Parameter(bias.detach().clone())


FOLDERS: dict[type[nn.Module], Callable[..., Replacement | None]] = {
    Nearest: fold_nearest,
    Bilinear: fold_pointwise,
    Bicubic: fold_pointwise,
    Zeros: fold_zeros,
}
"""By operator, what makes its replacement; None if there is nothing to gain."""
