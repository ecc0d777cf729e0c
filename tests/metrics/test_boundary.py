"""Scores of contours: against slow implementations, and where they must tell more than IoU does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from
from scipy.ndimage import binary_erosion

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.overlap import SegmentationScores


def blocks(random, classes, images, height, width, side):
    """Random class indices, constant over squares; often some classes are in none of them."""
    present = random.choice(classes, size=random.integers(1, classes + 1), replace=False)
    coarse = random.choice(present, (images, -(-height // side), -(-width // side)))
    return coarse.repeat(side, 1).repeat(side, 2)[:, :height, :width]


def rim(pixels, width):
    """What `width` erosions remove from a set of pixels, outside the image being outside the set."""
    return pixels & ~binary_erosion(pixels, np.ones((3, 3)), iterations=width, border_value=0)


def slow_boundary_counts(prediction, mask, classes, width):
    """Pixels in the intersection and the union of both boundaries (2, K), of one image."""
    both, either = [], []
    for k in range(classes):
        g, p = (rim((labels == k) & (mask != IGNORE), width) for labels in (mask, prediction))
        both.append((g & p).sum())
        either.append((g | p).sum())
    return np.array([both, either])


@settings(max_examples=60, deadline=None)
@given(
    seed=integers(0, 100_000), classes=integers(2, 5), reach=sampled_from([1, 3, 5]), side=sampled_from([1, 4, 13]),
    height=integers(1, 90), width=integers(1, 90),
)  # fmt: skip
def test_boundary_iou_agrees_with_erosion(seed, classes, reach, side, height, width):
    random = np.random.default_rng(seed)
    metric = BoundaryIoU([f"c{k}" for k in range(classes)], reach)
    counts = []
    for h, w in ((height, width), (31, 17)):
        mask = blocks(random, classes, 2, h, w, side)
        wrong = random.random((2, h, w)) < random.choice([0, 0.02, 0.3])
        prediction = np.where(wrong, blocks(random, classes, 2, h, w, side), mask)
        prediction = np.roll(prediction, random.integers(-2, 3), axis=2)
        mask = np.where(blocks(random, 4, 2, h, w, side) == 0, IGNORE, mask).astype(np.uint8)
        metric.update(torch.from_numpy(prediction), torch.from_numpy(mask))
        counts += [slow_boundary_counts(p, m, classes, reach) for p, m in zip(prediction, mask, strict=True)]
    counts = np.array(counts, dtype=float)  # (N, 2, K)
    with np.errstate(invalid="ignore"):
        per_image, whole = counts[:, 0] / counts[:, 1], counts[:, 0].sum(0) / counts[:, 1].sum(0)
    np.testing.assert_allclose(metric.per_image()[0], per_image)  # NaN where a class is in neither
    expected = np.nan if np.isnan(whole).all() else np.nanmean(whole)
    assert float(metric.compute()) == pytest.approx(expected, nan_ok=True)


def disc(size=100, radius=30, shift=0):
    y, x = np.ogrid[:size, :size]
    return torch.from_numpy((y - size // 2) ** 2 + (x - size // 2 - shift) ** 2 <= radius**2).long()[None]


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
