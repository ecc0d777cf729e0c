"""What else gives the same result, computed in the other way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from unetlite.arithmetic import taps as t
from unetlite.arithmetic.operations import (
    Result,
    Setting,
    correlate,
    interpolate_nearest,
    kernel_spectrum,
    transpose,
)
from unetlite.arithmetic.sizes import zero_insertion_padding

CLOSE = 1e-9
"""Relative to the largest number; a smaller difference is rounding."""


@dataclass(frozen=True)
class Other:
    """Another way.

    Attributes:
        key: that of its words.
        outputs: its result.
        expected: the map with which it is compared.
        kernel: the kernel that it takes, where that is another one.
        values: what the words are filled with.
    """

    key: str
    outputs: np.ndarray
    expected: np.ndarray
    kernel: np.ndarray | None = None
    values: dict[str, object] = field(default_factory=dict)

    @property
    def differing(self) -> np.ndarray:
        """Which outputs are not the same, bool (H, W)."""
        scale = max(1.0, float(np.abs(self.expected).max()))
        differing: np.ndarray = np.abs(self.outputs - self.expected) > CLOSE * scale
        return differing

    @property
    def largest_difference(self) -> float:
        """Of all outputs."""
        return float(np.abs(self.outputs - self.expected).max())


def others(setting: Setting, result: Result) -> list[Other]:
    """Other ways to the result of a setting, and what is easily taken for one."""
    return list(WAYS[setting.operation](setting, result))


def full_convolution(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The convolution of mathematics at all overlaps: (H + h - 1, W + w - 1)."""
    size = (a.shape[0] + b.shape[0] - 1, a.shape[1] + b.shape[1] - 1)
    outputs = np.zeros(size)
    for (row, column), weight in np.ndenumerate(b):
        outputs[row : row + a.shape[0], column : column + a.shape[1]] += weight * a
    return outputs


def of_convolution(setting: Setting, result: Result) -> Iterator[Other]:
    """The flipped kernel, and the transposed convolution of stride 1."""
    flipped = np.flip(setting.kernel)
    outputs = correlate(replace(setting, kernel=flipped)).outputs
    yield Other("flipped_kernel", outputs, result.outputs, flipped)
    yield from as_transposed(setting, result, setting.kernel)


def of_correlation(setting: Setting, result: Result) -> Iterator[Other]:
    """The kernel spread by zeros, the transposed convolution of stride 1; the way back is none."""
    if setting.dilation > 1:
        spread = t.zero_insertion(setting.kernel.shape, setting.dilation).apply(setting.kernel)
        last = setting.dilation - 1
        spread = spread[: spread.shape[0] - last, : spread.shape[1] - last]
        outputs = correlate(replace(setting, kernel=spread, dilation=1)).outputs
        yield Other("spread_kernel", outputs, result.outputs, spread)
    yield from as_transposed(setting, result, np.flip(setting.kernel))
    back = result.taps.matrix().T @ result.outputs.ravel()
    yield Other("and_back", back.reshape(setting.inputs.shape), setting.inputs)


def as_transposed(setting: Setting, result: Result, kernel: np.ndarray) -> Iterator[Other]:
    """The transposed convolution that equals one of stride 1, if one padding makes both axes so."""
    rows, columns = setting.kernel.shape
    padding = setting.dilation * (rows - 1) - setting.padding
    if setting.stride != 1 or rows != columns or padding < 0:
        return
    outputs = transpose(replace(setting, kernel=kernel, padding=padding)).outputs
    values = {"p": padding, "d": setting.dilation}
    yield Other("stride_one", outputs, result.outputs, kernel, values)


def of_max(setting: Setting, result: Result) -> Iterator[Other]:
    """Rows first, then columns."""
    outputs = setting.inputs
    for axis in (0, 1):
        i, k = outputs.shape[axis], setting.kernel.shape[axis]
        window = t.window_axis(i, k, setting.stride, setting.padding)
        edge = np.full((1, outputs.shape[1 - axis]), -np.inf)
        lines = np.concatenate([np.moveaxis(outputs, axis, 0), edge])
        outputs = np.moveaxis(lines[window].max(1), 0, axis)
    yield Other("rows_then_columns", outputs, result.outputs)


