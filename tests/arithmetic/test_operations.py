"""Every operation gives what PyTorch, SciPy or scikit-image give, over a grid of parameters."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from preset_results import RESULTS
from scipy import ndimage, signal

from unetlite.arithmetic.equals import others
from unetlite.arithmetic.operations import (
    MAX_MAP,
    OPERATIONS,
    RANGES,
    Setting,
    compute,
)
from unetlite.arithmetic.presets import PRESETS
from unetlite.arithmetic.refusal import Refused
from unetlite.network.downsampling import Stochastic

SHAPES = [(1, 5), (6, 7), (8, 8)]
KERNELS = [(1, 1), (2, 2), (3, 3), (1, 3), (4, 2)]
CLAIMED_AND_NOT = {"and_back", "other_deconvolution"}
"""Other ways that the page shows because they do not give the same."""


def random(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))[None, None]


def by_torch(function, setting, **options):
    """A function of PyTorch on the map and the kernel of a setting."""
    return function(tensor(setting.inputs), tensor(setting.kernel), **options)[0, 0].numpy()


def reference(setting):
    """The result by another library."""
    x = tensor(setting.inputs)
    kernel_size = setting.kernel.shape
    s, p, d = setting.stride, setting.padding, setting.dilation
    match setting.operation:
        case "convolution":
            padded = np.pad(setting.inputs, p)
            return signal.convolve2d(padded, setting.kernel, mode="valid")[::s, ::s]
        case "correlation" | "dilated":
            return by_torch(F.conv2d, setting, stride=s, padding=p, dilation=d)
        case "max":
            return F.max_pool2d(x, kernel_size, s, p)[0, 0].numpy()
        case "mean":
            return F.avg_pool2d(x, kernel_size, s, p)[0, 0].numpy()
        case "zeros":
            enlarged = torch.zeros(1, 1, *(s * i for i in setting.inputs.shape)).double()
            enlarged[..., ::s, ::s] = x
        case "nearest" | "bilinear":
            enlarged = F.interpolate(x, scale_factor=s, mode=setting.operation)
        case "transposed":
            options = {"stride": s, "padding": p, "dilation": d}
            op = setting.output_padding
            return by_torch(F.conv_transpose2d, setting, output_padding=op, **options)
        case "shuffle":
            channels = x.view(1, s**2, -1, x.shape[-1])
            return F.pixel_shuffle(channels, s)[0, 0].numpy()
        case "unpool":
            pooled, places = F.max_pool2d(x, kernel_size, s, return_indices=True)
            return F.max_unpool2d(pooled, places, kernel_size, s, output_size=x.shape)[0, 0].numpy()
    same = [side // 2 for side in kernel_size]
    return F.conv2d(enlarged, tensor(setting.kernel), padding=same)[0, 0].numpy()


def settings(operation):
    """A grid of the parameters that apply, of maps and of kernels."""
    parameters = OPERATIONS[operation].parameters
    values = {"stride": (1, 2, 3), "padding": (0, 1, 2), "dilation": (1, 2)}
    values["output_padding"] = (0, 1)
    chosen = [values[name] for name in parameters]
    for shape, kernel, *numbers in product(SHAPES, KERNELS, *chosen):
        yield Setting(
            operation,
            random(*shape),
            random(*kernel),
            **dict(zip(parameters, numbers, strict=True)),
        )


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"stochastic", "wiener"}))
def test_an_operation_gives_what_pytorch_or_scipy_gives_or_both_refuse(operation):
    computed = 0
    for setting in settings(operation):
        try:
            result = compute(setting)
        except Refused:
            with pytest.raises((RuntimeError, ValueError)):
                assert_taken_by_another(setting)
            continue
        np.testing.assert_allclose(result.outputs, reference(setting), atol=1e-12)
        computed += 1
    assert computed >= 12


def assert_taken_by_another(setting):
    """Raises what another library raises; ValueError for an even kernel, off centre."""
    enlarging = setting.operation in ("zeros", "nearest", "bilinear")
    if enlarging and any(side % 2 == 0 for side in setting.kernel.shape):
        raise ValueError
    result = reference(setting)
    if result.size == 0 or max(setting.kernel.shape) > min(setting.inputs.shape):
        raise ValueError  # SciPy swaps the two


@pytest.mark.parametrize("name", OPERATIONS)
def test_other_ways_give_the_same_wherever_they_are_claimed_to(name):
    seen = set()
    presets = [preset.setting for preset in PRESETS.values() if preset.setting.operation == name]
    sampled = []
    if name not in ("stochastic", "wiener"):
        sampled = list(settings(name))
    for setting in [*presets, *sampled]:
        try:
            result = compute(setting)
        except Refused:
            continue
        for other in others(setting, result):
            seen.add(other.key)
            assert other.outputs.shape == other.expected.shape
            differences = np.abs(other.outputs - other.expected)
            if other.key == "bilinear_as_transposed":
                border = setting.stride + max(setting.kernel.shape) // 2
                differences = differences[border:-border, border:-border]
            if other.key not in CLAIMED_AND_NOT:
                assert not (differences > 1e-9).any(), (other.key, setting)
    assert seen


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_result_of_the_documentation(name):
    preset = PRESETS[name]
    setting = preset.setting
    result = compute(setting)
    np.testing.assert_allclose(result.outputs, RESULTS[name], atol=1e-9)
    if setting.operation not in ("stochastic", "wiener"):
        np.testing.assert_allclose(RESULTS[name], reference(setting), atol=1e-9)
    assert 0 <= preset.at[0] < result.outputs.shape[0]
    assert 0 <= preset.at[1] < result.outputs.shape[1]


def test_every_operation_has_a_preset():
    assert {preset.setting.operation for preset in PRESETS.values()} == set(OPERATIONS)


def test_an_output_is_the_sum_of_its_taps_and_a_row_of_the_matrix():
    for preset in PRESETS.values():
        inputs = preset.setting.inputs
        result = compute(preset.setting)
        outputs = result.outputs.ravel()
        np.testing.assert_allclose(result.taps.apply(inputs).ravel(), outputs, atol=1e-9)
        np.testing.assert_allclose(result.taps.matrix() @ inputs.ravel(), outputs, atol=1e-9)


@pytest.mark.parametrize(("k", "p", "op", "counts"), [(3, 1, 1, [1, 2, 4]), (2, 0, 0, [1])])
def test_overlaps_are_counted(k, p, op, counts):
    setting = Setting("transposed", np.ones((6, 6)), np.ones((k, k)), 2, p, output_padding=op)
    taps = compute(setting).taps
    expected = by_torch(F.conv_transpose2d, setting, stride=2, padding=p, output_padding=op)
    np.testing.assert_array_equal(taps.counts(), expected)
    assert np.unique(taps.counts()).tolist() == counts


def test_bilinear_reaches_an_input_once_at_the_border():
    counts = compute(Setting("bilinear", np.ones((3, 3)), np.ones((1, 1)), 2)).taps.counts()
    assert counts[0].tolist() == [1, 2, 2, 2, 2, 1]


def test_stochastic_pooling_in_evaluation_is_that_of_the_network():
    inputs = random(6, 8)
    pooled, _ = Stochastic(1).eval()(tensor(inputs))
    result = compute(Setting("stochastic", inputs, np.ones((2, 2)), 2))
    np.testing.assert_allclose(result.outputs, pooled[0, 0], atol=1e-7)


def test_draws_follow_their_probabilities():
    inputs = np.array([[1.0, 2], [3, 6]])
    setting = Setting("stochastic", np.tile(inputs, (8, 8)), np.ones((2, 2)), 2)
    drawn = [compute(replace(setting, draw=number)).outputs for number in range(1, 40)]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [1, 2, 3, 6]
    np.testing.assert_allclose(counts / counts.sum(), inputs.ravel() / 12, atol=0.04)


def test_wiener_without_noise_undoes_a_blur_of_scipy():
    image, kernel = random(9, 8), np.array([[0.0, 1, 0], [1, 6, 2], [0, 1, 0]])
    blurred = ndimage.convolve(image, kernel, mode="wrap")
    restored = compute(Setting("wiener", blurred, kernel, noise=0)).outputs
    np.testing.assert_allclose(restored, image, atol=1e-9)


def test_wiener_is_that_of_scikit_image():
    restoration = pytest.importorskip("skimage.restoration")
    image, kernel = random(8, 8), np.outer([1.0, 2, 1], [1, 2, 1])
    expected = restoration.wiener(image, kernel, 0.3, reg=np.ones((1, 1)), clip=False)
    result = compute(Setting("wiener", image, kernel, noise=0.3))
    np.testing.assert_allclose(result.outputs, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("operation", "changes", "key"),
    [
        ("correlation", {"inputs": np.ones((2, 2))}, "kernel_too_large"),
        ("dilated", {"dilation": 4}, "kernel_too_large"),
        ("transposed", {"output_padding": 2, "stride": 2}, "output_padding"),
        ("transposed", {"padding": 6}, "empty"),
        ("max", {"padding": 2}, "pool_padding"),
        ("nearest", {"kernel": np.ones((2, 2))}, "even_kernel"),
        ("shuffle", {"stride": 2, "inputs": np.ones((6, 4))}, "channels"),
        ("wiener", {"inputs": np.ones((2, 2))}, "kernel_beyond_map"),
        ("wiener", {"kernel": np.ones((2, 2)), "noise": 0}, "lost_frequency"),
        ("wiener", {"kernel": np.zeros((2, 2))}, "zero_kernel"),
        ("wiener", {"noise": float("nan")}, "noise_range"),
        ("max", {"inputs": np.ones((MAX_MAP + 1, 2))}, "array_size"),
        ("max", {"inputs": np.full((4, 4), 1e7)}, "number_range"),
        ("max", {"inputs": np.full((4, 4), np.nan)}, "number_range"),
        ("max", {"stride": RANGES["stride"][1] + 1}, "parameter_range"),
        ("sharpen", {}, "unknown_operation"),
    ],
)
def test_what_an_operation_cannot_have_is_refused(operation, changes, key):
    setting = Setting(operation, np.ones((6, 6)), np.ones((3, 3)))
    with pytest.raises(Refused) as refused:
        compute(replace(setting, **changes))
    assert refused.value.key == key
