"""A score outside the limits of its metric is refused with its place; metrics without them work."""

import math

import numpy as np
import pytest

from unetlite.errors import UsageError
from unetlite.judge.judgement import judge

SCORES = 0.7 + 0.2 * np.random.default_rng(0).random((3, 3, 8))  # (V, S, N)


def make_rows(scores, metric="dice"):
    """A row for each of the scores (V, S, N)."""
    rows = []
    for (variant, seed, image), score in np.ndenumerate(scores):
        rows.append({"model": f"m{variant}", "seed": seed, "image": f"i{image}", metric: score})
    return rows


def changed(values, scores=SCORES):
    """The scores with these values in the first places of the second variant."""
    table = scores.copy()
    table[1].flat[: len(values)] = values
    return table


@pytest.mark.parametrize(
    ("values", "factor", "metric", "words"),
    [
        (
            [81.3],
            1,
            "dice",
            ["row 25: the dice is 81.3", "the 71 others", "0.813 if it is in perc"],
        ),
        ([-0.8], 1, "dice", ["row 25: the dice is -0.8", "between 0 and 1"]),
        ([0.5, 81.3, 79, -0.1], 1, "score", ["row 26", "69 of 72 scores", "--lower-is-better"]),
        ([813], 100, "test_iou", ["row 25: the test_iou is 813", "between 0 and 100"]),
        ([-1.2], 1, "mcc", ["between -1 and 1"]),
    ],
)
def test_a_cell_that_cannot_be_is_refused_with_its_place_and_the_remedy(
    values, factor, metric, words
):
    rows = make_rows(changed(values, factor * SCORES), metric)
    with pytest.raises(UsageError) as error:
        judge(rows, score=metric)
    for word in words:
        assert word in str(error.value)


def test_of_a_wide_table_the_column_is_named():
    table = changed([81.3])
    rows = []
    for seed in range(3):
        for image in range(8):
            scores = {f"m{variant}": table[variant, seed, image] for variant in range(3)}
            rows.append({"seed": seed, "image": image, **scores})
    with pytest.raises(UsageError, match=r"row 1: the score of m1 is 81\.3"):
        judge(rows)


@pytest.mark.parametrize(
    ("values", "metric", "options"),
    [
        ([1.00005, 0.0, math.nan], "dice", {}),  # rounded up
        ([-0.8], "mcc", {}),
        ([-0.8, 31.0], "psnr", {}),
        ([-0.8, 81.3], "dice", {"higher_is_better": True}),  # the influence on a pooled score
        ([-0.8, 81.3], "loss", {"higher_is_better": False}),
        ([81.3], "hd95", {"higher_is_better": False}),
    ],
)
def test_metrics_without_such_limits_are_judged(values, metric, options):
    judgement = judge(make_rows(changed(values), metric), score=metric, **options)
    assert judgement.chosen is not None


def test_a_distance_is_not_negative():
    rows = make_rows(changed([-3.0], 10 * SCORES), "hd95")
    with pytest.raises(UsageError, match="row 25: the hd95 is -3, and it cannot be less than 0"):
        judge(rows, higher_is_better=False)
