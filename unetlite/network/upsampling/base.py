"""What every upsampling operator is, and the registry of them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.registry import Registry


class EncoderFeatures(NamedTuple):
    """What the encoder gives at one stride, beside a coarser map (B, C, H, W)."""

    map: Tensor
    """(B, C_skip, 2H, 2W), for operators that are guided by it."""

    positions: Tensor | None
    """(B, C_skip, H, W): where the maximum of each 2 x 2 block of the map is; None if unknown."""


class Upsampler(nn.Module):
    """Base class of the upsampling operators.

    An operator is built as `Op(in_channels, out_channels, skip_channels, *, options)`. Its
    `forward(x, skip)` maps (B, C_in, H, W) to (B, C_out, 2H, 2W) exactly, for every H, W >= 1,
    where `skip` is EncoderFeatures. The annotations of its options are checked when it is built.
    An operator overrides what is not true of it.
    """

    needs_map = False
    """It reads `skip.map`."""

    needs_positions = False
    """It reads `skip.positions`. Where pixels tie but for rounding, runtimes may disagree."""

    needs_skip_channels = False
    """It is built with C_out = C_skip."""

    reads_anywhere = False
    """It can read any place of its input once it is trained, so tiles are approximate."""

    folds_by_runtime = False
    """`folded` gives different forms for different runtimes."""

    def folded(self, runtime: str) -> nn.Module:
        """An equal form that computes less, in evaluation mode; itself if there is none.

        `runtime` is "pytorch", "onnxruntime" or "openvino": not every form is faster everywhere.
        """
        return self

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # A subclass computes something else than its base, so it has to say which form equals it.
        if "folded" not in vars(cls):
            cls.folded = Upsampler.folded  # type: ignore[method-assign]


UPSAMPLERS: Registry[Upsampler] = Registry("upsampling operator", "upsample", Upsampler)


def conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """A convolution that keeps the size, for an odd kernel."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        padding=kernel_size // 2,
    )


def pad_channels(x: Tensor) -> Tensor:
    """Zeros after the channels, up to a multiple of four."""
    missing = -x.shape[1] % 4
    return F.pad(x, (0, 0, 0, 0, 0, missing))


def blurred(x: Tensor) -> Tensor:
    """A map (B, C, H, W) filtered by [1, 3, 3, 1] / 8 along both axes, zero outside (Zhang 2019).

    The filter weighs even and odd places equally, so a pattern of period 2, as upsampling by two
    leaves it, is gone inside (Sugawara et al. 2019). It moves the map by half a pixel.
    A transposed convolution of k = 2 could take it into its kernel, of 5 then, which is two to
    three times as slow.
    """
    channels = x.shape[1]
    taps = x.new_tensor([0.125, 0.375, 0.375, 0.125])
    kernel = torch.outer(taps, taps).expand(channels, 1, 4, 4)
    filtered = F.conv2d(
        x,
        kernel,
        padding=2,
        groups=channels,
    )  # (B, C, H + 1, W + 1)
    return filtered[..., :-1, :-1]
