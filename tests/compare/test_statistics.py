"""The statistics of `unetlite compare`: levels and coverage by simulation, and identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from scipy import stats

from unetlite.compare.statistics import (
    Difference,
    compare_pair,
    compare_pairs,
    contributions,
    holm,
    probability_of_improvement,
    smallest_difference,
)

REGIMES = {"seeds": (1, 0, 30), "both": (1, 30, 30), "images": (0, 30, 30)}
"""Variances of seed, image and residual; with 50 images the first weighs 50 times as much as the others."""


def simulate(random, regime, seeds, images=50, heavy=False):
    """Scores (S, N) less their expectation."""
    seed, image, residual = np.sqrt(REGIMES[regime])
    by_image = random.standard_t(3, (1, images)) / np.sqrt(3) if heavy else random.normal(size=(1, images))
    return seed * random.normal(size=(seeds, 1)) + image * by_image + residual * random.normal(size=(seeds, images))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("regime", "heavy"), [("seeds", False), ("both", False), ("both", True), ("images", False)])
def test_intervals_cover_a_known_difference_at_their_level(regime, heavy, seeds):
    random, rounds, truth = np.random.default_rng(seeds), 1500, 0.7
    covered = 0
    for _ in range(rounds):
        low, high = compare_pair(truth + simulate(random, regime, seeds, heavy=heavy), np.zeros((seeds, 50))).interval()
        covered += low <= truth <= high
    error = np.sqrt(0.95 * 0.05 / rounds)
    assert 0.95 - 3 * error < covered / rounds < 0.975 + 3 * error


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("regime", REGIMES)
def test_without_a_difference_all_pairs_of_six_variants_together_reject_at_most_five_percent(regime, seeds):
    random, rounds = np.random.default_rng(seeds), 500
    wrong = 0
    for _ in range(rounds):
        # What seeds and images do to all variants alike is paired away; what they do to each one is not.
        shared = simulate(random, regime, seeds)
        found = compare_pairs({k: shared + simulate(random, regime, seeds) for k in range(6)})
        assert len(found) == 15
        wrong += holm([difference.p for difference in found.values()]).min() <= 0.05
    assert wrong / rounds <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / rounds)


def test_a_test_over_seeds_alone_would_claim_too_much_of_new_images():
    """Why images enter: what is true of these images need not be true of others."""
    random, rounds = np.random.default_rng(0), 500
    samples = [simulate(random, "images", 5) for _ in range(rounds)]
    naive = np.mean([stats.ttest_1samp(d.mean(1), 0).pvalue <= 0.05 for d in samples])
    ours = np.mean([compare_pair(d, np.zeros_like(d)).p <= 0.05 for d in samples])
    assert naive > 0.2
    assert ours < 0.08


@settings(max_examples=25, deadline=None)
@given(seeds=integers(2, 8), key=integers(0, 1000))
def test_with_one_image_it_is_the_paired_t_test(seeds, key):
    random = np.random.default_rng(key)
    first, second = random.normal(size=(2, seeds, 1))
    found, expected = compare_pair(first, second), stats.ttest_rel(first[:, 0], second[:, 0])
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))


def test_the_order_of_a_pair_turns_the_sign_and_nothing_else():
    first, second = np.random.default_rng(0).normal(size=(2, 4, 20))
    one, other = compare_pair(first, second), compare_pair(second, first)
    assert one.mean == -other.mean
    assert one.p == pytest.approx(other.p)
    assert one.interval() == pytest.approx(tuple(-x for x in reversed(other.interval())))


def test_equal_runs_do_not_differ():
    scores = np.random.default_rng(0).normal(size=(3, 5))
    same = compare_pair(scores, scores)
    assert (same.mean, same.p, same.interval()) == (0, 1, (0, 0))


def test_holm_agrees_with_its_definition():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == pytest.approx([0.5])
    assert (holm(p) >= p).all()


def test_the_smallest_difference_is_shown_four_times_out_of_five():
    random, rounds, alpha = np.random.default_rng(1), 1500, 0.05
    seed, image, residual = REGIMES["both"]
    for seeds in (5, 10):
        of_seeds, of_images = seed + residual / 50, image / 50
        exact = Difference(0.0, of_seeds, of_images, seeds, 50, of_images / of_seeds)
        shift = smallest_difference(exact, alpha)
        shown = [compare_pair(shift + simulate(random, "both", seeds), np.zeros((seeds, 50))).p <= alpha
                 for _ in range(rounds)]  # fmt: skip
        assert 0.74 < np.mean(shown) < 0.88


def test_probability_of_improvement_counts_the_pairs_of_runs():
    first, second = np.array([3.0, 1.0, 2.0]), np.array([2.0, 0.0])
    pairs = [(a > b) + 0.5 * (a == b) for a in first for b in second]
    assert probability_of_improvement(first, second) == pytest.approx(np.mean(pairs))
    assert probability_of_improvement(first, second) + probability_of_improvement(second, first) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(key=integers(0, 10_000), classes=integers(1, 4))
def test_contributions_of_images_have_the_score_of_the_data_set_as_their_mean(key, classes):
    counts = np.random.default_rng(key).integers(0, 50, (7, classes, 3))
    counts[:, -1] *= key % 2  # at times a class is absent
    tp, fp, fn = counts.sum(0).T
    present = tp + fp + fn > 0
    iou = (tp / np.maximum(tp + fp + fn, 1))[present]
    dice = (2 * tp / np.maximum(2 * tp + fp + fn, 1))[present]
    if present.any():
        assert contributions(counts).mean() == pytest.approx(iou.mean())
        assert contributions(counts, "dice").mean() == pytest.approx(dice.mean())


def test_contributions_have_the_spread_that_choosing_other_images_would_give():
    random = np.random.default_rng(0)
    size = random.gamma(2.0, 500, (200, 1))
    counts = (random.dirichlet((30, 1, 1), (200, 2)) * size[..., None]).astype(int)
    values = contributions(counts)
    drawn = [contributions(counts[random.integers(0, 200, 200)]).mean() for _ in range(800)]
    assert values.std(ddof=1) / np.sqrt(200) == pytest.approx(np.std(drawn), rel=0.1)
