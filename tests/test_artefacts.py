"""Ripple and spectrum: what they say of operators and of signals whose answer is known."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis.strategies import floats, integers, sampled_from
from test_unet import OPERATORS, label

from unetlite.data.source import IGNORE
from unetlite.metrics import PhaseRipple, RadialSpectrum
from unetlite.probe import shifted
from unetlite.unet import initialise
from unetlite.upsample import UPSAMPLERS

UNEVEN = {"transpose", "zeros", "unpool"}


def ripple(*batches, stride=2, margin=0):
    metric = PhaseRipple(stride, batches[0].shape[1], margin=margin)
    for logits in batches:
        metric.update(logits)
    return float(metric.compute())


def generator(seed):
    return torch.Generator().manual_seed(seed)


def upsampled(operator, x):
    """What a fresh operator makes of x (B, 16, H, W); unpooling with the positions of a constant map."""
    up = UPSAMPLERS.build(operator, 16, 8)
    initialise(up, seed=0)
    switches = F.max_pool2d(torch.ones(len(x), 8, *(2 * size for size in x.shape[-2:])), 2, return_indices=True)[1]
    with torch.no_grad():
        return up(x, switches)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_the_ripple_of_a_constant_is_all_or_nothing(operator):
    value = ripple(upsampled(operator, torch.ones(3, 16, 24, 24)), margin=8)
    assert value == pytest.approx(1 if operator["name"] in UNEVEN else 0, abs=1e-6)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_the_ripple_of_smooth_maps_is_the_operators(operator):
    """Smooth maps above zero, as a ReLU leaves them, have none of their own."""
    coarse = torch.rand(8, 16, 6, 6, generator=generator(0))
    value = ripple(upsampled(operator, F.interpolate(coarse, size=(48, 48), mode="bicubic").relu()), margin=8)
    if operator["name"] in UNEVEN:
        assert value > 0.1
    else:
        assert abs(value) < 1e-3


@pytest.mark.parametrize("stride", [4, 16])
def test_the_ripple_of_images_without_one_in_common_is_zero_on_average(stride):
    """Even where every image has a pattern of its own: three images of 32 x 32, many times."""
    draw = generator(stride)
    values = []
    for _ in range(400):
        own = torch.randn(3, 2, stride, stride, generator=draw).repeat(1, 1, 32 // stride, 32 // stride)
        values.append(ripple(own + torch.randn(3, 2, 32, 32, generator=draw), stride=stride))
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
    logits = torch.randn(6, 2, 4, 4, generator=draw).repeat(1, 1, 12, 13) + torch.randn(6, 2, 48, 52, generator=draw)
    whole = ripple(logits, stride=4, margin=4)
    framed = F.pad(logits[..., 4:-4, 4:-4], (4, 6, 4, 7), value=99.0)  # and less than a period more at the end
    small = torch.randn(5, 2, 11, 40, generator=draw)  # 3 rows inside the margin
    assert ripple(small, framed[:1], framed[1:3], framed[3:], small, stride=4, margin=4) == pytest.approx(whole)


def test_a_ripple_needs_two_images():
    logits = torch.randn(1, 2, 16, 16)
    assert math.isnan(ripple(logits))
    assert math.isnan(ripple(torch.randn(2, 2, 7, 16), stride=8))
    assert math.isnan(ripple(torch.ones(1, 2, 16, 16)))
    assert not math.isnan(ripple(logits, logits))


def cosine(vertical, horizontal, height=256, width=384):
    """A wave of so many cycles a pixel, (1, 1, H, W)."""
    y, x = torch.arange(height)[:, None], torch.arange(width)[None]
    return torch.cos(2 * torch.pi * (vertical * y + horizontal * x).double())[None, None]


def spectrum(logits, mask=None, bins=32):
    metric = RadialSpectrum(bins)
    mask = torch.zeros(len(logits), *logits.shape[-2:], dtype=torch.uint8) if mask is None else mask
    metric.update(logits, mask)
    return metric.compute()


@settings(max_examples=20, deadline=None)
@given(bins=sampled_from([8, 32]), place=floats(0, 1, exclude_max=True), angle=floats(0, math.pi))
def test_the_power_of_a_wave_is_in_the_ring_of_its_frequency(bins, place, angle):
    ring = 1 + int(place * (bins - 1))  # a wave of the lowest ring loses its mean
    frequency = float(RadialSpectrum(bins).frequencies()[ring])
    wave = cosine(frequency * math.sin(angle), frequency * math.cos(angle))
    fractions = spectrum(wave, bins=bins)[0]
    assert fractions[ring] > 0.99
    assert float(fractions.sum()) == pytest.approx(1)


@pytest.mark.parametrize("highest", [(0.4, 0.0), (0.0, 0.5), (0.5, 0.0)], ids=["0.4", "columns", "rows"])
def test_power_is_shared_by_the_squares_of_amplitudes(highest):
    """Up to and with half a cycle a pixel, where a decoder's finest ripple is: rows or columns in turn."""
    low, high = cosine(0.0625, 0.0625), cosine(*highest)
    low, high = low / low.square().mean().sqrt(), high / high.square().mean().sqrt()
    fractions = spectrum(low + 2 * high)[0]
    assert float(fractions[:16].sum()) == pytest.approx(1 / 5, abs=0.01)


