"""Which inputs an output adds up, and with which weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unetlite.arithmetic.sizes import conv_size, transposed_conv_size

NONE = -1
"""In place of an input: the tap lies on padding, or between the inserted inputs."""


@dataclass(frozen=True)
class Taps:
    """Each output is the sum of T weighted inputs at most.

    Attributes:
        size: (H, W) of the input.
        sources: the input of each tap as row * W + column, or NONE, int (H_out, W_out, T).
        weights: (H_out, W_out, T).
    """

    size: tuple[int, int]
    sources: np.ndarray
    weights: np.ndarray

    def values(self, inputs: np.ndarray) -> np.ndarray:
        """The inputs (H, W) under the taps, 0 where there is none: (H_out, W_out, T)."""
        padded = np.append(inputs.ravel(), 0.0)  # NONE, which is -1, is the last
        return padded[self.sources]

    def apply(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs (H_out, W_out) of inputs (H, W)."""
        return (self.weights * self.values(inputs)).sum(-1)

    def counts(self) -> np.ndarray:
        """How many inputs reach each output: int (H_out, W_out)."""
        ordered = np.sort(self.sources, axis=-1)
        first = np.ones_like(ordered, bool)
        first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
        return (first & (ordered != NONE)).sum(-1)

    def matrix(self) -> np.ndarray:
        """M, (H_out W_out, H W): M @ inputs.ravel() are the outputs."""
        height, width = self.size
        outputs = self.sources[..., 0].size
        matrix = np.zeros((outputs, height * width + 1))
        rows = np.arange(outputs)[:, None]
        sources = self.sources.reshape(outputs, -1)
        np.add.at(matrix, (rows, sources), self.weights.reshape(outputs, -1))
        return matrix[:, :-1]

    def after(self, first: "Taps") -> "Taps":
        """These taps on the outputs of others, as taps on the inputs of those."""
        taps = first.sources.shape[-1]
        sources = np.append(first.sources.reshape(-1, taps), np.full((1, taps), NONE), axis=0)
        weights = np.append(first.weights.reshape(-1, taps), np.zeros((1, taps)), axis=0)
        shape = (*self.sources.shape[:2], -1)
        combined = self.weights[..., None] * weights[self.sources]
        return Taps(first.size, sources[self.sources].reshape(shape), combined.reshape(shape))


def join_axes(axes: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Sources (H_out, W_out, k k') of those per axis, (H_out, k) and (W_out, k')."""
    rows, columns = axes
    row = rows[:, None, :, None]
    column = columns[None, :, None, :]
    sources = np.where((row == NONE) | (column == NONE), NONE, row * width + column)
    return sources.reshape(len(rows), len(columns), -1)


def window_axis(
    i: int,
    k: int,
    s: int = 1,
    p: int = 0,
    d: int = 1,
) -> np.ndarray:
    """The inputs under each place of a sliding window: int (o, k)."""
    starts = np.arange(conv_size(i, k, s, p, d)) * s - p
    inputs = starts[:, None] + d * np.arange(k)
    return np.where((inputs >= 0) & (inputs < i), inputs, NONE)


def transposed_axis(
    i: int,
    k: int,
    s: int,
    p: int,
    d: int,
    op: int,
) -> np.ndarray:
    """The input whose copy of the kernel has its tap n at an output: int (o, k)."""
    outputs = np.arange(transposed_conv_size(i, k, s, p, d, op))
    starts = outputs[:, None] + p - d * np.arange(k)
    inputs = starts // s
    return np.where((starts % s == 0) & (inputs >= 0) & (inputs < i), inputs, NONE)


def kernel_taps(size: tuple[int, int], axes: Sequence[np.ndarray], kernel: np.ndarray) -> Taps:
    """Taps with the weights of a kernel, the same for every output, of sources per axis."""
    sources = join_axes(axes, size[1])
    weights = np.broadcast_to(kernel.ravel(), sources.shape)
    return Taps(size, sources, weights)


def zero_insertion(size: tuple[int, int], s: int) -> Taps:
    """s - 1 zeros behind every element."""
    axes = []
    for i in size:
        outputs = np.arange(i * s)
        axes.append(np.where(outputs % s == 0, outputs // s, NONE)[:, None])
    return kernel_taps(size, axes, np.ones(1))


def nearest(size: tuple[int, int], s: int) -> Taps:
    """Every element s x s times."""
    axes = [np.arange(i * s)[:, None] // s for i in size]
    return kernel_taps(size, axes, np.ones(1))


def bilinear(size: tuple[int, int], s: int) -> Taps:
    """Between the nearest two elements per axis, with pixel centres aligned; the edge repeats."""
    sources, shares = [], []
    for i in size:
        position = (np.arange(i * s) + 0.5) / s - 0.5
        low = np.floor(position).astype(int)
        share = position - low
        sources.append(np.stack([low, low + 1], axis=1).clip(0, i - 1))
        shares.append(np.stack([1 - share, share], axis=1))
    joined = join_axes(sources, size[1])
    weights = shares[0][:, None, :, None] * shares[1][None, :, None, :]
    return Taps(size, joined, weights.reshape(joined.shape))


def pixel_shuffle(size: tuple[int, int], s: int) -> Taps:
    """s x s channels, which lie below one another in the input, as one map of s times the size."""
    height = size[0] // s**2
    rows = np.arange(height * s)[:, None]
    columns = np.arange(size[1] * s)[None, :]
    channel = rows % s * s + columns % s
    sources = (channel * height + rows // s) * size[1] + columns // s
    return Taps(size, sources[..., None], np.ones((*sources.shape, 1)))


def periodic(response: np.ndarray) -> Taps:
    """A convolution with a response (H, W) as large as the input, which repeats beyond its edges.

    The response's origin is its first element.
    """
    height, width = response.shape
    places = np.indices(response.shape)  # (2, H, W)
    flat = places.reshape(2, 1, 1, -1)
    steps = places[..., None] - flat  # (2, H, W, H W)
    row = steps[0] % height
    column = steps[1] % width
    sources = np.broadcast_to(np.arange(height * width), row.shape)
    return Taps((height, width), sources, response[row, column])
