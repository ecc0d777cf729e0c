"""Interim analyses: their level over a whole race, by the function that a race uses."""

import numpy as np
import pytest

from unetlite.errors import UsageError
from unetlite.judge.scores import Scores
from unetlite.judge.sequential import INTERIMS, decide, interim_alphas

ROUNDS = 600
LIMIT = 0.055 + 2 * np.sqrt(0.05 * 0.95 / ROUNDS)


def make_scores(tables, seeds):
    images = [str(number) for number in range(next(iter(tables.values())).shape[1])]
    values = {name: table[:seeds] for name, table in tables.items()}
    return Scores(values, list(range(seeds)), images, images)


def simulate_race(random, means, noise=1.0, images=20, margin=None):
    """The last decision of a race, and whether a bound was too low at any interim analysis."""
    alphas = interim_alphas(max(INTERIMS))
    seeds = max(alphas)
    shared = random.normal(size=(1, images)) + random.normal(size=(seeds, 1))
    tables = {}
    for name, mean in means.items():
        own = noise * random.normal(size=(seeds, 1)) + random.normal(size=(1, images))
        residual = 2 * random.normal(size=(seeds, images))
        tables[name] = mean + shared + own + residual
    too_low = False
    for seeds, alpha in alphas.items():
        last = seeds == max(alphas)
        decision = decide(make_scores(tables, seeds), alpha, len(means), margin, last)
        for name, regret in decision.regret.items():
            too_low |= regret < max(means.values()) - means[name]
        if decision.ended is not None:
            return decision, too_low
        tables = {name: tables[name] for name in decision.candidates}
    raise AssertionError("the race goes on after its last interim analysis")


def test_over_a_whole_race_the_best_is_rarely_dropped_and_bounds_are_rarely_too_low():
    random = np.random.default_rng(0)
    means = {"a": 0.0, "b": 0.0, "c": 0.0, "d": -1.0}
    races = [simulate_race(random, means) for _ in range(ROUNDS)]
    assert np.mean(["a" not in decision.candidates for decision, _ in races]) <= LIMIT
    assert np.mean([too_low for _, too_low in races]) <= LIMIT


def test_of_two_identical_variants_neither_wins_a_race():
    random = np.random.default_rng(1)
    won = 0
    for _ in range(ROUNDS):
        decision, _ = simulate_race(random, {"a": 0.0, "b": 0.0})
        won += len(decision.candidates) == 1
    assert won / ROUNDS <= LIMIT


def test_a_clear_lead_ends_a_race_with_the_leader():
    random = np.random.default_rng(2)
    for _ in range(20):
        decision, _ = simulate_race(random, {"a": 0.0, "b": 8.0, "c": 0.0}, noise=0.3)
        assert decision.candidates == ["b"]
        assert decision.ended == "one candidate is left"
        assert next(iter(decision.means)) == "b"


def test_a_race_ends_within_the_margin_or_at_the_last_interim_analysis():
    tables = {}
    for number, name in enumerate("abc"):
        tables[name] = np.random.default_rng(number).normal(size=(3, 9))
    scores = make_scores(tables, 3)
    decision = decide(scores, 0.005, 3, None, last=False)
    assert decision.ended is None
    assert decision.candidates == list(decision.means)
    smallest = min(decision.regret.values())
    assert decide(scores, 0.005, 3, smallest, last=False).ended == "a variant is within the margin"
    assert decide(scores, 0.005, 3, smallest / 2, last=False).ended is None
    assert decide(scores, 0.005, 3, None, last=True).ended == "last interim analysis"


def test_more_variants_at_the_start_widen_the_bounds():
    tables = {name: np.random.default_rng(0).normal(size=(3, 9)) for name in "ab"}
    tables["b"] = tables["b"] + np.random.default_rng(1).normal(size=(3, 9))
    scores = make_scores(tables, 3)
    few = decide(scores, 0.005, 3, None, last=False)
    many = decide(scores, 0.005, 6, None, last=False)
    for name in "ab":
        assert many.regret[name] > few.regret[name]


@pytest.mark.parametrize("seeds", INTERIMS)
def test_a_shorter_race_shares_all_of_the_five_percent(seeds):
    alphas = interim_alphas(seeds)
    assert max(alphas) == seeds
    assert sum(alphas.values()) == pytest.approx(0.05)
    assert list(alphas.values()) == sorted(alphas.values())  # the later the more


def test_a_number_of_seeds_without_an_interim_analysis_is_refused():
    with pytest.raises(UsageError, match=r"seeds=4: .*3, 5, 7, 10"):
        interim_alphas(4)
