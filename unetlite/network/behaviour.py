"""What an upsampling operator does: its equivalent kernel, overlap, and response to a constant and to one pixel."""

import copy
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.unet import UNet, Up
from unetlite.network.upsampling import Skip

STEP = 1e-4  # of the differences
NOTHING = 1e-8  # relative to the largest weight, what is taken for rounding
SIZE = 16  # of the low-resolution maps that operators are tried on: large enough to have an inside


class Behaviour(NamedTuple):
    """An operator as it is now, at initialisation or after training; all maps are of high resolution.

    The kernel is that of the transposed convolution of stride 2 that equals it, or of a content-dependent operator its
    linearisation at a constant map.
    """

    kernel: Tensor  # (C_in, C_out, k, k), k even
    constant: Tensor  # the response to a map of ones, (C_out, 2 SIZE, 2 SIZE)
    single: Tensor  # the response to one pixel of ones on zeros, without that to zeros, (C_out, 2 SIZE, 2 SIZE)

    @property
    def strongest(self) -> tuple[int, int]:
        """The pair of input and output channel with the largest kernel."""
        strength = self.kernel.square().sum((-1, -2))
        return divmod(int(strength.argmax()), strength.shape[1])

    @property
    def overlap(self) -> Tensor:
        """How many input pixels reach each output pixel of an inner 4 x 4 patch."""
        support = (self.kernel.abs().sum((0, 1)) > NOTHING * self.kernel.abs().max()).double()
        taps = F.pixel_unshuffle(support[None, None], 2).sum((-1, -2)).view(2, 2)  # by the tap's position modulo two
        padding = (self.kernel.shape[-1] - 2) // 2
        return taps.roll((padding, padding), (0, 1)).repeat(2, 2)

    @property
    def ripple(self) -> float:
        """Of the response to a constant, inside: the deviation over the four phases by the root mean square of all."""
        phases = F.pixel_unshuffle(self.constant[None, :, 10:-10, 10:-10], 2).mean((-1, -2)).view(-1, 4)  # (C, 4)
        return float(phases.var(1, correction=0).mean().sqrt() / phases.square().mean().sqrt().clamp(min=1e-30))


def last_behaviour(network: UNet) -> Behaviour:
    """Of the network's last upsampling operator, which draws at the image's resolution."""
    step = cast(Up, network.decoder[-1])
    return behaviour(step.up, step.in_channels, step.up_channels, step.skip_channels)


@torch.no_grad()
def behaviour(operator: nn.Module, in_channels: int, out_channels: int, skip_channels: int) -> Behaviour:
    """Tries an operator out, in evaluation mode and float64; it is left as it was."""
    operator = copy.deepcopy(operator).eval().double()
    # The encoder left a constant; unpooling gets its positions, the first pixel of each window.
    fine = torch.ones(1, skip_channels, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    positions = F.max_pool2d(fine, 2, return_indices=True)[1]

    def apply(x: Tensor) -> Tensor:
        return operator(x, Skip(fine.expand(len(x), -1, -1, -1), positions.expand(len(x), -1, -1, -1)))

    ones = torch.ones(1, in_channels, SIZE, SIZE, dtype=torch.float64)
    pixel = torch.zeros_like(ones)
    pixel[..., SIZE // 2, SIZE // 2] = 1
    single = (apply(pixel) - apply(torch.zeros_like(ones)))[0]
    # Central differences, one input channel a row of the batch: exact for a linear operator.
    direction = STEP * torch.diag_embed(pixel[0].movedim(0, -1)).permute(2, 3, 0, 1)  # (C_in, C_in, H, W)
    response = (apply(ones + direction) - apply(ones - direction)) / (2 * STEP)  # (C_in, C_out, 2 SIZE, 2 SIZE)
    # The kernel is the smallest window around the two output pixels of the input pixel that holds the response.
    touched = (response.abs().amax((0, 1)) > NOTHING * response.abs().max()).nonzero()  # (n, 2): rows and columns
    reach = max(0, int((SIZE - touched).max()), int((touched - SIZE - 1).max())) if len(touched) else 0
    window = slice(SIZE - reach, SIZE + 2 + reach)
    return Behaviour(response[..., window, window], apply(ones)[0], single)
