"""The influence of images: its mean is the score, its spread that of choosing other images."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.strategies import integers

from unetlite.metrics.counts import per_image_influence


@settings(max_examples=30, deadline=None)
@given(key=integers(0, 10_000), classes=integers(1, 4))
def test_the_mean_is_the_score_of_the_data_set(key, classes):
    counts = np.random.default_rng(key).integers(0, 50, (7, classes, 3))
    counts[:, -1] *= key % 2  # at times a class is absent
    tp, fp, fn = counts.sum(0).T
    present = tp + fp + fn > 0
    assume(present.any())
    tp, wrong = tp[present], (fp + fn)[present]
    assert per_image_influence(counts).mean() == pytest.approx((tp / (tp + wrong)).mean())
    dice = 2 * tp / (2 * tp + wrong)
    assert per_image_influence(counts, "dice").mean() == pytest.approx(dice.mean())


def test_the_spread_is_that_of_choosing_other_images():
    random = np.random.default_rng(0)
    size = random.gamma(2.0, 500, (200, 1))
    counts = (random.dirichlet((30, 1, 1), (200, 2)) * size[..., None]).astype(int)
    values = per_image_influence(counts)
    resampled = []
    for _ in range(800):
        chosen = random.integers(0, 200, 200)
        resampled.append(per_image_influence(counts[chosen]).mean())
    assert values.std(ddof=1) / np.sqrt(200) == pytest.approx(np.std(resampled), rel=0.1)