def test_a_checkerboard_of_single_pixels_is_in_the_highest_ring():
    noise = torch.randn(1, 1, 256, 384, generator=generator(0))
    fractions = spectrum(3 * cosine(0.5, 0.5) + noise)[0]
    assert fractions[-1] > 0.8


@settings(max_examples=10, deadline=None)
@given(seed=integers(0, 10_000), scale=floats(1e-3, 1e3))
def test_a_spectrum_has_fractions_that_no_scale_nor_offset_changes(seed, scale):
    logits = torch.randn(2, 3, 40, 33, generator=generator(seed))
    mask = torch.randint(0, 3, (2, 40, 33), generator=generator(seed + 1)).to(torch.uint8)
    fractions = spectrum(logits, mask)
    torch.testing.assert_close(fractions.sum(1), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(spectrum(scale * (logits + 4), mask)[0], fractions[0], rtol=1e-3, atol=1e-7)


def test_logits_that_are_the_truth_have_its_spectrum():
    mask = torch.randint(0, 3, (2, 5, 6), generator=generator(0)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    mask[:, :9, :7] = IGNORE  # no class
    truth = torch.stack([mask == k for k in range(4)], dim=1).float()  # the last class is absent
    logits_row, truth_row = spectrum(truth, mask.to(torch.uint8))
    torch.testing.assert_close(logits_row, truth_row)
    assert truth_row[:8].sum() > 0.8  # of blocks of 8 pixels


def test_every_window_is_a_crop_of_its_image_and_every_offset_comes_up():
    stride, (height, width) = 4, (21, 30)
    place = torch.arange(height)[:, None] * 100 + torch.arange(width)[None]
    images = torch.stack([place, 10_000 + place])[:, None].expand(2, 3, height, width)  # a pixel tells where it is from
    draw, offsets = generator(0), [set(), set()]
    for _ in range(300):
        windows = shifted(images, stride, draw)
        assert windows.shape == (2, 3, height - stride + 1, width - stride + 1)
        for k, window in enumerate(windows):
            top, left = divmod(int(window[0, 0, 0]) - 10_000 * k, 100)
            torch.testing.assert_close(window, images[k][:, top : top + window.shape[1], left : left + window.shape[2]])
            offsets[k].add((top, left))
    every = {(top, left) for top in range(stride) for left in range(stride)}
    assert offsets == [every, every]
    assert shifted(images[..., :3, :3], stride, draw).shape == (2, 3, 1, 1)  # smaller than the stride
