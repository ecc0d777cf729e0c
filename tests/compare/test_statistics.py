"""The statistics of `unetlite compare`: levels by simulation, an independent implementation, and identities."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from scipy import stats

from unetlite.compare.statistics import (
    best_of,
    by_group,
    contributions,
    differences,
    equal_but_one,
    equal_within,
    narrower,
)

ROUNDS = 500
LIMIT = 0.055 + 2 * np.sqrt(0.05 * 0.95 / ROUNDS)


def simulate(random, means, seeds, images, groups=None, deviations=1.0, heavy=False):
    """Scores (S, N) by variant: seeds and images do something to all alike, and something to each variant.

    Images of one group are correlated; without groups each is for itself. Also the group of each image.
    """
    groups = images if groups is None else groups
    of = np.sort(np.arange(images) % groups)

    def draw(*shape):
        return random.standard_t(3, shape) / np.sqrt(3) if heavy else random.standard_normal(shape)

    def image_effects(count):
        return 0.8 * draw(count, images) + 0.6 * draw(count, groups)[:, of]

    variants, scale = len(means), np.broadcast_to(deviations, len(means))[:, None, None]
    scores = np.asarray(means)[:, None, None] + scale * random.normal(size=(variants, seeds, 1))
    scores = scores + random.normal(size=(seeds, 1)) + 5 * image_effects(1) + 4 * image_effects(variants)[:, None]
    scores = scores + 4 * random.normal(size=(variants, seeds, images))
    return {f"v{k}": table for k, table in enumerate(scores)}, of


@pytest.mark.parametrize(
    ("seeds", "variants", "options"),
    [
        (3, 6, {}),
        (5, 2, {}),
        (10, 6, {"heavy": True}),
        (5, 6, {"deviations": [3, 1, 1, 1, 1, 1]}),
        (5, 6, {"groups": 10}),
        (3, 6, {"groups": 2}),
    ],
    ids=["three seeds", "two variants", "heavy tails", "unequal variances", "ten groups", "two groups"],
)
def test_the_best_is_rarely_lost_and_no_bound_is_too_low(seeds, variants, options):
    random = np.random.default_rng(seeds + variants)
    means = [0.0] * (variants - 1) + [-1.5]  # partly equal; the first is one of the best
    lost = low = found = 0
    for _ in range(ROUNDS):
        scores, groups = simulate(random, means, seeds, 60, **options)
        best = best_of(differences({name: by_group(table, groups) for name, table in scores.items()}))
        lost += "v0" not in best.candidates
        low += any(best.regret[f"v{k}"] < -mean for k, mean in enumerate(means))
        found += len(best.candidates) == 1 and variants > 2  # though the best are equal
    assert max(lost, low, found) / ROUNDS <= LIMIT


def test_of_two_equal_variants_one_wins_rarely():
    random, won = np.random.default_rng(0), 0
    for _ in range(ROUNDS):
        scores, _ = simulate(random, [0, 0], 5, 40)
        won += len(best_of(differences(scores)).candidates) == 1
    assert won / ROUNDS <= LIMIT


def test_equality_is_claimed_rarely_where_a_pair_differs_by_the_margin():
    random, margin, wrong = np.random.default_rng(0), 2.0, 0
    for _ in range(ROUNDS):
        scores, _ = simulate(random, [margin, 1.0, 0.0], 10, 60)
        wrong += equal_within(differences(scores)) <= margin
    assert wrong / ROUNDS <= LIMIT


def test_taking_images_of_few_groups_for_independent_loses_the_best_too_often():
    """Why groups are the units."""
    random, lost = np.random.default_rng(0), 0
    for _ in range(300):
        scores, _ = simulate(random, [0.0] * 6, 5, 60, groups=2)
        lost += len(best_of(differences(scores)).candidates) < 6
    assert lost / 300 > 0.2


def by_definition(scores):
    """Difference, standard error and degrees of freedom of each pair, written out from the formulas."""
    names, (seeds, groups) = list(scores), next(iter(scores.values())).shape
    count, s, b = len(scores), {}, {}
    for i, j in combinations(names, 2):
        d = scores[i] - scores[j]
        residual = sum(
            (d[k, n] - d[k].mean() - d[:, n].mean() + d.mean()) ** 2 for k in range(seeds) for n in range(groups)
        ) / ((seeds - 1) * (groups - 1))
        s[i, j] = s[j, i] = np.var([d[k].mean() for k in range(seeds)], ddof=1)
        b[i, j] = b[j, i] = max(np.var([d[:, n].mean() for n in range(groups)], ddof=1) - residual / seeds, 0) / groups
    total = sum(s[pair] for pair in combinations(names, 2)) / (count - 1)
    own = {i: (sum(s[i, j] for j in names if j != i) - total) / (count - 2) for i in names}
    v = {i: (2 * total / count + (seeds - 1) * max(own[i], 0.05 * total / count)) / (seeds + 1) for i in names}
    mean_b = np.mean(list(b.values()))
    return {
        (i, j): ((scores[i] - scores[j]).mean(), np.sqrt((v[i] + v[j]) / seeds + (b[i, j] + mean_b) / 2))
        for i, j in combinations(names, 2)
    }


@settings(max_examples=20, deadline=None)
@given(key=integers(0, 10_000), variants=integers(3, 6), seeds=integers(2, 6), groups=integers(2, 12))
def test_differences_agree_with_the_formulas_written_out(key, variants, seeds, groups):
    scores, _ = simulate(np.random.default_rng(key), [0.0] * variants, seeds, groups)
    found = differences(scores)
    for (i, j), (mean, error) in by_definition(scores).items():
        assert found[i, j][:2] == pytest.approx((mean, error))
        assert found[j, i] == (-found[i, j].mean, *found[i, j][1:])
        assert found[i, j].degrees > 0


@settings(max_examples=20, deadline=None)
@given(seeds=integers(2, 8), key=integers(0, 1000))
def test_two_variants_on_one_image_are_the_paired_t_test(seeds, key):
    first, second = np.random.default_rng(key).normal(size=(2, seeds, 1))
    found = differences({"a": first, "b": second})["a", "b"]
    interval = stats.ttest_rel(first[:, 0], second[:, 0]).confidence_interval()
    assert found.degrees == pytest.approx(seeds - 1)
    assert (found.mean - found.reach(0.025), found.mean + found.reach(0.025)) == pytest.approx(tuple(interval))


@settings(max_examples=20, deadline=None)
@given(key=integers(0, 10_000))
def test_what_all_variants_share_does_not_matter_and_a_scale_scales(key):
    random = np.random.default_rng(key)
    scores, _ = simulate(random, [0.0, 1.0, 2.0], 4, 9)
    shared = random.normal(size=(4, 1)) + random.normal(size=(1, 9))
    changed = {name: 3 * (table + shared) for name, table in scores.items()}
    before, after = best_of(differences(scores)), best_of(differences(changed))
    assert before.candidates == after.candidates
    assert [3 * value for value in before.regret.values()] == pytest.approx(list(after.regret.values()))


@settings(max_examples=20, deadline=None)
@given(key=integers(0, 10_000), dropped=integers(0, 4))
def test_the_best_on_average_is_a_candidate_and_regret_covers_the_gap(key, dropped):
    scores, _ = simulate(np.random.default_rng(key), np.arange(4.0), 3, 8)
    found, means = differences(scores), {name: table.mean() for name, table in scores.items()}
    best = best_of(found, variants=4 + dropped)
    top = max(means, key=means.get)
    assert top in best.candidates
    for name, mean in means.items():
        assert best.regret[name] >= means[top] - mean - 1e-9
        assert (best.lead[name] > 0) == (best.candidates == [name])
    assert equal_within(found) >= max(means.values()) - min(means.values())
    assert equal_but_one(found)[0] in scores


def test_equal_runs_are_equal():
    scores = np.random.default_rng(0).normal(size=(3, 5))
    found = differences({"a": scores, "b": scores, "c": scores})
    assert best_of(found).regret == {"a": 0, "b": 0, "c": 0}
    assert equal_within(found) == 0


@settings(max_examples=20, deadline=None)
@given(key=integers(0, 10_000), images=integers(1, 30))
def test_groups_keep_the_mean(key, images):
    random = np.random.default_rng(key)
    scores, groups = random.normal(size=(3, images)), random.integers(0, 4, images)
    grouped = by_group(scores, groups)
    assert grouped.shape == (3, len(set(groups.tolist())))
    assert grouped.mean(1) == pytest.approx(scores.mean(1))
    assert by_group(scores, np.arange(images)) == pytest.approx(scores)


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


@pytest.mark.parametrize(("alpha", "others", "degrees"), [(0.05, 5, 20), (0.05, 2, 4), (0.005, 5, 8), (0.02, 9, 30)])
def test_dunnetts_quantile_is_exceeded_as_often_as_it_says(alpha, others, degrees):
    random, rounds = np.random.default_rng(0), 200_000
    normal = random.standard_normal((rounds, others + 1))
    spread = np.sqrt(random.chisquare(degrees, rounds) / degrees)
    largest = ((normal[:, 1:] - normal[:, :1]) / np.sqrt(2)).max(1) / spread
    quantile = narrower(alpha, others, degrees) * stats.t.isf(alpha / others, degrees)
    error = np.sqrt(alpha * (1 - alpha) / rounds)
    assert abs((largest > quantile).mean() - alpha) < 4 * error
