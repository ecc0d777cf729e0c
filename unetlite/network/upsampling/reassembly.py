"""Content-aware reassembly: output pixels are weighted means of the inputs around their source."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    conv,
)
from unetlite.settings.schema import Channels


class NearZeroConv2d(nn.Conv2d):
    """A convolution that starts near zero, so that what it predicts starts near its default."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.001)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]


def neighbourhoods(x: Tensor, size: int) -> Tensor:
    """The size^2 pixels around each pixel, row by row, zero outside.

    (B, C, H, W) -> (B, H, W, size^2, C).
    """
    height, width = x.shape[-2:]
    border = size // 2
    padded = F.pad(x, 4 * [border]).permute(0, 2, 3, 1)
    shifted = []
    for row in range(size):
        for column in range(size):
            # Rows are not shared by columns: their gradients would be summed in another order.
            shifted.append(padded.narrow(1, row, height).narrow(2, column, width))
    return torch.stack(shifted, dim=3)  # F.unfold would fix sizes when exported


def reassemble(x: Tensor, scores: Tensor) -> Tensor:
    """Each output pixel as a mean of the k x k inputs around its source.

    The weights are the softmax of the scores, of the four sub-pixels of each input pixel:
    (B, C, H, W) and (B, H, W, 4, k^2) -> (B, C, 2H, 2W).
    """
    window = math.isqrt(scores.shape[-1])
    weights = scores.softmax(-1).to(x.dtype)
    means = weights @ neighbourhoods(x, window)  # (B, H, W, 4, C)
    channels = means.movedim((4, 3), (1, 2)).flatten(1, 2)  # (B, 4 C, H, W)
    return F.pixel_shuffle(channels, 2)


def by_source(x: Tensor) -> Tensor:
    """A map at the four sub-pixels of each input pixel: (B, C, 2H, 2W) -> (B, H, W, 4, C)."""
    return F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).permute(0, 3, 4, 2, 1)


@UPSAMPLERS.register("carafe")
class Carafe(Upsampler):
    """Content-aware reassembly (Wang et al. 2019) with weights predicted from the input.

    After a 1 x 1 convolution to y (B, C_out, H, W), with the source (i, j) = (i' // 2, j' // 2) of
    an output (i', j'), and the weights W a softmax over k^2 channels that a compressor (1 x 1) and
    an encoder (3 x 3) predict from y and that a pixel shuffle deals out:

        out[i', j'] = sum over n, m in -k//2 .. k//2 of W[i', j'][n, m] * y[i + n, j + m]

    (eqs. 2 to 4). Outside, y is zero. Options are the paper's C_m, k_encoder = 3, and k_up.
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
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.compress = conv(out_channels, compressed_channels, kernel_size=1)
        self.encode = NearZeroConv2d(
            compressed_channels,
            4 * window**2,
            kernel_size=3,
            padding=1,
        )

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        scores = self.encode(self.compress(x)).unflatten(1, (-1, 4))  # (B, k^2, 4, H, W)
        scores = scores.permute(0, 3, 4, 2, 1)
        return reassemble(x, scores)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("sapa")
class Sapa(Upsampler):
    """Similarity-aware reassembly (Lu et al. 2022, SAPA-B).

    An input weighs as much as it resembles the encoder's pixel. After a 1 x 1 convolution to
    y (B, C_out, H, W), with linear maps q and k of layer-normalised pixels to `embedded_channels`
    numbers and (i, j) = (i' // 2, j' // 2):

        W[i', j'] = softmax over n, m in -2 .. 2 of q(skip[i', j']) . k(y[i + n, j + m])
        out[i', j'] = sum over n, m of W[i', j'][n, m] * y[i + n, j + m]

    Outside, k and y are zero. It starts near the mean of the window.
    """

    needs_map = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        embedded_channels: Channels = 32,
        window: Literal[3, 5, 7] = 5,
    ):
        super().__init__()
        self.window = window
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.query = nn.Sequential(
            nn.LayerNorm(skip_channels),
            nn.Linear(skip_channels, embedded_channels, bias=False),
        )
        self.key = nn.Sequential(
            nn.LayerNorm(out_channels),
            nn.Linear(out_channels, embedded_channels, bias=False),
        )

    def reset_parameters(self) -> None:
        for embed in (self.query[1], self.key[1]):
            nn.init.trunc_normal_(embed.weight, std=0.02)  # type: ignore[arg-type]

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        query = self.query(skip.map.movedim(1, -1)).movedim(-1, 1)  # (B, d, 2H, 2W)
        key = self.key(x.movedim(1, -1)).movedim(-1, 1)  # (B, d, H, W)
        scores = by_source(query) @ neighbourhoods(key, self.window).mT  # (B, H, W, 4, k^2)
        return reassemble(x, scores)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("fade")
class Fade(Upsampler):
    """Reassembly by weights from encoder and decoder, and a gate (Lu et al. 2022, FADE).

    After a 1 x 1 convolution to y (B, C_out, H, W), with e and d the two maps, embedded by a 1 x 1
    convolution each, (i, j) = (i' // 2, j' // 2), and a gate g = sigmoid(conv1(y)) that lets the
    encoder's map through:

        W[i', j'] = softmax over the window of conv3(e)[i', j'] + conv3(d)[i, j]
        mean[i', j'] = sum over n, m of W[i', j'][n, m] * y[i + n, j + m]
        out[i', j'] = g[i, j] * skip[i', j'] + (1 - g[i, j]) * mean[i', j']
    """

    needs_map = True
    needs_skip_channels = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        embedded_channels: Channels = 64,
        window: Literal[3, 5, 7] = 5,
    ):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.gate = conv(out_channels, 1, kernel_size=1)
        self.from_encoder = make_predictor(skip_channels, embedded_channels, window)
        self.from_decoder = make_predictor(out_channels, embedded_channels, window)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        encoder_scores = by_source(self.from_encoder(skip.map))  # (B, H, W, 4, k^2)
        decoder_scores = self.from_decoder(x).permute(0, 2, 3, 1).unsqueeze(3)  # (B, H, W, 1, k^2)
        mean = reassemble(x, encoder_scores + decoder_scores)  # (B, C_out, 2H, 2W)
        gate = F.interpolate(self.gate(x).sigmoid(), scale_factor=2)  # (B, 1, 2H, 2W)
        return gate * skip.map + (1 - gate) * mean


def make_predictor(channels: int, embedded_channels: int, window: int) -> nn.Sequential:
    """Scores of a window at each pixel: (B, C, H, W) -> (B, window^2, H, W)."""
    embed = conv(channels, embedded_channels, kernel_size=1)
    score = NearZeroConv2d(
        embedded_channels,
        window**2,
        kernel_size=3,
        padding=1,
    )
    return nn.Sequential(embed, score)
