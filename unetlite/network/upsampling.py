"""The upsampling operators. Each maps (B, C_in, H, W) to (B, C_out, 2H, 2W) exactly, for every H, W >= 1.

They are built with the channels of their input, of their output and of the encoder's map at their level, and called
with their input and what the encoder left there. The annotations of their options are checked when they are built.
"""

import math
from typing import Any, Literal, NamedTuple

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
        k = 4: p = 1, op = 0    copies overlap evenly, as with k = 6 (p = 2) and k = 8 (p = 3)

    `blur` filters the output, see `blurred`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[2, 3, 4, 6, 8] = 2,
        blur: bool = False,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, 2, (kernel_size - 1) // 2, kernel_size % 2)
        self.blur = blur

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        x = super().forward(x)  # (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x


def blurred(x: Tensor) -> Tensor:
    """A map filtered by [1, 3, 3, 1] / 8 along both axes, zero outside (Zhang 2019): of the same shape (B, C, H, W).

    The filter adds what lies on even places to what lies on odd ones with equal weight, so a pattern of period 2, as
    upsampling by two leaves it, is gone inside (Sugawara et al. 2019). It moves the map by half a pixel.
    A transposed convolution of k = 2 could take it into its kernel, of 5 then; that is two to three times as slow.
    """
    taps = x.new_tensor([0.125, 0.375, 0.375, 0.125])
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=2, groups=x.shape[1])[..., :-1, :-1]


@UPSAMPLERS.register("large_context")
class LargeContext(nn.ConvTranspose2d):
    """Transposed convolution with a large kernel, beside one of 3 x 3 that keeps what is fine: their sum.

    For feature maps that upsampling disturbs less (Agnihotri et al. 2024). Both have p = k // 2 and op = 1, so their
    centres coincide, and one transposed convolution with the sum of the kernels is what is computed.
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[7, 11] = 7):
        super().__init__(in_channels, out_channels, kernel_size, 2, kernel_size // 2, 1)
        self.small = nn.ConvTranspose2d(in_channels, out_channels, 3, 2, 1, 1, bias=False)

    def sum_of_kernels(self) -> Tensor:
        """(C_in, C_out, k, k)."""
        return self.weight + F.pad(self.small.weight, [(self.kernel_size[0] - 3) // 2] * 4)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        padding = self.kernel_size[0] // 2
        return F.conv_transpose2d(x, self.sum_of_kernels(), self.bias, 2, padding, 1)  # (B, C_out, 2H, 2W)


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
    In training it is resized by a matrix product per axis, whose gradient is a product, too: several times as fast.
    """

    mode = "bicubic"

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        if not self.training:  # for which the product would fix sizes when exported
            return super().forward(x, skip)
        height, width = x.shape[-2:]
        x = x.movedim(1, -1)  # (B, H, W, C), as it lies in memory
        x = (bicubic_matrix(height, x) @ x.flatten(2)).unflatten(2, (width, -1))  # (B, 2H, W, C)
        return self.conv((bicubic_matrix(width, x) @ x).movedim(-1, 1))  # (B, C_out, 2H, 2W)


def bicubic_matrix(size: int, like: Tensor) -> Tensor:
    """What bicubic interpolation does to an axis of `size` pixels: (2 size, size). Its taps are exact in bfloat16."""
    columns = torch.eye(size, device=like.device)[None, None]
    return F.interpolate(columns, size=(2 * size, size), mode="bicubic")[0, 0].to(like.dtype)


