"""Draws the pictures of docs/arithmetic.md: python docs/pictures.py"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from arithmetic import (
    convolution_matrix,
    earth,
    overlap_counts,
    receptive_field,
    transposed_by_zero_insertion,
    two_deconvolutions,
)
from gallery import ENTRIES
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unetlite.network.initialization import initialise
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures
from unetlite.network.upsampling.rearrange import PixelShuffle, insert_zeros
from unetlite.network.upsampling.reassembly import NearZeroConv2d

IMAGES = Path(__file__).parent / "images"
MARK = "#d55e00"


def draw(mosaic, width, height, **ratios):
    """A figure of this size in inches, and its axes by their letters."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    return figure, figure.subplot_mosaic(mosaic, gridspec_kw=ratios)


def rectangle(corner, size, colour=MARK):
    return Rectangle(corner, size, size, fill=False, edgecolor=colour, linewidth=2.5)


def show_map(
    axes, values: torch.Tensor | np.ndarray, title: str = "", *, numbers: bool = False
) -> None:
    """One map (H, W): zero is white, positive blue, negative red.

    `numbers` writes the values into the cells.
    """
    array = np.asarray(values, dtype=float)
    largest = max(np.abs(array).max(), 1e-12)
    if array.min() < 0:
        axes.imshow(array, cmap="RdBu", vmin=-largest, vmax=largest)
    else:
        axes.imshow(array, cmap="Blues", vmin=0, vmax=largest)
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
    figure, axes = draw("aabbcc;.kkmm.", 7.2, 5.2)
    for name, (y, x) in zip("abc", ((0, 0), (0, 1), (2, 2)), strict=True):
        show_map(
            axes[name], image, f"kernel at row {y}, column {x}: sum {out[y, x]:.0f}", numbers=True
        )
        axes[name].add_patch(rectangle((x - 0.5, y - 0.5), 3))
        for dy, dx in kernel.nonzero().tolist():  # where the kernel has a one
            axes[name].add_patch(rectangle((x + dx - 0.42, y + dy - 0.42), 0.84, "#e69f00"))
    show_map(axes["k"], kernel, "the kernel: add up where it has a 1", numbers=True)
    show_map(axes["m"], out, "all nine sums: the feature map", numbers=True)
    for y, x in ((0, 0), (0, 1), (2, 2)):
        axes["m"].add_patch(rectangle((x - 0.46, y - 0.46), 0.92))
    return figure


def invariance():
    green = earth(400, 2780, 64)[1]
    image = torch.from_numpy(green).double()[None, None]
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)[None, None]
    spots = torch.zeros_like(image)
    spots[..., ::4, ::4] = F.max_pool2d(image, 4)
    figure, axes = draw("abcd;efgh", 8.8, 4.8)
    titles = {
        "a": "an image",
        "b": "its edges: a Sobel kernel",
        "c": "its maxima, one a window",
        "d": "max-pooled: 4 x 4",
        "e": "shifted by 3 pixels",
        "f": "its edges: shifted as well",
        "g": "its maxima, shifted",
        "h": "max-pooled: as before",
    }
    for names, shift in (("abcd", 0), ("efgh", 3)):
        moved, dots = image.roll((0, shift), (-2, -1)), spots.roll((0, shift), (-2, -1))
        edges = F.conv2d(moved, sobel)[0, 0]
        maps = moved[0, 0], edges, dots[0, 0, :24, :24], F.max_pool2d(dots, 4)[0, 0, :6, :6]
        for name, values in zip(names, maps, strict=True):
            show_map(axes[name], values, titles[name])
        for line in range(4, 24, 4):  # the windows of the pooling
            axes[names[2]].axhline(line - 0.5, color="#999999", linewidth=0.5)
            axes[names[2]].axvline(line - 0.5, color="#999999", linewidth=0.5)
    return figure


def matrix():
    kernel = torch.tensor([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])
    m = convolution_matrix(kernel, (4, 4))
    x = torch.tensor([[3.0, 3, 2, 1], [0, 0, 1, 3], [3, 1, 2, 2], [2, 0, 0, 2]])
    y = (m @ x.flatten()).view(2, 2)
    figure, axes = draw("mmmmt;xkyut", 8.8, 4.5, width_ratios=(1, 1, 1, 1, 0.65))
    title = "the convolution as a matrix M: a row an output, a column an input pixel"
    show_map(axes["m"], m, title, numbers=True)
    show_map(axes["t"], m.T, "its transpose", numbers=True)
    show_map(axes["x"], x, "input, 4 x 4", numbers=True)
    show_map(axes["k"], kernel, "kernel", numbers=True)
    show_map(axes["y"], y, "M x: 2 x 2", numbers=True)
    show_map(axes["u"], (m.T @ y.flatten()).view(4, 4), "M^T M x: 4 x 4, not x", numbers=True)
    axes["x"].add_patch(rectangle((-0.5, -0.5), 3))
    axes["y"].add_patch(rectangle((-0.46, -0.46), 0.92))
    return figure


