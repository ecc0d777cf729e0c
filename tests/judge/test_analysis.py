"""From scores to an analysis: what is described, what is compared, and what collapsed."""

import numpy as np
import pytest

from unetlite.judge.analysis import MIN_SEEDS, analyse, collapsed_runs, summarise
from unetlite.judge.scores import Scores


def make_scores(means, seeds=3, images=12, groups=12, noise=0.01):
    random = np.random.default_rng(0)
    names = [f"image{number}" for number in range(images)]
    group_of_image = [f"group{number % groups}" for number in range(images)]
    shape = (seeds, images)
    tables = {name: mean + noise * random.normal(size=shape) for name, mean in means.items()}
    return Scores(tables, list(range(seeds)), names, group_of_image)


def run_scores_of(scores):
    by_run = {}
    for name, table in scores.values.items():
        by_run[name] = dict(enumerate(table.mean(1).tolist()))
    return by_run


def analyse_scores(scores):
    return analyse(scores, "mean IoU", run_scores_of(scores), {})


def test_variants_are_ordered_by_their_mean():
    analysis = analyse_scores(make_scores({"low": 0.2, "high": 0.8, "middle": 0.5}))
    assert list(analysis.variants) == ["high", "middle", "low"]
    assert analysis.best.candidates == ["high"]
    assert analysis.best.lead["high"] < 0.3


def test_runs_are_described_by_their_own_scores():
    scores = make_scores({"a": 0.5, "b": 0.6})
    run_scores = {"a": {0: 0.1, 1: 0.2, 2: 0.6}, "b": {0: 0.7, 1: 0.7, 2: 0.7}}
    summary = analyse(scores, "mean IoU", run_scores, {}).variants["a"]
    assert summary.mean == pytest.approx(0.3)
    assert summary.deviation == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert summary.by_seed == [0.1, 0.2, 0.6]
    assert summarise({"a": {0: 0.5}})["a"].deviation is None


@pytest.mark.parametrize("seeds", [1, MIN_SEEDS - 1])
def test_too_few_seeds_are_described_and_not_compared(seeds):
    analysis = analyse_scores(make_scores({"a": 0.5, "b": 0.6}, seeds))
    assert list(analysis.variants) == ["b", "a"]
    assert analysis.best is None
    assert analysis.differences == {}
    assert analysis.chart_interval("a") == (analysis.variants["a"].mean,) * 2


def test_what_a_race_dropped_is_last_with_its_regret_and_widens_the_bounds():
    run_scores = {"out": {0: 0.9, 1: 0.9, 2: 0.9}}
    scores = make_scores({"a": 0.5, "b": 0.6, "c": 0.4})
    run_scores.update(run_scores_of(scores))
    analysis = analyse(scores, "mean IoU", run_scores, {"out": 0.25})
    assert list(analysis.variants) == ["b", "a", "c", "out"]
    assert analysis.best.regret["out"] == 0.25
    assert analysis.chart_interval("out") == pytest.approx((0.9, 0.9))
    assert analysis.best.regret["a"] > analyse_scores(scores).best.regret["a"]


def test_few_groups_widen_the_bounds():
    random = np.random.default_rng(0)
    scores = make_scores({"a": 0.5, "b": 0.5}, images=60, groups=4)
    for table in scores.values.values():
        table += random.normal(size=4)[np.arange(60) % 4]
    assert analyse_scores(scores).widened > 1.2
    assert analyse_scores(make_scores({"a": 0.5, "b": 0.5})).widened == 1


@pytest.mark.parametrize("lead", [0.0, 0.3])
def test_an_interval_covers_the_mean_within_the_range_of_a_score(lead):
    analysis = analyse_scores(make_scores({"a": 0.5, "b": 0.5 + lead, "c": 0.5}, noise=0.2))
    for name, summary in analysis.variants.items():
        low, high = analysis.chart_interval(name)
        assert 0 <= low <= summary.mean <= high <= 1


def test_a_collapsed_training_is_named_and_a_steady_one_is_not():
    run_scores = {
        "a": {0: 0.80, 1: 0.81, 2: 0.79, 3: 0.80},
        "b": {0: 0.70, 1: 0.05, 2: 0.71, 3: 0.69},
    }
    collapsed = collapsed_runs(run_scores)
    assert list(collapsed) == [("b", 1)]
    assert "b with seed 1 collapsed: 0.05" in collapsed["b", 1]
    assert "0.695" in collapsed["b", 1]  # the median of its seeds
    run_scores["b"][1] = 0.64  # less than a tenth of the median
    assert collapsed_runs(run_scores) == {}