@UPSAMPLERS.register("zeros")
class Zeros(nn.Module):
    """Zero insertion ("bed of nails"), then a 3 x 3 convolution.

    Equals a transposed convolution with k = 3, p = 1, op = 1 and the flipped kernel (fact 20), with four times fewer
    multiplications, which is what is computed in training; for evaluation there is network.folding.
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int, *, blur: bool = False):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=3)
        self.blur = blur

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        if self.training:
            kernel = self.conv.weight.flip(-1, -2).transpose(0, 1)
            x = F.conv_transpose2d(x, kernel, self.conv.bias, stride=2, padding=1, output_padding=1)
        else:
            x = self.conv(insert_zeros(x, 2))  # (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x


def insert_zeros(x: Tensor, s: int = 2) -> Tensor:
    """`s - 1` zeros after every element of both axes: (..., H, W) -> (..., sH, sW) (fact 13)."""
    for axis in (-1, -2):  # by joining maps, which exports with free sizes
        x = torch.stack([x, *[torch.zeros_like(x)] * (s - 1)], dim=axis).flatten(axis - 1, axis)
    return x


@UPSAMPLERS.register("pixelshuffle")
class PixelShuffle(nn.Conv2d):
    """Sub-pixel convolution: four times the channels, dealt out to 2 x 2 blocks (Shi et al. 2016).

    Starts as nearest-neighbour upsampling of one convolution: the four sub-pixels share weight (ICNR, Aitken et al.
    2017) and bias, so that a constant map stays constant.
    """

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[1, 3] = 3,
        blur: bool = False,
    ):  # fmt: skip
        super().__init__(in_channels, 4 * out_channels, kernel_size, padding=kernel_size // 2)
        self.blur = blur

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            for parameter in self.parameters():  # channel 4c + k is sub-pixel k of channel c
                parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        x = F.pixel_shuffle(super().forward(x), 2)  # (B, 4 C_out, H, W) -> (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x


@UPSAMPLERS.register("unpool")
class Unpool(nn.Module):
    """Max-unpooling: a 3 x 3 (or 1 x 1) convolution, then every value goes back to where the encoder's maximum was.

    All other pixels are zero (Noh et al. 2015; Badrinarayanan et al. 2017, SegNet). Needs downsampling that remembers
    positions, and as many channels as the encoder's map.
    """

    needs_positions = True
    needs_channels_of_skip = True

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, kernel_size: Literal[1, 3] = 3,
        blur: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size)
        self.blur = blur

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        assert skip.positions is not None
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = 2 * x.shape[-2], 2 * x.shape[-1]
        # max_unpool2d is this scatter, but does not export.
        flat = x.new_zeros(1).expand(*x.shape[:2], height * width)
        x = flat.scatter(2, skip.positions.flatten(2), x.flatten(2)).unflatten(2, (height, width))
        return blurred(x) if self.blur else x


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


@UPSAMPLERS.register("separable")
class Separable(nn.Sequential):
    """Nearest, a depthwise 3 x 3 convolution, batch norm, ReLU, and a 1 x 1 convolution (Rahman et al. 2024, EUCB).

    The paper's channel shuffle is left out: it only renames the channels that the last convolution takes all of.
    """

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int):
        depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        norm = nn.BatchNorm2d(in_channels)
        super().__init__(nn.Upsample(scale_factor=2), depthwise, norm, nn.ReLU(), conv(in_channels, out_channels, 1))

    def forward(self, x: Tensor, skip: Skip) -> Tensor:  # type: ignore[override]
        return super().forward(x)  # (B, C_out, 2H, 2W)


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
        self, in_channels: int, out_channels: int, skip_channels: int, *, compressed_channels: Channels = 64,
        window: Literal[3, 5, 7] = 5,
    ):  # fmt: skip
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.compress = conv(out_channels, compressed_channels, kernel_size=1)
        self.encode = NearZeroConv2d(compressed_channels, 4 * window**2, 3, padding=1)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        scores = self.encode(self.compress(x)).unflatten(1, (-1, 4))  # (B, k^2, 4, H, W)
        return reassemble(x, scores.permute(0, 3, 4, 2, 1))


def windows(x: Tensor, size: int) -> Tensor:
    """The size^2 pixels around each pixel, row by row, zero outside: (B, C, H, W) -> (B, H, W, size^2, C)."""
    height, width = x.shape[-2:]
    padded = F.pad(x, [size // 2] * 4).permute(0, 2, 3, 1)
    shifted = (padded.narrow(1, k // size, height).narrow(2, k % size, width) for k in range(size**2))
    return torch.stack(list(shifted), dim=3)  # F.unfold would fix sizes when exported


def reassemble(x: Tensor, scores: Tensor) -> Tensor:
    """Each output pixel as a mean of the k x k inputs around its source, weighted by the softmax of scores.

    (B, C, H, W) and (B, H, W, 4, k^2), for the four sub-pixels of an input pixel -> (B, C, 2H, 2W).
    """
    out = scores.softmax(-1).to(x.dtype) @ windows(x, math.isqrt(scores.shape[-1]))  # (B, H, W, 4, C)
    return F.pixel_shuffle(out.permute(0, 4, 3, 1, 2).flatten(1, 2), 2)


def by_source(x: Tensor) -> Tensor:
    """A map's channels at the four sub-pixels of each input pixel: (B, C, 2H, 2W) -> (B, H, W, 4, C)."""
    return F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).permute(0, 3, 4, 2, 1)


