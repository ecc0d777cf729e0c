"""The verdict in sentences, whose numbers are those of the analysis, rounded to the safe side."""

import re
from decimal import ROUND_DOWN, ROUND_UP

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from unetlite.judge.analysis import analyse
from unetlite.judge.scores import Scores
from unetlite.judge.verdict import Cost, choose_variant, format_number, verdict


def make_analysis(means, seeds=3, groups=20, dropped=None, noise=0.01):
    random = np.random.default_rng(0)
    names = [str(number) for number in range(20)]
    of_images = [str(number % groups) for number in range(20)]
    tables = {name: mean + noise * random.normal(size=(seeds, 20)) for name, mean in means.items()}
    scores = Scores(tables, list(range(seeds)), names, of_images)
    run_scores = {name: {0: 0.1, 1: 0.1, 2: 0.1} for name in dropped or {}}
    for name, table in tables.items():
        run_scores[name] = dict(enumerate(table.mean(1).tolist()))
    return analyse(scores, "mean IoU", run_scores, dropped or {})


COST = Cost({"a": 30.0, "b": 20.0, "c": 25.0}, "ms", "the fastest")
EQUAL = {"a": 0.5, "b": 0.5, "c": 0.5}


def test_a_sole_candidate_is_chosen_with_its_lead_and_what_the_fastest_loses():
    analysis = make_analysis({"a": 0.9, "b": 0.5, "c": 0.5})
    text = verdict(analysis, COST, None)
    assert text.startswith("Choose a: in mean IoU (0.9")
    lead = float(re.search(r"by at least (\S+) ", text)[1])
    assert 0.35 < lead <= analysis.best.lead["a"]
    assert "the fastest, b (20 ms), is at most 0.4" in text
    winner_is_fastest = Cost({"a": 1.0, "b": 2.0, "c": 3.0}, "ms", "the fastest")
    assert verdict(analysis, winner_is_fastest, None).endswith("It is also the fastest, 1 ms.")


def test_several_candidates_are_named_with_what_the_fastest_and_the_safest_lose():
    analysis = make_analysis(EQUAL)
    text = verdict(analysis, COST, None)
    assert text.startswith("In mean IoU each of them may be the best (3 seeds, 20 test images).")
    assert "The fastest, b (20 ms), is at most 0." in text
    safest = min(analysis.best.regret, key=analysis.best.regret.get)
    if safest != "b":
        assert f"The safest, {safest} (" in text
    assert "Equivalence (TOST): all within 0." in text
    two = verdict(make_analysis({"a": 0.5, "b": 0.5}), COST, None)
    assert "either may be the best" in two
    some = verdict(make_analysis({"a": 0.5, "b": 0.5, "c": 0.1}), COST, None)
    assert re.search("one of (a or b|b or a) may be the best", some)
    assert "all but c within 0.0" in some


def test_a_margin_chooses_the_cheapest_within_it_and_else_says_that_none_is():
    analysis = make_analysis(EQUAL)
    largest, smallest = max(analysis.best.regret.values()), min(analysis.best.regret.values())
    text = verdict(analysis, COST, largest)
    assert text.startswith("Choose b: it is the fastest (20 ms), and at most 0.")
    assert choose_variant(analysis.best, COST, largest) == "b"
    none = verdict(analysis, COST, smallest / 9)
    assert none.startswith("None is shown to be within the margin of 0.00")
    assert "narrow the bounds" in none
    safest = min(analysis.best.regret, key=analysis.best.regret.get)
    assert choose_variant(analysis.best, COST, smallest / 9) == safest
    assert choose_variant(analysis.best, COST, None) == safest


def test_a_slower_variant_within_the_margin_is_named_as_such():
    analysis = make_analysis({"a": 0.5, "b": 0.3, "c": 0.5})
    text = verdict(analysis, COST, 0.1)
    assert text.startswith("Choose c: it is the fastest within the margin of 0.1 (25 ms)")


@pytest.mark.parametrize("racing", [("a", "b"), ("a", "b", "c")])
def test_equivalence_after_a_race_is_of_the_variants_in_it(racing):
    means = dict.fromkeys(racing, 0.5)
    cost = Cost({**COST.values, "out": 1.0}, "ms", "the fastest")
    text = verdict(make_analysis(means, dropped={"out": 0.25}), cost, None)
    assert "Equivalence (TOST): all in the race within 0.0" in text
    assert "The fastest, out (1 ms), is at most 0.25 below the best" in text


def test_groups_are_counted_where_images_share_them():
    assert "(3 seeds, 20 test images in 5 groups)" in verdict(
        make_analysis(EQUAL, groups=5), COST, None
    )


@pytest.mark.parametrize(("seeds", "count"), [(1, "1 seed,"), (2, "2 seeds,")])
def test_too_few_seeds_give_no_verdict_and_the_remedy(seeds, count):
    text = verdict(make_analysis(EQUAL, seeds=seeds), COST, None)
    assert text.startswith("No verdict")
    assert count in text
    assert "seed=0,1,2,3,4" in text


@given(number=floats(1e-9, 1e6))
def test_bounds_are_rounded_to_the_safe_side_and_by_less_than_a_tenth(number):
    below, above = (format_number(number, rounding) for rounding in (ROUND_DOWN, ROUND_UP))
    assert float(below) <= number <= float(above)
    assert float(above) - float(below) <= number / 9.9
    assert "e" not in (below + above).lower()
