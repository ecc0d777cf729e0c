"""The scores against an independent implementation, and where it matters what is left out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers

from unetlite.classes import IGNORE
from unetlite.metrics.overlap import SegmentationScores


def sets_of(array, k, valid):
    return {(int(y), int(x)) for y, x in zip(*np.nonzero((array == k) & valid), strict=True)}


def slow_scores(prediction, mask, classes):
    """IoU and Dice of one image by sets of pixels; NaN where both sets are empty."""
    iou, dice = [], []
    for k in range(classes):
        a, b = sets_of(prediction, k, mask != IGNORE), sets_of(mask, k, mask != IGNORE)
        iou.append(len(a & b) / len(a | b) if a | b else np.nan)
        dice.append(2 * len(a & b) / (len(a) + len(b)) if a | b else np.nan)
    return iou, dice


@settings(max_examples=30, deadline=None)
@given(seed=integers(0, 10_000), classes=integers(2, 5))
def test_scores_agree_with_sets_of_pixels(seed, classes):
    random = np.random.default_rng(seed)
    prediction = random.integers(0, classes, (4, 9, 7))
    mask = random.choice([*range(classes - 1), IGNORE], (4, 9, 7)).astype(np.uint8)  # the last class is never true
    metric = SegmentationScores([f"c{k}" for k in range(classes)])
    for part in (slice(0, 1), slice(1, 4)):
        metric.update(torch.from_numpy(prediction[part]), torch.from_numpy(mask[part]))
    expected = np.array([slow_scores(p, m, classes) for p, m in zip(prediction, mask, strict=True)])  # (N, 2, K)
    iou, dice = metric.per_image()
    np.testing.assert_allclose(iou, expected[:, 0])
    np.testing.assert_allclose(dice, expected[:, 1])
    whole = np.array(slow_scores(prediction.reshape(-1, 7), mask.reshape(-1, 7), classes))
    scores = {name: float(value) for name, value in metric.compute().items()}
    assert scores["miou"] == pytest.approx(np.nanmean(whole[0]))
    assert scores["dice"] == pytest.approx(np.nanmean(whole[1]))
    assert scores["miou_per_image"] == pytest.approx(np.nanmean(np.nanmean(expected[:, 0], 1)))
    for k in range(classes):
        assert scores[f"iou/c{k}"] == pytest.approx(whole[0, k], nan_ok=True)


def test_an_absent_class_is_left_out_and_not_counted_as_one():
    metric = SegmentationScores(["a", "b", "c"])
    prediction = torch.tensor([[[0, 0, 1, 1]]])
    metric.update(prediction, torch.tensor([[[0, 1, 1, 1]]], dtype=torch.uint8))
    scores = metric.compute()
    assert scores["iou/c"].isnan()
    assert float(scores["miou"]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_ignored_pixels_do_not_count():
    metric = SegmentationScores(["a", "b"])
    metric.update(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 1, IGNORE]]], dtype=torch.uint8))
    assert float(metric.compute()["miou"]) == 1
