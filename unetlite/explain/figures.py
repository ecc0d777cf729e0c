"""Pictures of operators and of convolution arithmetic."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from unetlite.explain.operator import Behaviour


def new_figure(rows: int, columns: int, cell: float = 2.3) -> tuple[Figure, np.ndarray]:
    """A figure of `rows` by `columns` square pictures, `cell` inches each, and its axes (rows, columns)."""
    figure = Figure(figsize=(cell * columns, cell * rows + 0.3), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_map(axes: Axes, values: Tensor | np.ndarray, title: str = "", *, numbers: bool = False) -> None:
    """One map (H, W): zero is white, positive blue, negative red; `numbers` writes the values into the cells."""
    array = np.asarray(values, dtype=float)
    largest = max(np.abs(array).max(), 1e-12)
    axes.imshow(
        array, cmap="PuOr_r" if array.min() < 0 else "Blues", vmin=-largest if array.min() < 0 else 0, vmax=largest
    )
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    if numbers:
        for (y, x), value in np.ndenumerate(array):
            colour = "white" if abs(value) > 0.6 * largest else "black"
            axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)


def operator_figure(behaviours: Mapping[str, Behaviour]) -> Figure:
    """A row for every operator: kernel, overlap, and the responses to one pixel and to a constant.

    Of the channels the pair with the largest kernel is shown.
    """
    figure, axes = new_figure(len(behaviours), 4)
    for row, (name, b) in zip(axes, behaviours.items(), strict=True):
        c_in, c_out = b.strongest
        size = b.kernel.shape[-1]
        show_map(row[0], b.kernel[c_in, c_out], f"{name}: kernel {size} x {size}", numbers=size <= 4)
        show_map(row[1], b.overlap, "inputs per output", numbers=True)
        show_map(row[2], b.single[c_out], "response to one pixel")
        show_map(row[3], b.constant[c_out], f"to a constant, ripple {b.ripple:.3f}")
    return figure


class TwoDeconvolutions(NamedTuple):
    """One image blurred, restored, and put through the transposed convolution of the blur; PSNR in dB."""

    image: np.ndarray
    blurred: np.ndarray
    restored: np.ndarray
    transposed: np.ndarray
    psnr_blurred: float
    psnr_restored: float
    psnr_transposed: float


def two_deconvolutions() -> TwoDeconvolutions:
    """Fact 21 on the coast of Kamchatka: a Gaussian blur, its Wiener filter, and its transposed convolution."""
    from skimage.metrics import peak_signal_noise_ratio
    from skimage.restoration import wiener

    from unetlite.data.coast import read_earth

    image = read_earth()[0].mean(0)[500:628, 5000:5128] / 255  # grey, 0..1
    distance = np.hypot(*np.mgrid[-6:7, -6:7])
    kernel = np.exp(-(distance**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    tensor, weight = torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]
    blurred = F.conv2d(F.pad(tensor, (6, 6, 6, 6), mode="reflect"), weight)
    noisy = blurred[0, 0].numpy() + np.random.default_rng(0).normal(0, 0.002, image.shape)
    restored = np.clip(wiener(noisy, kernel, balance=1e-4, clip=False), 0, 1)
    transposed = F.conv_transpose2d(torch.from_numpy(noisy)[None, None], weight, padding=6)[0, 0].numpy()

    def psnr(candidate: np.ndarray) -> float:
        inner = np.s_[16:-16, 16:-16]  # away from what the borders do
        return float(peak_signal_noise_ratio(image[inner], candidate[inner], data_range=1.0))

    return TwoDeconvolutions(image, noisy, restored, transposed, psnr(noisy), psnr(restored), psnr(transposed))
