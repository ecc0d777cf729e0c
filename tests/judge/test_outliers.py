"""A score that stands out is named with its row, stays, and the verdict without it is said."""

from dataclasses import replace

import numpy as np

from unetlite.judge.judgement import judge
from unetlite.judge.outliers import find_outlier
from unetlite.judge.scores import Scores

VARIANTS = ("a", "b", "c")


def make_scores(seed=0):
    """Images of very different difficulty and spread, and a variant that is better."""
    random = np.random.default_rng(seed)
    images = 20
    level = random.uniform(0.5, 0.9, images)
    spread = random.uniform(0.002, 0.03, images)
    values = {}
    for k, name in enumerate(VARIANTS):
        values[name] = level + 0.01 * k + spread * random.normal(size=(3, images))
    names = [f"i{image}" for image in range(images)]
    return Scores(values, [0, 1, 2], names, names)


def planted(scores, variant, seed, image, score):
    table = scores.values[variant].copy()
    table[seed, image] = score
    return replace(scores, values={**scores.values, variant: table})


def test_only_a_cell_that_stands_out_alone_is_found():
    for seed in range(20):
        scores = make_scores(seed)
        assert find_outlier(scores) is None
        outlier = find_outlier(planted(scores, "b", 1, 7, 0.07))
        assert (outlier.variant, outlier.seed, outlier.image) == ("b", 1, "i7")
        assert abs(outlier.expected - np.median(scores.values["b"][:, 7])) < 0.1
    hard = scores
    for name in VARIANTS:  # an image that half of the trainings miss
        hard = planted(planted(hard, name, 0, 7, 0.01), name, 1, 7, 0.02)
    assert find_outlier(hard) is None
    shifted = replace(scores, values={**scores.values, "a": scores.values["a"] - 0.4})
    assert find_outlier(shifted) is None  # a variant that is worse on all images


def test_a_score_that_stands_out_is_named_counts_and_is_left_out_beside():
    scores = planted(make_scores(), "c", 1, 7, 0.07)
    rows = []
    for name, table in scores.values.items():
        for (seed, image), score in np.ndenumerate(table):
            rows.append({"model": name, "seed": seed, "image": f"i{image}", "dice": score})
    judgement = judge(rows)
    assert judgement.analysis.images == 20
    (text,) = (caution for caution in judgement.cautions if caution.startswith("Look at"))
    assert f"the table, row {2 * 60 + 28}: dice of i7 by c with seed 1 is 0.0700" in text
    without = judge([row for row in rows if row["image"] != "i7"])
    assert judgement.chosen != without.chosen or "is chosen, too" in text
    if judgement.chosen != without.chosen:
        assert without.verdict[0] in text
