"""The upsampling operators. Each maps (B, C_in, H, W) to (B, C_out, 2H, 2W) exactly, for every H, W >= 1.

They are built with the channels of their input, of their output and of the encoder's map at their level, and called
with their input and what the encoder left there. The annotations of their options are checked when they are built.
"""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from unetlite.registry import Registry
from unetlite.settings import Channels

UPSAMPLERS = Registry("upsampling operator", "upsample")


class Skip(NamedTuple):
    """What the encoder left at a level: its map (B, C_skip, 2H, 2W), for operators that are guided by it, and the
    positions (B, C_skip, H, W) of the maxima of its windows, for unpooling; None if the downsampling has none.
    """

    map: Tensor
    positions: Tensor | None


def conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """A convolution that keeps the size, for an odd kernel."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


@UPSAMPLERS.register("transpose")
class Transpose(nn.ConvTranspose2d):
    """Transposed convolution with stride 2: each input pixel adds a weighted copy of the kernel to the output.

    Size (Dumoulin and Visin 2016, relationship 14): o = 2(i - 1) - 2p + k + op, which is 2i with

        k = 2: p = 0, op = 0    copies do not overlap
        k = 3: p = 1, op = 1    copies overlap unevenly, 1, 2 or 4 times (checkerboards: Odena et al. 2016)
        k = 4: p = 1, op = 0    copies overlap evenly
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[2, 3, 4] = 2):
        padding, output_padding = {2: (0, 0), 3: (1, 1), 4: (1, 0)}[kernel_size]
        super().__init__(in_channels, out_channels, kernel_size, 2, padding, output_padding)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        return super().forward(x)  # (B, C_out, 2H, 2W)


class ResizeConvolution(nn.Module):
    """Resize by two in `mode`, then a convolution (Odena et al. 2016, "resize-convolution")."""

    mode: str
    convolves_first = False  # set where a network is folded

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[1, 3] = 3):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        if self.convolves_first:
            return F.interpolate(self.conv(x), scale_factor=2, mode=self.mode)  # (B, C_out, 2H, 2W)
        return self.conv(F.interpolate(x, scale_factor=2, mode=self.mode))  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("nearest")
class Nearest(ResizeConvolution):
    """Every pixel becomes a 2 x 2 block of itself, then a 3 x 3 (or 1 x 1) convolution.

    In training the 3 x 3 kernel is used in its folded form, one transposed convolution with 2.25 times fewer
    multiplications: `python benchmarks/folding.py` measures what that gains. For evaluation there is network.folding.
    """

    mode = "nearest"

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        if self.training and self.conv.kernel_size == (3, 3):
            return F.conv_transpose2d(x, nearest_as_transposed(self.conv.weight), self.conv.bias, stride=2, padding=1)
        return super().forward(x, skip)


def nearest_as_transposed(weight: Tensor) -> Tensor:
    """The kernel of the transposed convolution (k = 4, s = 2, p = 1) that equals nearest x 2, then a convolution.

    The flipped 3 x 3 kernel convolved with a 2 x 2 box of ones (fact 15): (C_out, C_in, 3, 3) -> (C_in, C_out, 4, 4).
    """
    padded = F.pad(weight.flip(-1, -2), (1, 1, 1, 1))  # (C_out, C_in, 5, 5)
    return (padded[..., 1:, 1:] + padded[..., 1:, :-1] + padded[..., :-1, 1:] + padded[..., :-1, :-1]).transpose(0, 1)


@UPSAMPLERS.register("bilinear")
class Bilinear(ResizeConvolution):
    """Bilinear resize, then a 3 x 3 (or 1 x 1) convolution.

    Pixel centres are aligned (`align_corners=False`), so a shift of the input by one pixel shifts the output by two;
    the taps per axis are (1/4, 3/4) and (3/4, 1/4), clamped at the border.
    """

    mode = "bilinear"


@UPSAMPLERS.register("bicubic")
class Bicubic(ResizeConvolution):
    """Bicubic resize, then a 3 x 3 (or 1 x 1) convolution.

    Aligned as `bilinear`, with four taps per axis of the kernel with a = -0.75 (Keys 1981, eq. 15, there a = -0.5).
    """

    mode = "bicubic"


@UPSAMPLERS.register("zeros")
class Zeros(nn.Module):
    """Zero insertion ("bed of nails"), then a 3 x 3 convolution.

    Equals a transposed convolution with k = 3, p = 1, op = 1 and the flipped kernel (fact 20).
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=3)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        return self.conv(insert_zeros(x, 2))  # (B, C_out, 2H, 2W)


def insert_zeros(x: Tensor, s: int = 2) -> Tensor:
    """`s - 1` zeros after every element of both axes: (..., H, W) -> (..., sH, sW) (fact 13).

    Built by joining maps, so that it exports with free sizes.
    """
    zeros = torch.zeros_like(x)
    x = torch.stack([x, *[zeros] * (s - 1)], dim=-1).flatten(-2)  # (..., H, sW)
    zeros = torch.zeros_like(x)
    return torch.stack([x, *[zeros] * (s - 1)], dim=-2).flatten(-3, -2)  # (..., sH, sW)


@UPSAMPLERS.register("pixelshuffle")
class PixelShuffle(nn.Conv2d):
    """Sub-pixel convolution: four times the channels, dealt out to 2 x 2 blocks (Shi et al. 2016).

    Starts as nearest-neighbour upsampling of one convolution: the four sub-pixels share weight (ICNR, Aitken et al.
    2017) and bias, so that a constant map stays constant.
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[1, 3] = 3):
        super().__init__(in_channels, 4 * out_channels, kernel_size, padding=kernel_size // 2)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            for parameter in self.parameters():  # channel 4c + k is sub-pixel k of channel c
                parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        return F.pixel_shuffle(super().forward(x), 2)  # (B, 4 C_out, H, W) -> (B, C_out, 2H, 2W)


@UPSAMPLERS.register("unpool")
class Unpool(nn.Module):
    """Max-unpooling: a 3 x 3 (or 1 x 1) convolution, then every value goes back to where the encoder's maximum was.

    All other pixels are zero (Noh et al. 2015; Badrinarayanan et al. 2017, SegNet). Needs downsampling that remembers
    positions, and as many channels as the encoder's map.
    """

    needs_positions = True

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[1, 3] = 3):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        assert skip.positions is not None
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = 2 * x.shape[-2], 2 * x.shape[-1]
        # max_unpool2d is this scatter, but does not export.
        flat = x.new_zeros(1).expand(*x.shape[:2], height * width)
        return flat.scatter(2, skip.positions.flatten(2), x.flatten(2)).unflatten(2, (height, width))


