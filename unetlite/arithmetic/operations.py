"""The operations: a map and a kernel in, the result and the taps behind it out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from unetlite.arithmetic import taps as t
from unetlite.arithmetic.refusal import Refused
from unetlite.arithmetic.sizes import pool_size
from unetlite.arithmetic.taps import Taps

MAX_MAP = 16
MAX_KERNEL = 7
MAX_NUMBER = 1e6
RANGES = {
    "stride": (1, 6),
    "padding": (0, 6),
    "dilation": (1, 4),
    "output_padding": (0, 5),
    "draw": (0, 99),
}
"""Of the parameters that are whole numbers."""

VANISHING = 1e-9
"""Relative to the largest; a frequency of a kernel that is smaller cannot be restored."""

Sum = Literal["sum", "largest", "drawn", "returned"]
"""What an output is: a weighted sum, the largest of its inputs, one of them, or one put back."""


@dataclass(frozen=True)
class Setting:
    """What is computed. Parameters that do not apply to the operation keep their defaults.

    Attributes:
        operation: a name of OPERATIONS.
        inputs: the map, (H, W).
        kernel: (k, k'); of pooling only its size counts.
        noise: of Wiener deconvolution, the power of the noise by that of the image.
        draw: of stochastic pooling, the seed of the draw; 0 takes the mean, as evaluation does.
    """

    operation: str
    inputs: np.ndarray
    kernel: np.ndarray
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    output_padding: int = 0
    noise: float = 0.01
    draw: int = 0


@dataclass(frozen=True)
class Result:
    """The outputs (H_out, W_out) and what they are made of.

    Attributes:
        taps: weights of an operation that is not linear depend on the map.
        chosen: the tap that was taken, int (H_out, W_out), of an operation that chooses.
        chances: the probability of each tap, (H_out, W_out, T), of a draw.
        steps: maps between the input and the output, by the key of their name.
    """

    outputs: np.ndarray
    taps: Taps
    linear: bool = True
    kind: Sum = "sum"
    chosen: np.ndarray | None = None
    chances: np.ndarray | None = None
    steps: dict[str, np.ndarray] = field(default_factory=dict)


def convolve(setting: Setting) -> Result:
    """The convolution of mathematics: the kernel is flipped in both axes."""
    return correlate(replace(setting, kernel=np.flip(setting.kernel)))


def correlate(setting: Setting) -> Result:
    """What deep learning calls convolution, F.conv2d."""
    taps = t.kernel_taps(setting.inputs.shape, window_axes(setting), setting.kernel)
    return Result(taps.apply(setting.inputs), taps)


def window_axes(setting: Setting) -> list[np.ndarray]:
    """The inputs under each place of the kernel, per axis: (H_out, k) and (W_out, k')."""
    axes = []
    for i, k in zip(setting.inputs.shape, setting.kernel.shape, strict=True):
        axis = t.window_axis(
            i,
            k,
            setting.stride,
            setting.padding,
            setting.dilation,
        )
        axes.append(axis)
    return axes


def pooling_sources(setting: Setting) -> np.ndarray:
    """Sources (H_out, W_out, k k') of pooling. Raises Refused for too much padding."""
    for i, k in zip(setting.inputs.shape, setting.kernel.shape, strict=True):
        pool_size(i, k, setting.stride, setting.padding)
    return t.join_axes(window_axes(setting), setting.inputs.shape[1])


def choosing(
    setting: Setting,
    sources: np.ndarray,
    chosen: np.ndarray,
    kind: Sum,
    chances: np.ndarray | None = None,
) -> Result:
    """The result of an operation that takes one of its inputs, by the number of its tap."""
    weights = np.zeros(sources.shape)
    np.put_along_axis(weights, chosen[..., None], 1.0, axis=-1)
    taps = Taps(setting.inputs.shape, sources, weights)
    outputs = taps.apply(setting.inputs)
    return Result(
        outputs,
        taps,
        linear=False,
        kind=kind,
        chosen=chosen,
        chances=chances,
    )


def largest_tap(setting: Setting, sources: np.ndarray) -> np.ndarray:
    """The tap with the largest input, the first of equal ones; padding never is: (H_out, W_out)."""
    padded = np.append(setting.inputs.ravel(), -np.inf)
    return padded[sources].argmax(-1)


def pool_max(setting: Setting) -> Result:
    """The largest input of each window, F.max_pool2d."""
    sources = pooling_sources(setting)
    return choosing(setting, sources, largest_tap(setting, sources), "largest")


def pool_mean(setting: Setting) -> Result:
    """The mean of each window; padding counts as zeros, as in F.avg_pool2d."""
    sources = pooling_sources(setting)
    weights = np.full(sources.shape, 1 / setting.kernel.size)
    taps = Taps(setting.inputs.shape, sources, weights)
    return Result(taps.apply(setting.inputs), taps)


def pool_stochastic(setting: Setting) -> Result:
    """One input of each window, drawn with a probability in proportion to its value.

    A negative input has the probability 0. Without a positive one all have the same. Zeiler and
    Fergus 2013.
    """
    sources = pooling_sources(setting)
    weights = np.append(setting.inputs.ravel(), 0.0)[sources].clip(min=0)
    weights = weights + (weights.max(-1, keepdims=True) <= 0)
    chances = weights / weights.sum(-1, keepdims=True)
    if setting.draw == 0:
        taps = Taps(setting.inputs.shape, sources, chances)
        return Result(taps.apply(setting.inputs), taps, linear=False)
    drawn = np.random.default_rng(setting.draw).random(chances.shape[:2])
    chosen = (chances.cumsum(-1) <= drawn[..., None]).sum(-1)
    chosen = chosen.clip(max=sources.shape[-1] - 1)
    return choosing(setting, sources, chosen, "drawn", chances)


def enlarge(setting: Setting, upsampling: Taps) -> Result:
    """An upsampling, then the kernel as a correlation that keeps the size.

    Raises Refused for a kernel with an even side, which cannot be centred.
    """
    rows, columns = setting.kernel.shape
    if rows % 2 == 0 or columns % 2 == 0:
        raise Refused("even_kernel", k=f"{rows} x {columns}")
    enlarged = upsampling.apply(setting.inputs)
    axes = []
    for i, k in zip(enlarged.shape, setting.kernel.shape, strict=True):
        axes.append(t.window_axis(i, k, p=k // 2))
    kernel_taps = t.kernel_taps(enlarged.shape, axes, setting.kernel)
    taps = kernel_taps.after(upsampling)
    return Result(taps.apply(setting.inputs), taps, steps={"enlarged": enlarged})


def insert_zeros(setting: Setting) -> Result:
    """Zeros behind every element ("bed of nails"), then the kernel."""
    return enlarge(setting, t.zero_insertion(setting.inputs.shape, setting.stride))


def interpolate_nearest(setting: Setting) -> Result:
    """Every element stride x stride times, then the kernel."""
    return enlarge(setting, t.nearest(setting.inputs.shape, setting.stride))


def interpolate_bilinear(setting: Setting) -> Result:
    """Bilinear resize with pixel centres aligned (align_corners=False), then the kernel."""
    return enlarge(setting, t.bilinear(setting.inputs.shape, setting.stride))


def transpose(setting: Setting) -> Result:
    """The transposed convolution, F.conv_transpose2d."""
    axes = []
    for i, k in zip(setting.inputs.shape, setting.kernel.shape, strict=True):
        axis = t.transposed_axis(
            i,
            k,
            setting.stride,
            setting.padding,
            setting.dilation,
            setting.output_padding,
        )
        axes.append(axis)
    taps = t.kernel_taps(setting.inputs.shape, axes, setting.kernel)
    return Result(taps.apply(setting.inputs), taps)


def shuffle(setting: Setting) -> Result:
    """F.pixel_shuffle of stride x stride channels, which lie below one another in the map."""
    channels = setting.stride**2
    rows = setting.inputs.shape[0]
    if rows % channels:
        raise Refused("channels", rows=rows, channels=channels, s=setting.stride)
    taps = t.pixel_shuffle(setting.inputs.shape, setting.stride)
    return Result(taps.apply(setting.inputs), taps)


def unpool(setting: Setting) -> Result:
    """Max-pools the map and puts each maximum back to its place, F.max_unpool2d; zeros elsewhere.

    The pooled map is a step between.
    """
    sources = pooling_sources(setting)
    chosen = largest_tap(setting, sources)[..., None]
    maxima = np.take_along_axis(sources, chosen, axis=-1)
    pooled = setting.inputs.ravel()[maxima[..., 0]]
    places = np.full(setting.inputs.size, t.NONE)
    places[maxima.ravel()] = maxima.ravel()
    shape = (*setting.inputs.shape, 1)
    taps = Taps(setting.inputs.shape, places.reshape(shape), np.ones(shape))
    return Result(
        taps.apply(setting.inputs),
        taps,
        linear=False,
        kind="returned",
        steps={"pooled": pooled},
    )


def restore(setting: Setting) -> Result:
    """Wiener deconvolution of a map that was blurred by the kernel, centred, with periodic edges.

    In frequencies: conj(K) / (|K|^2 + noise) times the map. Raises Refused for a kernel that is
    larger than the map, and without noise for one that loses a frequency.
    """
    spectrum = kernel_spectrum(setting)
    power = np.abs(spectrum) ** 2
    if setting.noise == 0 and power.min() <= (VANISHING**2) * power.max():
        raise Refused("lost_frequency")
    if power.max() == 0:
        raise Refused("zero_kernel")
    response = np.fft.ifft2(spectrum.conj() / (power + setting.noise)).real
    taps = t.periodic(response)
    return Result(taps.apply(setting.inputs), taps)


def kernel_spectrum(setting: Setting) -> np.ndarray:
    """The frequencies of the kernel, centred, in a map of the input's size: complex (H, W)."""
    height, width = setting.inputs.shape
    rows, columns = setting.kernel.shape
    if rows > height or columns > width:
        raise Refused(
            "kernel_beyond_map",
            kernel=f"{rows} x {columns}",
            map=f"{height} x {width}",
        )
    padded = np.zeros((height, width))
    padded[:rows, :columns] = setting.kernel
    centred = np.roll(padded, (-(rows // 2), -(columns // 2)), (0, 1))
    return np.fft.fft2(centred)


@dataclass(frozen=True)
class Operation:
    """How an operation is computed, and what it takes.

    Attributes:
        parameters: the names of those that apply, besides map and kernel.
        size: the kind of its size formula, a key of sizes.FORMULAS.
        kernel: what it takes of the kernel.
    """

    run: Callable[[Setting], Result]
    parameters: tuple[str, ...]
    size: str
    kernel: Literal["numbers", "size", "nothing"] = "numbers"


OPERATIONS = {
    "convolution": Operation(convolve, ("stride", "padding"), "window"),
    "correlation": Operation(correlate, ("stride", "padding"), "window"),
    "dilated": Operation(correlate, ("stride", "padding", "dilation"), "window"),
    "max": Operation(pool_max, ("stride", "padding"), "window", "size"),
    "mean": Operation(pool_mean, ("stride", "padding"), "window", "size"),
    "stochastic": Operation(pool_stochastic, ("stride", "draw"), "window", "size"),
    "zeros": Operation(insert_zeros, ("stride",), "enlarged"),
    "nearest": Operation(interpolate_nearest, ("stride",), "enlarged"),
    "bilinear": Operation(interpolate_bilinear, ("stride",), "enlarged"),
    "transposed": Operation(
        transpose, ("stride", "padding", "dilation", "output_padding"), "transposed"
    ),
    "shuffle": Operation(shuffle, ("stride",), "enlarged", "nothing"),
    "unpool": Operation(unpool, ("stride",), "same", "size"),
    "wiener": Operation(restore, ("noise",), "same"),
}


def compute(setting: Setting) -> Result:
    """The result of a setting. Raises Refused, in words, for one that the operation cannot have."""
    check(setting)
    return OPERATIONS[setting.operation].run(setting)


def check(setting: Setting) -> None:
    """Raises Refused for an unknown operation, or for numbers out of their ranges."""
    if setting.operation not in OPERATIONS:
        raise Refused("unknown_operation", text=setting.operation, names=", ".join(OPERATIONS))
    check_array("map", setting.inputs, MAX_MAP)
    check_array("kernel", setting.kernel, MAX_KERNEL)
    for name in OPERATIONS[setting.operation].parameters:
        value = getattr(setting, name)
        if name == "noise":
            if not 0 <= value <= MAX_NUMBER:
                raise Refused("noise_range", value=value)
            continue
        low, high = RANGES[name]
        if not low <= value <= high:
            raise Refused("parameter_range", name=name, value=value, low=low, high=high)


def check_array(name: str, array: np.ndarray, largest: int) -> None:
    """Raises Refused for an array that is too large or holds too large numbers."""
    rows, columns = array.shape
    if max(rows, columns) > largest or array.size == 0:
        raise Refused("array_size", name=name, rows=rows, columns=columns, largest=largest)
    if not np.abs(array).max() <= MAX_NUMBER:
        raise Refused("number_range", name=name, value=float(np.abs(array).max()))
