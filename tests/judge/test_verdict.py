"""The verdict in sentences, whose numbers are those of the analysis, rounded to the safe side."""

import re
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from unetlite.judge.analysis import analyse
from unetlite.judge.scores import Scores
from unetlite.judge.verdict import (
    Cost,
    about_as_safe,
    choose_variant,
    equivalence,
    format_number,
    group_cautions,
    verdict,
)


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


def test_what_is_about_as_fast_as_the_choice_is_named():
    analysis = make_analysis({"a": 0.9, "b": 0.5, "c": 0.5})
    ranges = {"a": (22.0, 34.0), "b": (19.0, 31.0), "c": (24.0, 31.0)}
    cost = Cost(COST.values, "ms", "the fastest", ranges=ranges)
    assert cost.alike("a") == ["c"]  # b is beyond the range of a
    assert cost.alike("b") == []
    assert "About as fast as a is c (25 ms): each" in verdict(analysis, cost, None)
    assert "About as fast" not in verdict(analysis, COST, None)


def test_several_candidates_are_named_with_what_the_fastest_and_the_safest_lose():
    analysis = make_analysis({"a": 0.5, "b": 0.497, "c": 0.5})
    safest = min(analysis.best.regret, key=analysis.best.regret.get)
    other = max(analysis.best.regret, key=analysis.best.regret.get)
    assert other not in about_as_safe(analysis.best, analysis.differences)
    cost = Cost({**dict.fromkeys(EQUAL, 30.0), other: 20.0}, "ms", "the fastest")
    text = verdict(analysis, cost, None)
    assert choose_variant(analysis, cost, None) == safest
    assert text.startswith(f"Take {safest} (30 ms): it can lose least, at most 0.")
    assert f"in mean IoU (3 seeds, 20 test images). The fastest, {other} (20 ms), is " in text
    assert text.endswith(". Each of the 3 may be the best.")
    cheap = Cost({**EQUAL, safest: 0.1}, "ms", "the fastest")
    quick = verdict(analysis, cheap, None)
    assert quick.startswith(f"Take {safest}: it is the fastest (0.1 ms), and at most 0.")
    assert "can lose least" not in quick
    two = verdict(make_analysis({"a": 0.5, "b": 0.5}), COST, None)
    assert "Either may be the best" in two
    some = make_analysis({"a": 0.5, "b": 0.5, "c": 0.1})
    assert re.search("The best may be (a or b|b or a)[.]", verdict(some, COST, None))


def test_a_cheaper_one_is_taken_if_its_bound_is_larger_by_less_than_half_a_standard_error():
    for noise in (0.003, 0.01, 0.03):
        analysis = make_analysis({"a": 0.5, "b": 0.5 + noise / 20, "c": 0.5}, noise=noise)
        best = analysis.best
        safest = min(best.regret, key=best.regret.get)
        for other in set(EQUAL) - {safest}:
            error = analysis.differences[safest, other].standard_error
            is_tie = best.regret[other] - best.regret[safest] < 0.5 * error
            values = {**dict.fromkeys(EQUAL, 30.0), other: 20.0}
            cost = Cost(values, "ms", "the fastest")
            taken = choose_variant(analysis, cost, None)
            assert taken == (other if is_tie else safest)
            text = verdict(analysis, cost, None)
            bound = format_number(best.regret[taken], ROUND_UP)
            assert text.startswith(f"Take {taken}")
            assert f"at most {bound} below the best in mean IoU (3 seeds" in text
            limit = format_number(best.regret[safest], ROUND_UP)
            reason = f"The bound of {safest} (30 ms), {limit}, is about equal: it is lower by less"
            assert (reason in text) == is_tie
            alike = replace(cost, ranges=dict.fromkeys(EQUAL, (15.0, 35.0)))
            assert choose_variant(analysis, alike, None) == safest
            assert choose_variant(analysis, None, None) == safest


