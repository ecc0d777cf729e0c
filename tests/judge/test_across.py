"""Several data sets: against statsmodels, by invariances, and by simulated sets."""

import numpy as np
import pytest

from unetlite.errors import UsageError
from unetlite.judge.across import (
    DifferencesBySet,
    SetDifference,
    across_sets,
    arrange,
    leave_each_out,
)

# Vaccination against tuberculosis (Colditz et al. 1994): log relative risks and their variances.
RISKS = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209]
RISKS += [0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173]
VARIANCES = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230]
VARIANCES += [0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]


def of_scores(scores, variance=1e-6):
    """Differences of scores (V, K) that are measured with a variance (K,) or one for all."""
    scores = np.asarray(scores, float)
    variances = np.broadcast_to(variance, (len(scores), *scores.shape)).copy()
    variances[np.arange(len(scores)), np.arange(len(scores))] = 0
    names = [f"v{number}" for number in range(len(scores))]
    sets = [f"s{number}" for number in range(scores.shape[1])]
    return DifferencesBySet(names, sets, scores[:, None] - scores, variances)


def simulate(tau, sets, seed):
    """Differences of six equal variants, and their scores on a new set."""
    random = np.random.default_rng(seed)
    noise = 0.003 * np.exp(random.normal(size=sets))
    scores = tau * random.normal(size=(6, sets)) + noise * random.normal(size=(6, sets))
    return of_scores(scores, 2 * noise**2), tau * random.normal(size=6)


def prediction_width(model, noise=0.0):
    """The mean width of the prediction intervals."""
    low, high = model.predict(noise)
    return (high - low)[1:].mean()


def test_the_mean_is_that_of_statsmodels():
    """combine_effects(RISKS, VARIANCES, method_re="iterated", use_t=True) of version 0.14."""
    effect = across_sets(of_scores([np.zeros(13), RISKS], VARIANCES)).effects()["v1"]
    assert effect.tau**2 == pytest.approx(0.3180824398739576, rel=1e-6)
    assert effect.mean == pytest.approx(-0.7149703054400015, rel=1e-6)
    assert (effect.low, effect.high) == pytest.approx((-1.10910564, -0.32083498), rel=1e-6)
    assert effect.new_low < effect.low < effect.high < effect.new_high


def test_intervals_hold_on_new_sets():
    inside, mean, regret = [], [], []
    for seed in range(60):
        differences, new = simulate(0.004, 5, seed)
        model = across_sets(differences)
        for effect, value in zip(model.effects().values(), new[1:] - new[0], strict=True):
            inside.append(effect.new_low <= value <= effect.new_high)
            mean.append(effect.low <= 0 <= effect.high)
        bounds = np.array(list(model.regret_bounds().values()))
        regret += (new.max() - new <= bounds).tolist()
    assert 0.92 < np.mean(inside) < 0.995
    assert 0.88 < np.mean(mean) < 0.99
    assert np.mean(regret) > 0.93


def test_noise_of_the_new_set_widens_and_more_sets_narrow_the_prediction():
    few = across_sets(simulate(0.004, 4, 0)[0])
    wider = prediction_width(few, np.full(6, 0.01**2))
    assert wider > 1.2 * prediction_width(few)
    by_sets = {}
    for sets in (4, 30):
        models = [across_sets(simulate(0.004, sets, seed)[0]) for seed in range(8)]
        by_sets[sets] = np.mean([prediction_width(model) for model in models])
    assert by_sets[30] < 0.9 * by_sets[4]
    noise = 0.01**2 * (np.eye(6) + 1)
    noise[0] = noise[:, 0] = 0
    assert min(few.regret_bounds(noise).values()) > min(few.regret_bounds().values())


def test_bounds_do_not_depend_on_the_order_of_variants():
    differences = simulate(0.004, 6, 3)[0]
    order = [0, 3, 1, 2, 5, 4]
    other = DifferencesBySet(
        [differences.variants[i] for i in order],
        differences.sets,
        differences.means[order][:, order],
        differences.variances[order][:, order],
    )
    effects = across_sets(differences).effects()
    for name, effect in across_sets(other).effects().items():
        assert effect.mean == pytest.approx(effects[name].mean, rel=1e-6)
        assert effect.new_high == pytest.approx(effects[name].new_high, rel=1e-6)
    bounds = across_sets(differences).regret_bounds()
    for name, bound in across_sets(other).regret_bounds().items():
        assert bound == pytest.approx(bounds[name], rel=0.1)  # other draws


def test_a_variant_that_leads_everywhere_is_chosen_when_any_set_is_left_out():
    scores = np.random.default_rng(0).normal(scale=0.001, size=(4, 7))
    scores[2] += 0.02
    for left_out in leave_each_out(of_scores(scores)):
        assert left_out.chosen == "v2"
        assert left_out.regret == 0
        assert left_out.inside == 3


def test_a_set_that_lacks_a_variant_says_nothing_of_it():
    full = simulate(0.004, 6, 1)[0]
    by_set = {}
    for k, name in enumerate(full.sets):
        pairs = {}
        for i, first in enumerate(full.variants):
            for j, second in enumerate(full.variants):
                if i != j and not (k == 0 and "v5" in (first, second)):
                    entry = (full.means[i, j, k], full.variances[i, j, k])
                    pairs[first, second] = SetDifference(*entry)
        by_set[name] = pairs
    model = across_sets(arrange(by_set, "v0"))
    effects = model.effects()
    assert effects["v5"].sets == 5
    assert effects["v1"].sets == 6
    without = across_sets(full.without("s0")).effects()["v5"]
    assert effects["v5"].mean == pytest.approx(without.mean, abs=1e-3)
    assert np.isfinite(list(model.regret_bounds().values())).all()
    assert leave_each_out(arrange(by_set, "v0"))[0].intervals.keys() == {"v1", "v2", "v3", "v4"}


def test_few_sets_and_a_missing_reference_are_refused():
    pair = {("a", "b"): SetDifference(0, 1), ("b", "a"): SetDifference(0, 1)}
    with pytest.raises(UsageError, match="2 data sets"):
        arrange({"s": pair, "t": pair}, "a")
    with pytest.raises(UsageError, match="lacks c"):
        arrange({"s": pair, "t": pair, "u": pair}, "c")
