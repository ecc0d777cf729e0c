"""Scores of contours: against slow implementations, and where they must tell more than IoU does."""

from math import hypot

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.spatial.distance import cdist

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import BoundaryIoU
from unetlite.metrics.distances import SurfaceDistances
from unetlite.metrics.overlap import SegmentationScores

WIDTHS = [(1, False), (3, False), (5, False), (0.02, True)]


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
    seed=integers(0, 100_000), classes=integers(2, 5), chosen=sampled_from(WIDTHS), side=sampled_from([1, 4, 13]),
    height=integers(1, 90), width=integers(1, 90),
)  # fmt: skip
def test_boundary_iou_agrees_with_erosion(seed, classes, chosen, side, height, width):
    random = np.random.default_rng(seed)
    width_or_fraction, relative = chosen
    metric = BoundaryIoU([f"c{k}" for k in range(classes)], width_or_fraction, relative=relative)
    counts, widths = [], []
    for h, w in ((height, width), (31, 17)):  # images of two sizes, so relative widths may differ
        mask = blocks(random, classes, 2, h, w, side)
        wrong = random.random((2, h, w)) < random.choice([0, 0.02, 0.3])
        prediction = np.where(wrong, blocks(random, classes, 2, h, w, side), mask)
        prediction = np.roll(prediction, random.integers(-2, 3), axis=2)
        mask = np.where(blocks(random, 4, 2, h, w, side) == 0, IGNORE, mask).astype(np.uint8)
        metric.update(torch.from_numpy(prediction), torch.from_numpy(mask))
        pixels = max(1, round(0.02 * (h**2 + w**2) ** 0.5)) if relative else width_or_fraction
        counts += [slow_boundary_counts(p, m, classes, pixels) for p, m in zip(prediction, mask, strict=True)]
        widths += [pixels] * 2
    counts = np.array(counts, dtype=float)  # (N, 2, K)
    with np.errstate(invalid="ignore"):
        per_image, whole = counts[:, 0] / counts[:, 1], counts[:, 0].sum(0) / counts[:, 1].sum(0)
    np.testing.assert_allclose(metric.per_image(), per_image)  # NaN where a class is in neither
    assert metric.widths().tolist() == widths
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
        losses.append(1 - float(metric.per_image()[0, 1]))
    assert losses[0] > losses[1] > losses[2] > 3 * loss
    assert losses[0] > 10 * loss


def slow_surface_distances(found, truth, tolerance):
    """Surface Dice and the 95 % Hausdorff distance of two sets of pixels, neither of them empty.

    The contour are the pixels of a set with one of their four neighbours outside; so is what touches the frame.
    """
    contours = []
    for pixels in (found, truth):
        padded = np.pad(pixels, 1)
        inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        contours.append(np.argwhere(pixels & ~inside))
    pairs = cdist(*contours)
    distances = pairs.min(1), pairs.min(0)  # of every contour pixel to the other contour
    dice = sum((d <= tolerance).sum() for d in distances) / sum(len(d) for d in distances)
    return dice, max(np.percentile(d, 95) for d in distances)


def blobs(random, height, width, classes):
    """Class indices (H, W) whose regions are smooth and often touch the frame."""
    smooth = gaussian_filter(random.standard_normal((classes, height, width)), (0, 5, 5), mode="nearest")
    return smooth.argmax(0), smooth


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tolerance", [1, 2.5])
def test_surface_distances_agree_with_those_of_all_pairs_of_pixels(seed, tolerance):
    random = np.random.default_rng(seed)
    mask, smooth = blobs(random, 48, 61, 3)
    other = gaussian_filter(random.standard_normal(smooth.shape), (0, 5, 5), mode="nearest")
    prediction = (smooth + 0.4 * other).argmax(0)
    mask = np.where(blobs(random, 48, 61, 3)[0] == 2, IGNORE, mask).astype(np.uint8)
    metric = SurfaceDistances(["a", "b", "c"], tolerance)
    metric.update(torch.from_numpy(prediction)[None], torch.from_numpy(mask)[None])
    labelled = mask != IGNORE
    expected = [slow_surface_distances((prediction == k) & labelled, mask == k, tolerance) for k in range(3)]
    dice, distance = metric.per_image()
    np.testing.assert_allclose(dice[0], [e[0] for e in expected], rtol=1e-6)
    np.testing.assert_allclose(distance[0], [e[1] for e in expected], rtol=1e-5)
    assert float(dice.min()) < 0.95  # there was something to measure


def test_surface_distances_of_equal_and_of_shifted_squares():
    square = torch.zeros(1, 40, 40, dtype=torch.uint8)
    square[:, 10:30, 8:28] = 1
    metric = SurfaceDistances(["out", "in"])
    metric.update(square.long(), square)
    metric.update(square.long().roll(3, 2), square)
    dice, distance = metric.per_image()
    assert dice[0].tolist() == [1, 1]
    assert distance[0].tolist() == [0, 0]
    # Of the 76 pixels of a contour more than one away: the outer side, 20, with a neighbour at both its ends, 2; and of
    # the inner side those more than one row from the other square's top and bottom, 16.
    assert float(dice[1, 1]) == pytest.approx((76 - 20 - 2 - 16) / 76)
    assert float(distance[1, 1]) == 3


def test_a_class_in_one_mask_only_is_the_worst_and_one_in_none_is_left_out():
    mask = torch.zeros(1, 30, 40, dtype=torch.uint8)
    prediction = mask.long().clone()
    prediction[:, 5:9, 5:9] = 1  # never true
    metric = SurfaceDistances(["a", "b", "c"])
    metric.update(prediction, mask)
    dice, distance = metric.per_image()
    assert dice[0, 1] == 0
    assert float(distance[0, 1]) == pytest.approx(hypot(30, 40))
    assert dice[0, 2].isnan()
    assert distance[0, 2].isnan()
    empty = torch.full_like(mask, IGNORE)
    metric.update(prediction, empty)  # an image without any score counts in no mean
    means = [float(mean) for mean in metric.compute()]
    assert means == pytest.approx([float(dice[0, :2].mean()), float(distance[0, :2].mean())])
