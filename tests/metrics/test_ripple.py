"""Ripple of operators, and of signals whose ripple follows from theory."""

import math

import pytest
import torch
import torch.nn.functional as F
from helpers import OPERATORS, label

from unetlite.metrics.ripple import PhaseRipple
from unetlite.network.initialization import initialise
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures

UNEVEN = {"transpose", "large_context", "residual", "zeros", "unpool"}


def ripple(*batches, stride=2, margin=0):
    metric = PhaseRipple(stride, batches[0].shape[1], margin=margin)
    for logits in batches:
        metric.update(logits)
    return float(metric.compute())


def generator(seed):
    return torch.Generator().manual_seed(seed)


def upsampled(operator, x):
    """The output of a fresh operator for x (B, 16, H, W), beside a constant encoder map."""
    up = UPSAMPLERS.build(operator, 16, 8, 8)
    initialise(up, seed=0)
    fine = torch.ones(len(x), 8, 2 * x.shape[-2], 2 * x.shape[-1])
    _, positions = F.max_pool2d(fine, 2, return_indices=True)
    with torch.no_grad():
        return up(x, EncoderFeatures(fine, positions))


def is_uneven(operator):
    return operator["name"] in UNEVEN and not operator.get("blur")


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_the_ripple_of_a_constant_is_all_or_nothing(operator):
    value = ripple(upsampled(operator, torch.ones(3, 16, 24, 24)), margin=8)
    assert value == pytest.approx(1 if is_uneven(operator) else 0, abs=1e-6)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_the_ripple_of_smooth_maps_is_the_operators(operator):
    """Smooth maps above zero, as a ReLU leaves them, have none of their own."""
    coarse = torch.rand(8, 16, 6, 6, generator=generator(0))
    smooth = F.interpolate(coarse, size=(48, 48), mode="bicubic").relu()
    value = ripple(upsampled(operator, smooth), margin=8)
    if is_uneven(operator):
        assert value > 0.1
    else:
        assert abs(value) < 1e-3


@pytest.mark.parametrize("stride", [4, 16])
def test_the_ripple_of_images_without_one_in_common_is_zero_on_average(stride):
    """Even where every image has a pattern of its own: three images of 32 x 32, many times."""
    draw = generator(stride)
    values = []
    for _ in range(400):
        periods = 32 // stride
        own = torch.randn(3, 2, stride, stride, generator=draw).repeat(1, 1, periods, periods)
        noise = torch.randn(3, 2, 32, 32, generator=draw)
        values.append(ripple(own + noise, stride=stride))
    values = torch.tensor(values)
    standard_error = float(values.std()) / math.sqrt(len(values))
    assert abs(float(values.mean())) < 4 * standard_error
    assert standard_error < 0.03


@pytest.mark.parametrize("strength", [0.2, 1, 3])
def test_the_ripple_of_a_pattern_in_noise_is_its_share_of_the_variance(strength):
    draw = generator(0)
    patterns = strength * torch.randn(3, 8, 8, generator=draw) + 5
    patterns[2] = 5  # the third channel has none
    logits = patterns.repeat(1, 10, 10) + torch.randn(100, 3, 80, 80, generator=draw)
    shares = [float(v / (v + 1)) for v in patterns.double().var((1, 2), correction=0)]
    assert ripple(logits, stride=8) == pytest.approx(sum(shares) / 3, abs=0.005)


def test_ripple_depends_neither_on_batches_nor_on_the_margin_nor_on_images_too_small():
    draw = generator(0)
    pattern = torch.randn(6, 2, 4, 4, generator=draw).repeat(1, 1, 12, 13)
    logits = pattern + torch.randn(6, 2, 48, 52, generator=draw)
    expected = ripple(logits, stride=4, margin=4)
    # The end has less than a period more.
    framed = F.pad(logits[..., 4:-4, 4:-4], (4, 6, 4, 7), value=99.0)
    small = torch.randn(5, 2, 11, 40, generator=draw)  # 3 rows inside the margin
    batches = [small, framed[:1], framed[1:3], framed[3:], small]
    assert ripple(*batches, stride=4, margin=4) == pytest.approx(expected)


def test_a_ripple_needs_two_images():
    logits = torch.randn(1, 2, 16, 16)
    assert math.isnan(ripple(logits))
    assert math.isnan(ripple(torch.randn(2, 2, 7, 16), stride=8))
    assert math.isnan(ripple(torch.ones(1, 2, 16, 16)))
    assert not math.isnan(ripple(logits, logits))