def of_mean(setting: Setting, result: Result) -> Iterator[Other]:
    """A kernel of equal weights."""
    kernel = np.full(setting.kernel.shape, 1 / setting.kernel.size)
    outputs = correlate(replace(setting, kernel=kernel)).outputs
    yield Other("equal_weights", outputs, result.outputs, kernel)


def of_stochastic(setting: Setting, result: Result) -> Iterator[Other]:
    """The sum of squares by the sum, in evaluation and where every window has a positive input."""
    ones = replace(setting, kernel=np.ones(setting.kernel.shape))
    sums = correlate(ones).outputs
    if setting.draw != 0 or setting.inputs.min() < 0 or sums.min() <= 0:
        return
    squares = correlate(replace(ones, inputs=setting.inputs**2)).outputs
    yield Other("squares", squares / sums, result.outputs)


def of_zeros(setting: Setting, result: Result) -> Iterator[Other]:
    """The transposed convolution with the flipped kernel (facts 13 and 20)."""
    kernel = np.flip(setting.kernel)
    yield from enlarged_as_transposed(
        "zeros_as_transposed",
        setting,
        result,
        kernel,
        padding=0,
        output_padding=setting.stride - 1,
    )


def of_nearest(setting: Setting, result: Result) -> Iterator[Other]:
    """The transposed convolution with the flipped kernel convolved with a box (facts 15, 16)."""
    box = np.ones((setting.stride, setting.stride))
    kernel = full_convolution(np.flip(setting.kernel), box)
    yield from enlarged_as_transposed("nearest_as_transposed", setting, result, kernel)
    yield from convolved_first(setting, result, t.nearest(setting.inputs.shape, setting.stride))


def of_bilinear(setting: Setting, result: Result) -> Iterator[Other]:
    """The transposed convolution with taps that fall off linearly, inside (fact 19)."""
    s = setting.stride
    count = 2 * s - s % 2
    taps = 1 - np.abs(np.arange(count) - (count - 1) / 2) / s
    kernel = full_convolution(np.flip(setting.kernel), np.outer(taps, taps))
    yield from enlarged_as_transposed(
        "bilinear_as_transposed",
        setting,
        result,
        kernel,
        padding=s // 2,
    )
    yield from convolved_first(setting, result, t.bilinear(setting.inputs.shape, s))


def convolved_first(setting: Setting, result: Result, upsampling: t.Taps) -> Iterator[Other]:
    """A 1 x 1 convolution before the upsampling (fact 18)."""
    if setting.kernel.size > 1 or setting.kernel[0, 0] == 1:
        return
    outputs = upsampling.apply(setting.kernel[0, 0] * setting.inputs)
    yield Other("convolved_first", outputs, result.outputs, values={"times": setting.stride**2})


def enlarged_as_transposed(
    key: str,
    setting: Setting,
    result: Result,
    kernel: np.ndarray,
    padding: int = 0,
    output_padding: int = 0,
) -> Iterator[Other]:
    """An upsampling and its kernel as one transposed convolution, if the kernel is square.

    `padding` is that of the upsampling alone; the kernel adds its own.
    """
    rows, columns = setting.kernel.shape
    if rows != columns:
        return
    padding += rows // 2
    one_step = replace(
        setting,
        kernel=kernel,
        padding=padding,
        output_padding=output_padding,
    )
    values = {
        "k": len(kernel),
        "s": setting.stride,
        "p": padding,
        "op": output_padding,
        "many": (rows * setting.stride) ** 2,
        "few": kernel.size,
    }
    yield Other(key, transpose(one_step).outputs, result.outputs, kernel, values)


def of_transposed(setting: Setting, result: Result) -> Iterator[Other]:
    """Zero insertion, the transposed matrix, and pixel shuffle where copies do not overlap."""
    flipped = np.flip(setting.kernel)
    yield Other("by_zero_insertion", by_zero_insertion(setting), result.outputs, flipped)
    back = correlate(replace(setting, inputs=result.outputs))
    if back.outputs.shape == setting.inputs.shape:
        matrix = back.taps.matrix()
        outputs = (matrix.T @ setting.inputs.ravel()).reshape(result.outputs.shape)
        values = {"rows": matrix.shape[1], "columns": matrix.shape[0]}
        yield Other("transposed_matrix", outputs, result.outputs, values=values)
    if tiles_evenly(setting):
        yield by_shuffle(setting, result)
        if np.ptp(setting.kernel) == 0:
            one = setting.kernel[:1, :1]
            outputs = interpolate_nearest(replace(setting, kernel=one)).outputs
            yield Other("equal_taps", outputs, result.outputs, one)


