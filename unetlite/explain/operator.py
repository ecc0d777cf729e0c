"""What an upsampling operator does: its equivalent kernel, overlap, and response to a constant and to one pixel."""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.unet import UNet, Up

STEP = 1e-4  # of the differences
NOTHING = 1e-8  # relative to the largest weight, what is taken for rounding
SIZE = 16  # of the low-resolution maps that operators are tried on: large enough to have an inside


class Behaviour(NamedTuple):
    """An operator as it is now, at initialisation or after training; all maps are of high resolution.

    Attributes:
        kernel: the transposed-convolution kernel that equals it, or of a content-dependent operator its linearisation
            at a constant map: (C_in, C_out, k, k), k even, for stride 2.
        overlap: how many input pixels reach each output pixel of an inner 4 x 4 patch.
        constant: the response to a map of ones, (C_out, 2 SIZE, 2 SIZE).
        single: the response to one pixel of ones on zeros, (C_out, 2 SIZE, 2 SIZE), without that to zeros.
        ripple: how uneven the response to a constant is, inside: see `ripple`.
    """

    kernel: Tensor
    overlap: Tensor
    constant: Tensor
    single: Tensor
    ripple: float

    @property
    def strongest(self) -> tuple[int, int]:
        """The pair of input and output channel with the largest kernel."""
        strength = self.kernel.square().sum((-1, -2))
        c_in, c_out = divmod(int(strength.argmax()), strength.shape[1])
        return c_in, c_out


def last_behaviour(network: UNet) -> Behaviour:
    """Of the network's last upsampling operator, which draws at the image's resolution."""
    step = cast(Up, network.decoder[-1])
    return behaviour(step.up, step.in_channels, step.up_channels)


@torch.no_grad()
def behaviour(operator: nn.Module, in_channels: int, out_channels: int) -> Behaviour:
    """Tries an operator out, in evaluation mode and float64."""
    was_training, dtype = operator.training, next(operator.parameters()).dtype
    operator.eval().double()
    try:
        # Unpooling gets the positions of a constant map: the first pixel of each window.
        fine = torch.ones(1, out_channels, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
        switches = F.max_pool2d(fine, 2, return_indices=True)[1]

        def apply(x: Tensor) -> Tensor:
            return operator(x, switches.expand(len(x), -1, -1, -1))

        ones = torch.ones(1, in_channels, SIZE, SIZE, dtype=torch.float64)
        middle = SIZE // 2
        pixel = torch.zeros_like(ones)
        pixel[..., middle, middle] = 1
        single = (apply(pixel) - apply(torch.zeros_like(ones)))[0]
        # Central differences, one input channel a row of the batch: exact for a linear operator.
        direction = torch.zeros(in_channels, in_channels, SIZE, SIZE, dtype=torch.float64)
        direction[range(in_channels), range(in_channels), middle, middle] = STEP
        kernel = crop((apply(ones + direction) - apply(ones - direction)) / (2 * STEP), 2 * middle)
        constant = apply(ones)[0]
        return Behaviour(kernel, overlap(kernel), constant, single, ripple(constant))
    finally:
        operator.to(dtype).train(was_training)


def crop(response: Tensor, origin: int) -> Tensor:
    """The smallest window (..., k, k), centred as a transposed convolution's with stride 2, that holds the response.

    `origin` is the row and column of the first of the two output pixels that lie on the input pixel.
    """
    far = response.abs().amax(tuple(range(response.ndim - 2))) > NOTHING * response.abs().max()
    reach = 0
    for axis in (0, 1):
        touched = far.any(axis).nonzero()[:, 0]
        if len(touched):
            reach = max(reach, origin - int(touched.min()), int(touched.max()) - origin - 1)
    window = slice(origin - reach, origin + 2 + reach)
    return response[..., window, window]


def overlap(kernel: Tensor) -> Tensor:
    """How many inputs reach each output of an inner 4 x 4 patch of a transposed convolution with stride 2."""
    support = (kernel.abs().sum((0, 1)) > NOTHING * kernel.abs().max()).double()
    counts = F.conv_transpose2d(torch.ones(1, 1, 2 * SIZE, 2 * SIZE).double(), support[None, None], stride=2)[0, 0]
    start = (kernel.shape[-1] - 2) // 2 + SIZE  # the first phase, well inside
    start -= (start - (kernel.shape[-1] - 2) // 2) % 2
    return counts[start : start + 4, start : start + 4]


def ripple(constant: Tensor) -> float:
    """How much the response (C, H, W) to a constant map depends on the position modulo two, inside.

    The standard deviation over the four phases, by the root mean square over all: 0 if a constant stays constant.
    """
    inside = constant[:, 10:-10, 10:-10]
    phases = F.pixel_unshuffle(inside[None], 2).mean((-1, -2)).view(len(inside), 4)
    return float(phases.var(1, correction=0).mean().sqrt() / phases.square().mean().sqrt().clamp(min=1e-30))
