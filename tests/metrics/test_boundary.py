"""Boundary IoU against erosion, and where it must lose more than IoU does."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from
from scipy.ndimage import binary_erosion

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores


def squares(random, classes, images, height, width, side):
    """Random class indices, constant over squares; often some classes are in none of them."""
    present = random.choice(classes, size=random.integers(1, classes + 1), replace=False)
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    coarse = random.choice(present, (images, rows, columns))
    return coarse.repeat(side, 1).repeat(side, 2)[:, :height, :width]


def boundary(pixels, width):
    """What `width` erosions remove from a set of pixels; outside the image nothing is in it."""
    eroded = binary_erosion(pixels, np.ones((3, 3)), iterations=width, border_value=0)
    return pixels & ~eroded


def slow_boundary_counts(prediction, mask, classes, width):
    """Pixels in the intersection and the union of both boundaries (2, K), of one image."""
    both = []
    either = []
    valid = mask != IGNORE
    for k in range(classes):
        true = boundary((mask == k) & valid, width)
        predicted = boundary((prediction == k) & valid, width)
        both.append((true & predicted).sum())
        either.append((true | predicted).sum())
    return both, either


@settings(max_examples=60, deadline=None)
@given(
    seed=integers(0, 100_000),
    classes=integers(2, 5),
    width=sampled_from([1, 3, 5]),
    side=sampled_from([1, 4, 13]),
    shape=sampled_from([(1, 1), (1, 60), (90, 3), (31, 17), (60, 45)]),
)
def test_boundary_iou_agrees_with_erosion(seed, classes, width, side, shape):
    random = np.random.default_rng(seed)
    metric = BoundaryIoU([f"c{k}" for k in range(classes)], width)
    counts = []
    for height_width in (shape, (31, 17)):
        size = (*height_width, side)
        mask = squares(random, classes, 2, *size)
        wrong = random.random(mask.shape) < random.choice([0, 0.02, 0.3])
        prediction = np.where(wrong, squares(random, classes, 2, *size), mask)
        prediction = np.roll(prediction, random.integers(-2, 3), axis=2)
        ignored = squares(random, 4, 2, *size) == 0
        mask = np.where(ignored, IGNORE, mask).astype(np.uint8)
        metric.update(torch.from_numpy(prediction), torch.from_numpy(mask))
        for p, m in zip(prediction, mask, strict=True):
            counts.append(slow_boundary_counts(p, m, classes, width))
    counts = np.array(counts, dtype=float)  # (N, 2, K)
    both, either = counts.sum(0)
    with np.errstate(invalid="ignore"):
        per_image = counts[:, 0] / counts[:, 1]
        whole = both / either
    np.testing.assert_allclose(metric.per_image()[0], per_image)  # NaN where a class is in neither
    expected = np.nan if np.isnan(whole).all() else np.nanmean(whole)
    assert float(metric.compute()) == pytest.approx(expected, nan_ok=True)


def disc(shift=0):
    y, x = np.ogrid[:100, :100]
    inside = (y - 50) ** 2 + (x - 50 - shift) ** 2 <= 30**2
    return torch.from_numpy(inside).long()[None]


def test_a_mask_shifted_by_one_pixel_loses_more_boundary_iou_than_iou():
    truth, shifted = disc().to(torch.uint8), disc(shift=1)
    iou = SegmentationScores(["out", "in"])
    iou.update(shifted, truth)
    loss = 1 - float(iou.per_image()[0][0, 1])
    assert 0 < loss < 0.1
    losses = []
    for width in (1, 3, 5):
        metric = BoundaryIoU(["out", "in"], width)
        metric.update(shifted, truth)
        losses.append(1 - float(metric.per_image()[0][0, 1]))
    assert losses[0] > losses[1] > losses[2] > 3 * loss
    assert losses[0] > 10 * loss
