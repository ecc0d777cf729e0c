"""Draws the pictures of docs/arithmetic.md: python docs/pictures.py"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from arithmetic import convolution_matrix, overlap_counts, two_deconvolutions
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unetlite.data.coast import read_earth
from unetlite.network.unet import initialise
from unetlite.network.upsampling import UPSAMPLERS, NearZeroConv2d, PixelShuffle, Skip

IMAGES = Path(__file__).parent / "images"


def new_figure(rows: int, columns: int, cell: float = 2.3) -> tuple[Figure, np.ndarray]:
    """A figure of `rows` by `columns` square pictures, `cell` inches each, and its axes (rows, columns)."""
    figure = Figure(figsize=(cell * columns, cell * rows + 0.3), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_map(axes: Axes, values: torch.Tensor | np.ndarray, title: str = "", *, numbers: bool = False) -> None:
    """One map (H, W): zero is white, positive blue, negative red; `numbers` writes the values into the cells."""
    array = np.asarray(values, dtype=float)
    largest = max(np.abs(array).max(), 1e-12)
    colours, lowest = ("PuOr_r", -largest) if array.min() < 0 else ("Blues", 0)
    axes.imshow(array, cmap=colours, vmin=lowest, vmax=largest)
    axes.set_title(title, fontsize=9)
    axes.set(xticks=[], yticks=[])
    if numbers:
        for (y, x), value in np.ndenumerate(array):
            colour = "white" if abs(value) > 0.6 * largest else "black"
            axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)


def sliding():
    rows = ["11100", "01110", "00111", "00110", "01100"]
    image = torch.tensor([[float(c) for c in row] for row in rows])
    kernel = torch.tensor([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]])
    out = F.conv2d(image[None, None], kernel[None, None])[0, 0]
    figure, (axes,) = new_figure(1, 5)
    for k, (y, x) in enumerate(((0, 0), (0, 1), (2, 2))):
        show_map(axes[k], image, f"position {y}, {x}: sum {out[y, x]:.0f}", numbers=True)
        axes[k].add_patch(rectangle((x - 0.5, y - 0.5), 3))
    show_map(axes[3], kernel, "kernel", numbers=True)
    show_map(axes[4], out, "feature map", numbers=True)
    return figure


def rectangle(corner, size):
    return Rectangle(corner, size, size, fill=False, edgecolor="#d55e00", linewidth=2.5)


def invariance():
    image = torch.from_numpy(read_earth()[0][1, 400:464, 2780:2844].copy()).double()[None, None]
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)[None, None]
    spots = torch.zeros_like(image)
    spots[..., ::4, ::4] = F.max_pool2d(image, 4)
    figure, axes = new_figure(2, 4)
    for row, shift in zip(axes, (0, 1), strict=True):
        moved = image.roll((shift, shift), (-2, -1))
        dots = spots.roll((shift, shift), (-2, -1))
        title = "shifted by one" if shift else "as it is"
        show_map(row[0], moved[0, 0], f"image, {title}")
        show_map(row[1], F.conv2d(moved, sobel)[0, 0], "Sobel: shifts along")
        show_map(row[2], dots[0, 0, :24, :24], f"its maxima, {title}")
        show_map(row[3], F.max_pool2d(dots, 4)[0, 0], "max-pooled: unchanged")
    return figure


def matrix():
    kernel = torch.tensor([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])
    m = convolution_matrix(kernel, (4, 4))
    figure, (axes,) = new_figure(1, 2, cell=4)
    show_map(axes[0], m, "M: 4 x 16, takes 4 x 4 to 2 x 2", numbers=True)
    show_map(axes[1], m.T, "its transpose: 16 x 4, takes 2 x 2 to 4 x 4", numbers=True)
    return figure


def overlap():
    figure, axes = new_figure(3, 2)
    for row, (k, p, op) in zip(axes, ((2, 0, 0), (3, 1, 1), (4, 1, 0)), strict=True):
        show_map(row[0], overlap_counts(4, k, p=p, op=op), f"k = {k}: copies per output", numbers=True)
        taps = torch.rand(1, 1, k, k, generator=torch.Generator().manual_seed(0))
        response = F.conv_transpose2d(torch.ones(1, 1, 6, 6), taps, stride=2, padding=p, output_padding=op)
        show_map(row[1], response[0, 0, 2:-2, 2:-2], "random taps on a constant")
    return figure


@torch.no_grad()
def operators():
    small, skip = small_map()
    names = list(UPSAMPLERS)
    figure, axes = new_figure(2, (len(names) + 2) // 2)
    cells = iter(axes.flat)
    show_map(next(cells), small[0, 0], "the map, 6 x 6")
    for name in names:
        up = UPSAMPLERS[name](4, 4, 4)
        initialise(up, seed=2)
        pass_through(up)
        show_map(next(cells), up.eval()(small, skip)[0, 0], name)
    for cell in cells:
        cell.axis("off")
    return figure


def small_map():
    """An L of ones, and an encoder's map that has it twice as large."""
    small = torch.zeros(1, 4, 6, 6)
    small[..., 1:5, 2] = 1
    small[..., 4, 2:5] = 1
    noise = torch.rand(1, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    fine = F.interpolate(small, scale_factor=2, mode="bilinear") + 0.01 * noise
    return small, Skip(fine, F.max_pool2d(fine, 2, return_indices=True)[1])


def pass_through(operator):
    """Lets every convolution hand its map on, so that what is left is the operator; independent taps stay random."""
    for module in operator.modules():
        if isinstance(module, PixelShuffle):  # the four sub-pixels of a channel are neighbours
            shuffled = torch.zeros_like(module.weight[::4])
            module.weight.copy_(torch.nn.init.dirac_(shuffled).repeat_interleave(4, 0))
            module.bias.zero_()
        elif isinstance(module, torch.nn.Conv2d) and not isinstance(module, NearZeroConv2d):
            torch.nn.init.dirac_(module.weight, groups=module.groups)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, torch.nn.ConvTranspose2d):
            module.weight.uniform_(0.05, 0.5, generator=torch.Generator().manual_seed(1))
            if module.bias is not None:
                module.bias.zero_()


def deconvolution():
    p = two_deconvolutions()
    figure, (axes,) = new_figure(1, 4, cell=2.8)
    pictures = {
        "image": p.image,
        f"blurred, {p.psnr_blurred:.1f} dB": p.blurred,
        f"Wiener filter, {p.psnr_restored:.1f} dB": p.restored,
        f"transposed convolution, {p.psnr_transposed:.1f} dB": p.transposed,
    }
    for cell, (title, picture) in zip(axes, pictures.items(), strict=True):
        inner = picture[16:-16, 16:-16]  # where the borders do not reach, and the PSNR is taken
        cell.imshow(inner, cmap="gray", vmin=0, vmax=float(p.image.max()))
        cell.set_title(title, fontsize=9)
        cell.axis("off")
    return figure


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for draw in (sliding, invariance, matrix, overlap, operators, deconvolution):
        draw().savefig(IMAGES / f"{draw.__name__}.png")
        print(IMAGES / f"{draw.__name__}.png")