def tiles_evenly(setting: Setting) -> bool:
    """True if the copies of the kernel stand side by side and fill the output."""
    side = setting.stride
    plain = (setting.padding, setting.dilation, setting.output_padding) == (0, 1, 0)
    return plain and side > 1 and setting.kernel.shape == (side, side)


def by_zero_insertion(setting: Setting) -> np.ndarray:
    """A transposed convolution as zero insertion and a convolution (fact 13)."""
    inserted = t.zero_insertion(setting.inputs.shape, setting.stride).apply(setting.inputs)
    for axis, k in enumerate(setting.kernel.shape):
        before, after = zero_insertion_padding(
            k,
            setting.stride,
            setting.padding,
            setting.dilation,
            setting.output_padding,
        )
        inserted = pad_or_crop(inserted, axis, before, after)
    flipped = np.flip(setting.kernel)
    plain = Setting("dilated", inserted, flipped, dilation=setting.dilation)
    return correlate(plain).outputs


def pad_or_crop(
    array: np.ndarray,
    axis: int,
    before: int,
    after: int,
) -> np.ndarray:
    """Zeros before and after along an axis; a negative number crops."""
    widths = [(0, 0), (0, 0)]
    widths[axis] = (max(before, 0), max(after, 0))
    padded = np.pad(array, widths)
    start = max(-before, 0)
    stop = padded.shape[axis] - max(-after, 0)
    return np.take(padded, np.arange(start, stop), axis)


def by_shuffle(setting: Setting, result: Result) -> Other:
    """A 1 x 1 convolution to s x s channels, and pixel shuffle (fact 17)."""
    channels = [weight * setting.inputs for weight in setting.kernel.ravel()]
    stacked = np.concatenate(channels)
    outputs = t.pixel_shuffle(stacked.shape, setting.stride).apply(stacked)
    return Other("by_shuffle", outputs, result.outputs, values={"channels": len(channels)})


def of_shuffle(setting: Setting, result: Result) -> Iterator[Other]:
    """A transposed convolution of each channel, with a kernel of one 1, added."""
    s = setting.stride
    outputs = np.zeros(result.outputs.shape)
    for number, channel in enumerate(np.split(setting.inputs, s**2)):
        kernel = np.zeros((s, s))
        kernel.flat[number] = 1
        outputs += transpose(replace(setting, inputs=channel, kernel=kernel)).outputs
    yield Other("one_hot_kernels", outputs, result.outputs, values={"s": s})


def of_unpool(setting: Setting, result: Result) -> Iterator[Other]:
    """The pooled map enlarged, and kept where the map has the same value, in windows that tile."""
    pooled = result.steps["pooled"]
    s = setting.stride
    enlarged = t.nearest(pooled.shape, s).apply(pooled)
    if setting.kernel.shape != (s, s) or enlarged.shape != setting.inputs.shape:
        return
    outputs = np.where(setting.inputs == enlarged, enlarged, 0.0)
    yield Other("masked_nearest", outputs, result.outputs)


def of_wiener(setting: Setting, result: Result) -> Iterator[Other]:
    """Blurring the result gives the map; the transposed convolution restores nothing (fact 21)."""
    spectrum = kernel_spectrum(setting)
    blurred = np.fft.ifft2(np.fft.fft2(result.outputs) * spectrum).real
    yield Other("blurred_again", blurred, setting.inputs)
    transposed = np.fft.ifft2(np.fft.fft2(setting.inputs) * spectrum.conj()).real
    yield Other("other_deconvolution", transposed, result.outputs)


WAYS: dict[str, Callable[[Setting, Result], Iterator[Other]]] = {
    "convolution": of_convolution,
    "correlation": of_correlation,
    "dilated": of_correlation,
    "max": of_max,
    "mean": of_mean,
    "stochastic": of_stochastic,
    "zeros": of_zeros,
    "nearest": of_nearest,
    "bilinear": of_bilinear,
    "transposed": of_transposed,
    "shuffle": of_shuffle,
    "unpool": of_unpool,
    "wiener": of_wiener,
}
