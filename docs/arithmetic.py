"""Convolution arithmetic with tensors: matrices, zero insertion, overlap, receptive fields.

Symbols, per axis: input size i, kernel k, stride s, padding p, dilation d, output padding op,
output size o. The page docs/arithmetic.md derives each formula; "fact n" is its number there. The
sizes are those of the package.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from unetlite.arithmetic.sizes import (  # noqa: F401  the page calls all of them
    conv_size,
    pool_size,
    transposed_conv_size,
    zero_insertion_padding,
)
from unetlite.data.coast import find_files
from unetlite.network.upsampling.rearrange import insert_zeros


def full_correlation(a: Tensor, b: Tensor) -> Tensor:
    """All overlaps of `b` (h, w) sliding over `a` (H, W): (H + h - 1, W + w - 1).

    Deep learning calls it convolution.
    """
    padding = (b.shape[0] - 1, b.shape[1] - 1)
    return F.conv2d(a[None, None], b[None, None], padding=padding)[0, 0]


def full_convolution(a: Tensor, b: Tensor) -> Tensor:
    """The convolution of mathematics: correlation with `b` flipped in both axes (fact 5)."""
    return full_correlation(a, b.flip(0, 1))


def convolution_matrix(
    kernel: Tensor, size: tuple[int, int], s: int = 1, p: int = 0, d: int = 1
) -> Tensor:
    """The matrix M of a convolution: M @ x.flatten() = correlate(x, kernel).flatten() (fact 10).

    Args:
        kernel: (k, k').
        size: (H, W) of the input.

    Returns:
        (H_out W_out, H W). Its transpose is the transposed convolution, not the inverse (fact 11).
    """
    height, width = size
    pixels = torch.eye(height * width, dtype=kernel.dtype).view(-1, 1, height, width)
    columns = F.conv2d(pixels, kernel[None, None], stride=s, padding=p, dilation=d)
    return columns.flatten(1).T


def transposed_by_zero_insertion(
    x: Tensor, weight: Tensor, s: int = 1, p: int = 0, d: int = 1, op: int = 0
) -> Tensor:
    """`F.conv_transpose2d(x, weight)` by the identity of `zero_insertion_padding`.

    Args:
        x: (B, C_in, H, W).
        weight: (C_in, C_out, k, k).

    Returns:
        (B, C_out, H_out, W_out).
    """
    padding = zero_insertion_padding(weight.shape[-1], s, p, d, op)
    flipped = weight.flip(-1, -2).transpose(0, 1)  # (C_out, C_in, k, k)
    return F.conv2d(F.pad(insert_zeros(x, s), (*padding, *padding)), flipped, dilation=d)


def overlap_counts(i: int, k: int, s: int = 2, p: int = 0, op: int = 0) -> Tensor:
    """How many inputs reach each output pixel of a transposed convolution: (o, o) (fact 14)."""
    transposed_conv_size(i, k, s, p, 1, op)  # raises Refused
    x, kernel = torch.ones(1, 1, i, i), torch.ones(1, 1, k, k)
    return F.conv_transpose2d(x, kernel, stride=s, padding=p, output_padding=op)[0, 0]


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of the elements of a map, per axis (fact 4).

    Attributes:
        size: width of the interval of image pixels that can change the element.
        jump: distance in image pixels between the intervals of neighbouring elements.
        start: image coordinate of the centre of the first element's interval. Pixel n has its
            centre at n + 1/2.
    """

    size: float = 1
    jump: float = 1
    start: float = 0.5

    def through_conv(self, k: int, s: int = 1, p: float = 0, d: int = 1) -> "ReceptiveField":
        """After a convolution or pooling: rf + d(k - 1) jump, jump s (Araujo et al. 2019)."""
        return ReceptiveField(
            self.size + d * (k - 1) * self.jump,
            self.jump * s,
            self.start + (d * (k - 1) / 2 - p) * self.jump,
        )


def receptive_field(layers: Iterable[tuple[int, int, int, int]]) -> list[ReceptiveField]:
    """After each of the layers (k, s, p, d) in turn."""
    field = ReceptiveField()
    fields = []
    for k, s, p, d in layers:
        field = field.through_conv(k, s, p, d)
        fields.append(field)
    return fields


class TwoDeconvolutions(NamedTuple):
    """An image blurred, restored, and put through the blur's transposed convolution. PSNR in dB."""

    image: np.ndarray
    blurred: np.ndarray
    restored: np.ndarray
    transposed: np.ndarray
    psnr_blurred: float
    psnr_restored: float
    psnr_transposed: float


def earth(top: int, left: int, size: int) -> np.ndarray:
    """A square of NASA's Blue Marble, whose pixels are 1/15 degree: uint8 (3, size, size)."""
    file, _ = find_files()
    with Image.open(file) as image:
        square = image.convert("RGB").crop((left, top, left + size, top + size))
    return np.array(square).transpose(2, 0, 1)


def two_deconvolutions() -> TwoDeconvolutions:
    """Fact 21 on the coast of Kamchatka: a Gaussian blur, its Wiener filter, and its transpose."""
    from skimage.metrics import peak_signal_noise_ratio
    from skimage.restoration import wiener

    image = earth(500, 5000, 128).mean(0) / 255  # grey, 0..1
    distance = np.hypot(*np.mgrid[-6:7, -6:7])
    kernel = np.exp(-(distance**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    weight = torch.from_numpy(kernel)[None, None]
    padded = F.pad(torch.from_numpy(image)[None, None], (6, 6, 6, 6), mode="reflect")
    blurred = F.conv2d(padded, weight)[0, 0].numpy()
    noisy = blurred + np.random.default_rng(0).normal(0, 0.002, image.shape)
    restored = np.clip(wiener(noisy, kernel, balance=1e-4, clip=False), 0, 1)
    back = F.conv_transpose2d(torch.from_numpy(noisy)[None, None], weight, padding=6)
    transposed = back[0, 0].numpy()

    def psnr(candidate: np.ndarray) -> float:
        inner = np.s_[16:-16, 16:-16]  # away from what the borders do
        return float(peak_signal_noise_ratio(image[inner], candidate[inner], data_range=1.0))

    return TwoDeconvolutions(
        image, noisy, restored, transposed, psnr(noisy), psnr(restored), psnr(transposed)
    )