def test_a_variant_that_is_shown_to_be_worse_is_never_taken_for_its_cost():
    analysis = make_analysis({"a": 0.5, "b": 0.5, "c": 0.1})
    cost = Cost({"a": 30.0, "b": 30.0, "c": 1.0}, "ms", "the fastest")
    assert choose_variant(analysis, cost, None) != "c"


def test_two_groups_or_images_are_always_said_and_ten_never():
    (text,) = group_cautions(replace(make_analysis(EQUAL, groups=2), widened=1.0))
    assert text.startswith("The test images come from 2 groups only. How much others differ")
    (without_verdict,) = group_cautions(make_analysis(EQUAL, seeds=1, groups=2))
    assert without_verdict == text
    (images,) = group_cautions(replace(make_analysis(EQUAL), images=2, groups=2, widened=1.3))
    assert images.startswith("There are 2 test images only. ")
    assert images.endswith("With 10 the bounds would be about 77% as wide.")
    assert group_cautions(make_analysis(EQUAL, groups=10)) == []
    assert group_cautions(replace(make_analysis(EQUAL, groups=4), widened=1.0)) == []


def test_the_fastest_of_the_candidates_is_called_that_beside_the_fastest_of_all():
    analysis = make_analysis({"a": 0.5, "b": 0.5, "c": 0.1})
    safest = min(analysis.best.regret, key=analysis.best.regret.get)
    cost = Cost({"a": 30.0, "b": 30.0, "c": 10.0, safest: 20.0}, "ms", "the fastest")
    text = verdict(analysis, cost, None)
    assert f"Take {safest}: it is the fastest of those that may be the best (20 ms), and" in text
    assert "The fastest, c (10 ms), is at most 0.4" in text


def test_equivalence_says_in_words_how_much_any_two_differ_unless_one_is_the_best():
    (text,) = equivalence(make_analysis(EQUAL))
    assert text.startswith("Equivalence (TOST), a test of its own: any two differ by at most 0.0")
    (some,) = equivalence(make_analysis({"a": 0.5, "b": 0.5, "c": 0.1}))
    assert "without c any two differ by at most 0.0" in some
    assert "with it any two differ by at most 0.4" in some
    assert equivalence(make_analysis({"a": 0.9, "b": 0.5, "c": 0.5})) == []


def test_a_margin_chooses_the_cheapest_within_it_and_else_says_that_none_is():
    analysis = make_analysis(EQUAL)
    largest, smallest = max(analysis.best.regret.values()), min(analysis.best.regret.values())
    text = verdict(analysis, COST, largest)
    assert text.startswith("Choose b: it is the fastest (20 ms), and at most 0.")
    assert choose_variant(analysis, COST, largest) == "b"
    none = verdict(analysis, COST, smallest / 9)
    assert none.startswith("None is shown to be within the margin of 0.00")
    assert "narrow the bounds" in none
    safest = min(analysis.best.regret, key=analysis.best.regret.get)
    assert choose_variant(analysis, COST, smallest / 9) == safest
    assert choose_variant(analysis, COST, None) == safest


def test_a_slower_variant_within_the_margin_is_named_as_such():
    analysis = make_analysis({"a": 0.5, "b": 0.3, "c": 0.5})
    text = verdict(analysis, COST, 0.1)
    assert text.startswith("Choose c: it is the fastest within the margin of 0.1 (25 ms)")


@pytest.mark.parametrize("racing", [("a", "b"), ("a", "b", "c")])
def test_equivalence_after_a_race_is_of_the_variants_in_it(racing):
    means = dict.fromkeys(racing, 0.5)
    cost = Cost({**COST.values, "out": 1.0}, "ms", "the fastest")
    text = verdict(make_analysis(means, dropped={"out": 0.25}), cost, None)
    (equal,) = equivalence(make_analysis(means, dropped={"out": 0.25}))
    assert "any two of those in the race differ by at most 0.0" in equal
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