@UPSAMPLERS.register("sapa")
class Sapa(nn.Module):
    """Similarity-aware reassembly (Lu et al. 2022, SAPA-B): weights by how alike an encoder's pixel is to each input.

    After a 1 x 1 convolution to y (B, C_out, H, W), with linear maps q and k of layer-normalised pixels to
    `embedded_channels` numbers and (i, j) = (i' // 2, j' // 2):

        W[i', j'] = softmax over n, m in -2 .. 2 of q(skip[i', j']) . k(y[i + n, j + m])
        out[i', j'] = sum over n, m of W[i', j'][n, m] * y[i + n, j + m]

    Outside, k and y are zero. It starts near the mean of the window.
    """

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, embedded_channels: Channels = 32,
        window: Literal[3, 5, 7] = 5,
    ):  # fmt: skip
        super().__init__()
        self.window = window
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.query = nn.Sequential(nn.LayerNorm(skip_channels), nn.Linear(skip_channels, embedded_channels, bias=False))
        self.key = nn.Sequential(nn.LayerNorm(out_channels), nn.Linear(out_channels, embedded_channels, bias=False))

    def reset_parameters(self) -> None:
        for embed in (self.query[1], self.key[1]):
            nn.init.trunc_normal_(embed.weight, std=0.02)  # type: ignore[arg-type]

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        query = self.query(skip.map.movedim(1, -1)).movedim(-1, 1)  # (B, d, 2H, 2W)
        key = self.key(x.movedim(1, -1)).movedim(-1, 1)  # (B, d, H, W)
        return reassemble(x, by_source(query) @ windows(key, self.window).mT)


@UPSAMPLERS.register("fade")
class Fade(nn.Module):
    """Reassembly by weights from encoder and decoder, and a gate that lets the encoder through (Lu et al. 2022, FADE).

    After a 1 x 1 convolution to y (B, C_out, H, W), with e and d the two maps, embedded by a 1 x 1 convolution each,
    (i, j) = (i' // 2, j' // 2), and a gate g = sigmoid(conv1(y)):

        W[i', j'] = softmax over the window of conv3(e)[i', j'] + conv3(d)[i, j]
        out[i', j'] = g[i, j] * skip[i', j'] + (1 - g[i, j]) * sum over n, m of W[i', j'][n, m] * y[i + n, j + m]
    """

    needs_channels_of_skip = True

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, embedded_channels: Channels = 64,
        window: Literal[3, 5, 7] = 5,
    ):  # fmt: skip
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.gate = conv(out_channels, 1, kernel_size=1)
        embeds = (conv(channels, embedded_channels, kernel_size=1) for channels in (skip_channels, out_channels))
        scores = (NearZeroConv2d(embedded_channels, window**2, 3, padding=1) for _ in range(2))
        self.from_encoder, self.from_decoder = map(nn.Sequential, embeds, scores)

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        decoder = self.from_decoder(x).permute(0, 2, 3, 1).unsqueeze(3)  # (B, H, W, 1, k^2)
        out = reassemble(x, by_source(self.from_encoder(skip.map)) + decoder)  # (B, C_out, 2H, 2W)
        gate = F.interpolate(self.gate(x).sigmoid(), scale_factor=2)  # (B, 1, 2H, 2W)
        return gate * skip.map + (1 - gate) * out


@UPSAMPLERS.register("dysample")
class DySample(nn.Module):
    """Dynamic sampling (Liu et al. 2023): each output pixel is read, bilinearly, at a place that is learnt.

    After a 1 x 1 convolution to y (B, C_out, H, W), a 1 x 1 convolution predicts an offset for each of the four
    sub-pixels in each of `groups` groups of channels (the paper's static scope: factor 0.25), added to the place
    that bilinear interpolation reads. So it starts as `bilinear`; what is learnt can read anywhere in the map.

    `style` is the order: "lp" predicts, then shuffles pixels; "pl", the paper's for segmentation, shuffles y to
    (B, C_out / 4, 2H, 2W), then predicts from that, with fewer weights. `dynamic` multiplies the offset by
    0.5 sigmoid(another 1 x 1 convolution) in place of 0.25.
    """

    reads_anywhere = True

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int, *, groups: PositiveInt = 4,
        style: Literal["lp", "pl"] = "lp", dynamic: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.groups, self.style = math.gcd(groups, out_channels), style
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.missing = -out_channels % 4 if style == "pl" else 0
        read, shuffled = ((out_channels + self.missing) // 4, 1) if style == "pl" else (out_channels, 4)
        self.offset = NearZeroConv2d(read, 2 * self.groups * shuffled, 1)
        self.scope = NearZeroConv2d(read, 2 * self.groups * shuffled, 1) if dynamic else None

    def forward(self, x: Tensor, skip: Skip) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = x.shape[-2:]
        precise = torch.promote_types(x.dtype, torch.float32)  # places need more digits than bfloat16 has
        read = F.pixel_shuffle(F.pad(x, (0, 0, 0, 0, 0, self.missing)), 2) if self.style == "pl" else x
        scope: Any = 0.25 if self.scope is None else 0.5 * self.scope(read).to(precise).sigmoid()
        offset = scope * self.offset(read).to(precise)
        offset = offset if self.style == "pl" else F.pixel_shuffle(offset, 2)  # (B, 2 g, 2H, 2W): x, y in input pixels
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
