"""What a report says around its verdict."""

import re
from dataclasses import replace

from helpers import make_old, sign
from made_report import make_report

from unetlite.compare.levers.outcome import LeverOutcome, MeasuredLever
from unetlite.compare.levers.record import LeverRecord
from unetlite.compare.levers.table import Levers, find_operator_range
from unetlite.compare.levers.trials import Trials
from unetlite.compare.report.tables import lever_table


def test_a_collapsed_training_is_named_and_the_verdict_is_given_with_and_without_its_seed(
    runs, put_counts, add_seed
):
    def true_positives(operator, seed):
        if (operator, seed) == ("transpose", 1):
            return 10
        return 1000 + 5 * seed + (operator == "transpose") * (1 + seed)

    put_counts(runs, true_positives)
    for operator in ("bilinear", "transpose"):
        add_seed(runs, operator, 3)
    report = make_report(runs)
    assert list(report.analysis.collapsed) == [("transpose", 1)]
    with_all, without = report.verdicts
    assert with_all.startswith("With every training: ")
    assert without.startswith("Without seed 1: ")
    assert "(3 seeds" in without
    assert report.cautions[0].startswith("transpose with seed 1 collapsed: 0.0")


def test_a_steady_comparison_has_one_verdict_and_a_basis(runs, put_counts):
    put_counts(
        runs, lambda operator, seed: 1000 + 5 * seed + (operator == "transpose") * (seed - 1)
    )
    report = make_report(runs)
    assert len(report.verdicts) == 1
    assert "(3 ms)" in report.verdicts[0] or "(2 ms)" in report.verdicts[0]
    assert report.basis == (
        "2 operators, 3 seeds each (0, 1, 2), 4 test images, data set squares. "
        "2 steps a training. The network: a U-Net from scratch, widths 4, 6, 8."
    )
    assert report.cautions == []


def test_the_choice_has_a_bound_in_the_worst_class_beside_that_in_the_mean(runs, put_counts):
    put_counts(
        runs, lambda operator, seed: 1000 + 5 * seed + (operator == "transpose") * (seed - 1)
    )
    report = make_report(runs)
    (text,) = report.losses
    regret = report.analysis.best.regret[report.chosen]
    bound = float(re.search(r"is at most (\S+) below the best", text)[1])
    assert regret <= bound < 1.1 * regret  # both classes have the same counts
    dropped = replace(report.comparison, dropped={"zeros": 0.1})
    assert replace(report, comparison=dropped).losses == []


def test_few_groups_are_named_with_what_more_would_give(runs, put_counts):
    put_counts(
        runs, lambda operator, seed: 1000 + 5 * seed + (operator == "transpose") * (seed - 1)
    )
    report = make_report(runs)
    report = replace(report, with_all=replace(report.analysis, widened=1.25))
    assert report.cautions == [
        "There are 4 test images only. With 10 the bounds would be about 80% as wide."
    ]


def test_a_class_that_no_run_found_opens_the_report_in_place_of_a_choice(runs, put_counts):
    put_counts(runs, lambda operator, seed: 0)
    report = make_report(runs, margin=0.5)
    (verdict,) = report.verdicts
    assert verdict.startswith("No verdict: none of 6 trainings has learnt the class ")
    for key in ("trainer.max_steps, 2 now", "data.crop_size, 32 now", "dice_weight", "classes"):
        assert key in verdict
    assert report.analysis.best is None
    assert "equal" not in verdict
    assert not any("learnt" in caution for caution in report.cautions)  # it was said


def test_without_latencies_macs_decide(runs):
    assert "million MACs" in make_report(runs, latency=False).verdicts[0]


def test_what_differs_besides_is_named(runs, change, change_recorded):
    for file in (runs / "bilinear").rglob("config.yaml"):
        change(file, model__norm="group")
    change_recorded(runs / "bilinear" / "seed1", torch="1.0", code_version="0.0.1+abc")
    cautions = " ".join(make_report(runs, allow=["model.norm"]).cautions)
    assert "also differ in model.norm, as was allowed" in cautions
    assert "torch (" in cautions
    assert "1.0" in cautions
    assert "and code_version (" in cautions


def test_runs_that_do_not_record_their_data_compare_and_that_is_said(runs):
    make_old(runs / "bilinear" / "seed1")
    (caution,) = [text for text in make_report(runs).cautions if "record their data" in text]
    assert caution.startswith("1 of 6 runs do not record their data")


def test_one_group_is_no_sample_of_groups(runs, edit):
    def regroup(header, rows):
        for row in rows:
            row[header.index("group")] = "one"

    for file in runs.rglob("counts.csv"):
        edit(file, regroup)
        sign(file.parent)
    assert any("are of one group" in caution for caution in make_report(runs).cautions)


def test_levers_are_in_what_would_gain_more_beside_what_the_choice_can_lose(runs, put_counts):
    put_counts(runs, lambda name, seed: 1000 + 5 * seed + (name == "transpose") * (1 + seed))
    report = make_report(runs)
    regret = report.analysis.best.regret[report.chosen]
    row = MeasuredLever(
        "steps",
        "twice the steps",
        typed="trainer.max_steps=9",
        gain=2 * regret,
        low=regret,
        high=3 * regret,
        worst_class_gain=0.1,
        seconds=2.0,
        macs=1.0,
    )
    outcome = LeverOutcome([row], 0.5, "disc", 0.3, 12, 12, 3.0)
    base = {"operators": ["transpose"], "values": {"trainer.max_steps": 9}}
    trials = Trials({}, base, [], {}, "runs", 1, 1, {}, 60.0)
    levers = Levers(LeverRecord(trials, outcome), outcome, find_operator_range(runs))
    assert levers.operators.operators == 2
    with_levers = replace(report, levers=levers)
    assert "2.0 times what the choice of the operator can lose" in with_levers.gains[0]
    assert with_levers.gains[1].startswith("The operator: best less worst ")
    assert with_levers.gains[2:] == report.gains
    assert "2 trainings each of 9 steps" in with_levers.gains_basis[0]
    titles = [cells["change"].text for cells in lever_table(with_levers)]
    assert sorted(titles) == ["the operator", "twice the steps"]
    assert lever_table(report) == []
