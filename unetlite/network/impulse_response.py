"""What an upsampling operator does to one pixel and to a constant, and its equivalent kernel."""

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import EncoderFeatures

STEP = 1e-4
"""Of the central differences."""

NEGLIGIBLE = 1e-8
"""Relative to the largest weight; what is smaller is rounding."""

NO_RIPPLE = 1e-4
"""What is less is none."""

SIZE = 16
"""Height and width of the low-resolution maps that operators are tried on."""


class ImpulseResponse(NamedTuple):
    """An operator as it is now, at initialisation or after training; all maps are of output size.

    The kernel is that of the transposed convolution of stride 2 that equals the operator. Of a
    content-dependent operator it is the linearisation at a constant map.
    """

    kernel: Tensor  # (C_in, C_out, k, k), k even
    constant: Tensor  # the response to a map of ones, (C_out, 2 SIZE, 2 SIZE)
    single: Tensor  # to one pixel of ones on zeros, less that to zeros, (C_out, 2 SIZE, 2 SIZE)

    @property
    def strongest(self) -> tuple[int, int]:
        """The pair of input and output channel with the largest kernel."""
        strength = self.kernel.square().sum((-1, -2))  # (C_in, C_out)
        return divmod(int(strength.argmax()), strength.shape[1])

    @property
    def overlap(self) -> Tensor:
        """How many input pixels reach each output pixel of an inner 4 x 4 patch."""
        weight = self.kernel.abs()
        support = (weight.sum((0, 1)) > NEGLIGIBLE * weight.max()).double()  # (k, k)
        # The taps are counted by their position modulo two.
        taps = F.pixel_unshuffle(support[None, None], 2).sum((-1, -2)).view(2, 2)
        padding = (self.kernel.shape[-1] - 2) // 2
        return taps.roll((padding, padding), (0, 1)).repeat(2, 2)

    @property
    def ripple(self) -> float:
        """Deviation of the response to a constant over the four phases, inside, by its RMS."""
        inside = self.constant[None, :, 10:-10, 10:-10]
        phases = F.pixel_unshuffle(inside, 2).mean((-1, -2)).view(-1, 4)  # (C, 4)
        deviation = phases.var(1, correction=0).mean().sqrt()
        rms = phases.square().mean().sqrt().clamp(min=1e-30)
        return float(deviation / rms)


def last_response(network: UNet) -> ImpulseResponse:
    """The response of the network's last upsampling operator, which draws at the image's size."""
    block = network.last_block
    return measure_response(block.up, block.in_channels, block.skip_channels)


@torch.no_grad()
def measure_response(
    operator: nn.Module,
    in_channels: int,
    skip_channels: int,
) -> ImpulseResponse:
    """Tries an operator out, in evaluation mode and float64; the operator is left as it was."""
    operator = copy.deepcopy(operator).eval().double()
    # The encoder gives a constant; the positions are the first pixel of each 2 x 2 block.
    fine = torch.ones(1, skip_channels, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    _, positions = F.max_pool2d(fine, 2, return_indices=True)

    def apply(x: Tensor) -> Tensor:
        shape = (len(x), -1, -1, -1)
        features = EncoderFeatures(fine.expand(shape), positions.expand(shape))
        return operator(x, features)

    ones = torch.ones(1, in_channels, SIZE, SIZE, dtype=torch.float64)
    zeros = torch.zeros_like(ones)
    pixel = zeros.clone()
    pixel[..., SIZE // 2, SIZE // 2] = 1
    single = (apply(pixel) - apply(zeros))[0]
    # Central differences, one input channel a row of the batch: exact for a linear operator.
    identity = torch.eye(in_channels, dtype=torch.float64)
    step = STEP * identity[..., None, None] * pixel  # (C_in, C_in, SIZE, SIZE)
    difference = apply(ones + step) - apply(ones - step)
    response = difference / (2 * STEP)  # (C_in, C_out, 2 SIZE, 2 SIZE)
    return ImpulseResponse(crop_to_support(response), apply(ones)[0], single)


def can_ripple(network: UNet) -> bool:
    """True if the last upsampling operator ripples with weights that are drawn at random.

    One that does not cannot ripple, however it is trained.
    """
    block = network.last_block
    operator = copy.deepcopy(block.up)
    generator = torch.Generator().manual_seed(0)
    for parameter in operator.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = parameter.data.cpu() + noise
    response = measure_response(operator, block.in_channels, block.skip_channels)
    return response.ripple > NO_RIPPLE


def crop_to_support(response: Tensor) -> Tensor:
    """The smallest square around the two output pixels of the middle input pixel that holds all."""
    strength = response.abs()
    support = strength.amax((0, 1)) > NEGLIGIBLE * strength.max()
    touched = support.nonzero()  # (n, 2): rows and columns
    border = 0
    if len(touched) > 0:
        border = max(0, SIZE - int(touched.min()), int(touched.max()) - SIZE - 1)
    square = slice(SIZE - border, SIZE + 2 + border)
    return response[..., square, square]
