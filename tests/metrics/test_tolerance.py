"""Recall and precision within a few pixels, and predictions without training."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_cdt

from unetlite.classes import IGNORE
from unetlite.metrics.tolerance import NearMatches
from unetlite.metrics.trivial import threshold_counts, threshold_iou


def random_masks(seed=0):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randint(0, 12, (3, 20, 17), generator=generator).clamp(max=2)
    truth = torch.randint(0, 12, (3, 20, 17), generator=generator).clamp(max=2)
    truth[torch.rand(truth.shape, generator=generator) < 0.1] = IGNORE
    return prediction, truth


@pytest.mark.parametrize("width", [0, 1, 2])
def test_shares_are_those_of_a_distance_transform(width):
    prediction, truth = random_masks()
    near = NearMatches(["a", "b", "c"], width)
    near.update(prediction[:1], truth[:1])
    near.update(prediction[1:], truth[1:])
    shares = near.compute()
    for k, name in enumerate("abc"):
        found = right = 0
        is_true = (truth == k).numpy()
        is_predicted = ((prediction == k) & (truth != IGNORE)).numpy()
        for true, predicted in zip(is_true, is_predicted, strict=True):
            found += (distance_transform_cdt(~predicted, "chessboard")[true] <= width).sum()
            right += (distance_transform_cdt(~true, "chessboard")[predicted] <= width).sum()
        assert shares[f"recall_{width}px/{name}"] == pytest.approx(found / is_true.sum())
        assert shares[f"precision_{width}px/{name}"] == pytest.approx(right / is_predicted.sum())


def test_a_class_without_pixels_has_no_share():
    near = NearMatches(["a", "b"], 2)
    near.update(torch.zeros(1, 4, 4, dtype=torch.long), torch.zeros(1, 4, 4, dtype=torch.long))
    assert near.compute()["recall_2px/b"].isnan()


def test_the_threshold_is_chosen_in_training_and_may_have_either_class_brighter():
    grey = np.arange(6)
    dark = np.where(grey < 2, 5, 0)
    histograms = np.array([dark, 5 - dark])  # class 0 is dark
    assert threshold_iou(histograms, histograms).tolist() == [1, 1]
    assert threshold_iou(histograms[::-1], histograms[::-1]).tolist() == [1, 1]
    assert threshold_iou(histograms, histograms[::-1]).tolist() == [0, 0]
    counts = threshold_counts(histograms)
    assert (counts[..., [0, 2]].sum(-1) == histograms.sum(1)).all()  # TP and FN are the truth
