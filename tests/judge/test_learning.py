"""What counts as learnt: better than a prediction that ignores the image."""

import numpy as np
import pytest

from unetlite.judge.learning import class_skills, missed_classes, missing_spread
from unetlite.judge.scores import Scores


def counts_of(prediction, truth, classes=2):
    """TP, FP and FN (K, 3) of two maps of class indices."""
    rows = []
    for k in range(classes):
        predicted, true = prediction == k, truth == k
        rows.append(
            [(predicted & true).sum(), (predicted & ~true).sum(), (~predicted & true).sum()]
        )
    return np.array(rows)


@pytest.fixture
def truth():
    """A hundredth of the pixels is foreground."""
    return (np.arange(10_000) < 100).astype(int)


BACKGROUND, EVERYWHERE, RANDOM = (
    lambda truth: np.zeros_like(truth),
    lambda truth: np.ones_like(truth),
    lambda truth: np.random.default_rng(0).permutation(truth),
)


@pytest.mark.parametrize("blind", [BACKGROUND, EVERYWHERE, RANDOM])
def test_a_prediction_that_ignores_the_image_has_no_skill(truth, blind):
    counts = counts_of(blind(truth), truth)
    assert class_skills(counts) == pytest.approx([0, 0], abs=0.01)
    assert missed_classes([counts, counts]) == [1]  # and not the background


def test_a_tenth_of_a_rare_class_is_skill(truth):
    prediction = (np.arange(10_000) < 10).astype(int)
    assert (class_skills(counts_of(prediction, truth)) > 0.05).all()
    assert class_skills(counts_of(truth, truth)) == pytest.approx([1, 1])


def test_one_training_that_has_learnt_a_class_is_enough(truth):
    blind, seeing = counts_of(BACKGROUND(truth), truth), counts_of(truth, truth)
    assert missed_classes([blind, seeing, blind, blind]) == []
    assert missed_classes([blind, seeing, blind, blind], trainings=2) == [1]


def test_a_class_that_the_test_images_lack_is_not_missed(truth):
    blind = counts_of(BACKGROUND(truth), truth, classes=3)
    assert missed_classes([blind]) == [1]
    assert np.isnan(class_skills(blind)[2])
    seen = counts_of(truth, truth, classes=3)
    assert missed_classes([seen]) == []


def test_of_many_classes_those_that_are_missed_are_named():
    truth = np.arange(900) % 3
    prediction = np.where(truth == 2, 0, truth)  # 2 is taken for 0
    assert missed_classes([counts_of(prediction, truth, classes=3)]) == [2]


@pytest.mark.parametrize(
    ("shift", "change", "message"),
    [
        (0.0, 0.0, "the same scores to the last digit"),
        (0.01, 0.0, "differ by the same in every seed"),
        (0.01, 1e-15, "differ by the same in every seed"),  # rounding is no spread
        (0.01, 1e-6, None),
        (0.0, 1e-6, None),
    ],
)
def test_scores_without_spread_are_no_evidence(shift, change, message):
    first = np.random.default_rng(0).random((3, 4))
    second = first + shift
    second[1, 2] += change
    scores = Scores({"a": first, "b": second}, [0, 1, 2], list("wxyz"), list("wxyz"))
    objection = missing_spread(scores)
    assert (objection is None) == (message is None)
    assert message is None or message in objection