def overlap():
    figure, axes = draw("abc;def", 7.2, 5.2)
    cases = (
        (2, 0, 0, "1 copy everywhere"),
        (3, 1, 1, "1, 2 or 4 copies"),
        (4, 1, 0, "4 copies inside"),
    )
    for name, below, (k, p, op, how) in zip("abc", "def", cases, strict=True):
        show_map(axes[name], overlap_counts(4, k, p=p, op=op), f"kernel {k}: {how}", numbers=True)
        taps = torch.rand(1, 1, k, k, generator=torch.Generator().manual_seed(0))
        response = F.conv_transpose2d(
            torch.ones(1, 1, 6, 6), taps, stride=2, padding=p, output_padding=op
        )
        show_map(axes[below], response[0, 0, 2:-2, 2:-2], "a constant map becomes")
    return figure


def zeros():
    x = torch.tensor([[1.0, 2], [3, 4]])
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    spread = insert_zeros(x)
    figure, axes = draw("xabcd", 8.8, 2.1)
    show_map(axes["x"], x, "a map, 2 x 2", numbers=True)
    show_map(axes["a"], spread, "zeros put between", numbers=True)
    show_map(axes["b"], F.pad(spread, (1, 1, 1, 1)), "and around", numbers=True)
    show_map(axes["c"], kernel, "the flipped kernel", numbers=True)
    out = transposed_by_zero_insertion(x[None, None], kernel[None, None], s=2, p=1, op=1)
    show_map(axes["d"], out[0, 0], "slid over it: 4 x 4", numbers=True)
    axes["b"].add_patch(rectangle((-0.5, -0.5), 3))
    return figure


def field():
    """The receptive field of one element after each level, on the axis of the image."""
    level = [(3, 1, 1, 1), (3, 1, 1, 1), (2, 2, 0, 1)]
    sizes = [int(each.size) for each in receptive_field(level * 4)[2::3]]
    figure, axes = draw("a", 7.2, 1.9)
    for row, size in enumerate(sizes):
        opacity = 0.35 + 0.15 * row
        axes["a"].barh(row, size, left=-size / 2, height=0.7, color="#0072b2", alpha=opacity)
        text = f"level {row + 1}: {size} pixels"
        axes["a"].text(size / 2 + 1, row, text, va="center", fontsize=9)
    axes["a"].set(
        yticks=[],
        xlabel="pixels of the image",
        xlim=(-40, 62),
        ylim=(3.6, -0.6),
        xticks=range(-40, 41, 20),
    )
    axes["a"].spines[["left", "right", "top"]].set_visible(False)
    return figure


@torch.no_grad()
def operators():
    small, skip = small_map()
    figure, axes = draw([list(range(6)), list(range(6, 12)), list(range(12, 18))], 8.8, 5.0)
    cells = iter(axes.values())
    show_map(next(cells), small[0, 0], "a map, 6 x 6, becomes")
    for name in ENTRIES:
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
    return small, EncoderFeatures(fine, F.max_pool2d(fine, 2, return_indices=True)[1])


def pass_through(operator):
    """Makes every convolution an identity, so only the operator acts. Free taps are random."""
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
    figure, axes = draw("abcd", 8.8, 2.5)
    pictures = {
        "an image": p.image,
        f"blurred: {p.psnr_blurred:.1f} dB": p.blurred,
        f"deconvolved (Wiener): {p.psnr_restored:.1f} dB": p.restored,
        f"transposed conv.: {p.psnr_transposed:.1f} dB": p.transposed,
    }
    for cell, (title, picture) in zip(axes.values(), pictures.items(), strict=True):
        inner = picture[16:-16, 16:-16]  # where the borders do not reach, and the PSNR is taken
        cell.imshow(inner, cmap="gray", vmin=0, vmax=float(p.image.max()))
        cell.set_title(title, fontsize=9)
        cell.axis("off")
    return figure


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for picture in (sliding, invariance, field, matrix, zeros, overlap, operators, deconvolution):
        picture().savefig(IMAGES / f"{picture.__name__}.png", bbox_inches="tight", pad_inches=0.05)
        print(IMAGES / f"{picture.__name__}.png")
