"""No verdict from networks that have learnt nothing, nor from equal scores."""

from unetlite.compare.comparison import read_comparison
from unetlite.compare.missed_classes import objection, rare_class_cautions


def test_scores_that_are_equal_to_the_last_digit_are_no_evidence(runs, put_counts):
    put_counts(runs, lambda operator, seed: 1200 + seed)
    comparison = read_comparison(runs)
    reason = objection(comparison.runs, comparison.scores("miou"))
    assert "the same scores to the last digit" in reason
    put_counts(runs, lambda operator, seed: 1200 + seed + (operator == "transpose") * seed)
    comparison = read_comparison(runs)
    assert objection(comparison.runs, comparison.scores("miou")) is None


def test_a_class_that_few_runs_found_is_a_caution(runs, put_counts):
    put_counts(runs, lambda operator, seed: 1200 + seed if operator == "transpose" else 0)
    assert rare_class_cautions(read_comparison(runs).runs) == []
    put_counts(runs, lambda operator, seed: 1200 * (operator == "transpose" and seed == 1))
    (caution,) = rare_class_cautions(read_comparison(runs).runs)
    assert "Fewer than 3 of 6 trainings have learnt the class" in caution