@UPSAMPLERS.register("bilinear_additive")
class BilinearAdditive(nn.Module):
    """Bilinear resize, the sum of every four consecutive channels, then a 3 x 3 convolution (Wojna et al. 2019).

    The sum, of zeros beyond C_in, comes first here, where there are fewer pixels: both are linear, and commute.
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int):
        super().__init__()
        self.missing = -in_channels % 4
        self.conv = conv((in_channels + self.missing) // 4, out_channels, kernel_size=3)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = F.pad(x, (0, 0, 0, 0, 0, self.missing)).unflatten(1, (-1, 4)).sum(2)  # (B, C_in / 4, H, W)
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear"))  # (B, C_out, 2H, 2W)


class NearZeroConv2d(nn.Conv2d):
    """A convolution that starts near zero, so that what it predicts starts near its default."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.001)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]


@UPSAMPLERS.register("carafe")
class Carafe(nn.Module):
    """Content-aware reassembly (Wang et al. 2019): each output pixel is a weighted mean of the k x k inputs around it.

    After a 1 x 1 convolution to y (B, C_out, H, W), with the source pixel (i, j) = (i' // 2, j' // 2) of an output
    (i', j'), and the weights W a softmax over k^2 channels that a compressor (1 x 1) and an encoder (3 x 3) predict
    from y and that a pixel shuffle deals out:

        out[i', j'] = sum over n, m in -k//2 .. k//2 of W[i', j'][n, m] * y[i + n, j + m]     (eqs. 2 to 4)

    Outside, y is zero. Options are the paper's C_m, k_encoder = 3, and k_up.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        compressed_channels: Channels = 64,
        window: Literal[3, 5, 7] = 5,
    ):
        super().__init__()
        self.window = window
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.compress = conv(out_channels, compressed_channels, kernel_size=1)
        self.encode = NearZeroConv2d(compressed_channels, 4 * window**2, 3, padding=1)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = x.shape[-2:]
        weights = self.encode(self.compress(x)).unflatten(1, (-1, 4)).softmax(1).to(x.dtype)  # (B, kk, 4, H, W)
        padded = F.pad(x, [self.window // 2] * 4)
        # One product a neighbour: F.unfold would hold all k^2 of them, five times as slow, and fix sizes when exported.
        out = x.new_zeros(())
        for k in range(self.window**2):
            i, j = divmod(k, self.window)
            neighbour = padded.narrow(2, i, height).narrow(3, j, width)
            out = out + neighbour.unsqueeze(2) * weights[:, k].unsqueeze(1)  # (B, C_out, 4, H, W)
        return F.pixel_shuffle(out.flatten(1, 2), 2)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("dysample")
class DySample(nn.Module):
    """Dynamic sampling (Liu et al. 2023): each output pixel is read, bilinearly, at a place that is learnt.

    After a 1 x 1 convolution to y (B, C_out, H, W), a 1 x 1 convolution predicts an offset for each of the four
    sub-pixels in each of `groups` groups of channels (the paper's static scope: factor 0.25), added to the place
    that bilinear interpolation reads. So it starts as `bilinear`; what is learnt can read anywhere in the map.
    """

    reads_anywhere = True

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, groups: PositiveInt = 4):
        super().__init__()
        self.groups = math.gcd(groups, out_channels)
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.offset = NearZeroConv2d(out_channels, 2 * self.groups * 4, 1)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = x.shape[-2:]
        precise = torch.promote_types(x.dtype, torch.float32)  # places need more digits than bfloat16 has
        offset = 0.25 * F.pixel_shuffle(self.offset(x).to(precise), 2)  # (B, 2 g, 2H, 2W): x and y, in input pixels
        offset = offset.unflatten(1, (self.groups, 2)).flatten(0, 1).permute(0, 2, 3, 1)  # (B g, 2H, 2W, 2)
        places = torch.meshgrid(centres(2 * width, offset), centres(2 * height, offset), indexing="xy")
        place = torch.stack(places, dim=-1)  # (2H, 2W, 2), from -1 to 1 over the map
        scale = torch.stack([offset.new_tensor(2.0) / width, offset.new_tensor(2.0) / height])
        grouped = x.to(precise).unflatten(1, (self.groups, -1)).flatten(0, 1)  # (B g, C_out / g, H, W)
        out = F.grid_sample(grouped, place + offset * scale, padding_mode="border", align_corners=False)
        return out.unflatten(0, (-1, self.groups)).flatten(1, 2).to(x.dtype)  # (B, C_out, 2H, 2W)


def centres(size: int, like: Tensor) -> Tensor:
    """The centres of `size` pixels on an axis from -1 to 1."""
    return (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2.0 / size) - 1
