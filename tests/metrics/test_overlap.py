"""IoU and Dice against an independent implementation, and what they leave out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers

from unetlite.classes import IGNORE
from unetlite.metrics.overlap import SegmentationScores


def pixels_of_class(labels, index, valid):
    return set(np.flatnonzero((labels == index) & valid).tolist())


def slow_scores(prediction, mask, classes):
    """IoU and Dice (2, K) of one image by sets of pixels; NaN where both sets are empty."""
    iou = []
    dice = []
    valid = mask != IGNORE
    for k in range(classes):
        predicted = pixels_of_class(prediction, k, valid)
        true = pixels_of_class(mask, k, valid)
        if predicted | true:
            common = len(predicted & true)
            iou.append(common / len(predicted | true))
            dice.append(2 * common / (len(predicted) + len(true)))
        else:
            iou.append(np.nan)
            dice.append(np.nan)
    return iou, dice


@settings(max_examples=30, deadline=None)
@given(seed=integers(0, 10_000), classes=integers(2, 5))
def test_scores_agree_with_sets_of_pixels(seed, classes):
    random = np.random.default_rng(seed)
    prediction = random.integers(0, classes, (4, 9, 7))
    labels = [*range(classes - 1), IGNORE]  # the last class is never true
    mask = random.choice(labels, (4, 9, 7)).astype(np.uint8)
    metric = SegmentationScores([f"c{k}" for k in range(classes)])
    for part in (slice(0, 1), slice(1, 4)):
        metric.update(torch.from_numpy(prediction[part]), torch.from_numpy(mask[part]))
    pairs = zip(prediction, mask, strict=True)
    expected = np.array([slow_scores(p, m, classes) for p, m in pairs])  # (N, 2, K)
    iou, dice = metric.per_image()
    np.testing.assert_allclose(iou, expected[:, 0])
    np.testing.assert_allclose(dice, expected[:, 1])
    whole_iou, whole_dice = slow_scores(prediction.reshape(-1), mask.reshape(-1), classes)
    scores = {name: float(value) for name, value in metric.compute().items()}
    assert scores["miou"] == pytest.approx(np.nanmean(whole_iou))
    assert scores["dice"] == pytest.approx(np.nanmean(whole_dice))
    assert scores["miou_per_image"] == pytest.approx(np.nanmean(np.nanmean(expected[:, 0], 1)))
    for k in range(classes):
        assert scores[f"iou/c{k}"] == pytest.approx(whole_iou[k], nan_ok=True)
        assert scores[f"dice/c{k}"] == pytest.approx(whole_dice[k], nan_ok=True)


def test_an_absent_class_enters_no_mean():
    metric = SegmentationScores(["a", "b", "c"])
    mask = torch.tensor([[[0, 1, 1, 1]]], dtype=torch.uint8)
    metric.update(torch.tensor([[[0, 0, 1, 1]]]), mask)
    scores = metric.compute()
    assert scores["iou/c"].isnan()
    assert float(scores["miou"]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_ignored_pixels_do_not_count():
    metric = SegmentationScores(["a", "b"])
    metric.update(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 1, IGNORE]]], dtype=torch.uint8))
    assert float(metric.compute()["miou"]) == 1
