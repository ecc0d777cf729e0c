"""The verdict on a table is that of the judge, whatever the table looks like."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from, tuples

from unetlite.errors import UsageError
from unetlite.judge.best import compare_with_best
from unetlite.judge.judgement import judge
from unetlite.judge.statistics import pair_differences

IMAGES, GROUPS = 12, 5


def simulate(means, seeds=3, images=IMAGES, noise=0.01):
    """Scores (S, N) by variant."""
    random = np.random.default_rng(0)
    return {
        name: mean + noise * random.normal(size=(seeds, images)) for name, mean in means.items()
    }


def long_rows(tables, **changes):
    """A row for each score."""
    rows = []
    for name, table in tables.items():
        for (seed, image), score in np.ndenumerate(table):
            row = {"model": name, "seed": seed, "image": f"i{image}"}
            row.update(patient=f"p{image % GROUPS}", dice=score)
            rows.append({**row, **{key: values[name] for key, values in changes.items()}})
    return rows


MEANS = {"a": 0.80, "b": 0.80, "c": 0.70}
PLACES = list(product("ab", range(3), range(3)))
CELLS = ["", " ", "a", "A", "0", "1", "7", "-1", "i1", "mean", "nan", "inf", "0,5", "1.0", "1e49",
         "-1e-99", "9" * 30, "é", '"', "b;c", "\u2028", "0.9"]  # fmt: skip


def test_the_bounds_are_those_of_the_group_tables():
    tables = simulate(MEANS)
    membership = np.eye(GROUPS)[np.arange(IMAGES) % GROUPS]
    by_group = {name: table @ membership * GROUPS / IMAGES for name, table in tables.items()}
    expected = compare_with_best(pair_differences(by_group))
    judgement = judge(long_rows(tables))
    assert sorted(judgement.candidates) == expected.candidates
    assert judgement.regret == pytest.approx(expected.regret)
    assert judgement.verdict[0].startswith("Take ")
    assert "The best may be " in judgement.verdict[0]
    assert "(3 seeds, 12 test images in 5 groups)" in judgement.verdict[0]
    assert "c" not in judgement.candidates


def test_a_wide_table_has_the_verdict_of_the_long_one():
    tables = simulate(MEANS)
    wide = []
    for seed in range(3):
        for image in range(IMAGES):
            row = {"seed": seed, "image": f"i{image}", "patient": f"p{image % GROUPS}"}
            wide.append({**row, **{name: table[seed, image] for name, table in tables.items()}})
    assert judge(wide).regret == judge(long_rows(tables)).regret
    assert "variants = the columns a, b, c" in judge(wide).reading[0]


def test_of_errors_the_lowest_is_best_and_the_figures_mirror_those_of_scores():
    tables = simulate(MEANS)
    errors = {name: 5 - table for name, table in tables.items()}
    judgement = judge(long_rows(errors), higher_is_better=False)
    mirrored = judge(long_rows(tables))
    assert judgement.regret == pytest.approx(mirrored.regret)
    assert judgement.analysis.variants["c"].mean == pytest.approx(4.3, abs=0.01)
    assert list(judgement.analysis.variants) == list(mirrored.analysis.variants)
    assert "above the best" in judgement.verdict[0]
    for name in tables:
        low, high = mirrored.analysis.chart_interval(name)
        assert judgement.analysis.chart_interval(name) == pytest.approx((5 - high, 5 - low))


def test_the_cheapest_within_the_margin_is_chosen_and_without_costs_the_safest():
    tables = simulate(MEANS)
    costs = {"a": 3.0, "b": 2.0, "c": 1.0}
    judgement = judge(long_rows(tables, ms=costs), cost="ms", margin=0.05)
    assert judgement.chosen == "b"
    expected = "Choose b: it is the cheapest within the margin of 0.05 (ms 2), and at most 0.0"
    assert judgement.verdict[0].startswith(expected)
    plain = judge(long_rows(tables), margin=0.05)
    assert plain.chosen == min(plain.regret, key=plain.regret.get)
    assert "Also within the margin of 0.05: " in plain.verdict[0]
    none = judge(long_rows(tables), margin=1e-9)
    assert none.verdict[0].startswith("None is shown to be within the margin")
    winner = judge(long_rows(simulate({"a": 0.9, "b": 0.5})))
    assert winner.chosen == "a"
    assert winner.verdict[0].endswith("(3 seeds, 12 test images in 5 groups).")


def test_pooled_scores_are_judged_by_seeds_and_what_that_cannot_say_is_said():
    tables = simulate({"a": 0.80, "b": 0.70}, seeds=5, images=1)
    rows = [{"model": m, "seed": s, "dice": t} for m in tables for s, (t,) in enumerate(tables[m])]
    judgement = judge(rows)
    assert judgement.candidates == ["a"]
    assert "(5 seeds)" in judgement.verdict[0]
    (caution,) = judgement.cautions
    assert "these test images, and not for others" in caution


@pytest.mark.parametrize(("seeds", "column"), [(1, True), (2, True), (1, False)])
def test_one_or_two_seeds_have_a_table_and_no_verdict(seeds, column):
    rows = long_rows(simulate(MEANS, seeds=seeds))
    if not column:
        rows = [{key: row[key] for key in row if key != "seed"} for row in rows]
    judgement = judge(rows)
    assert judgement.verdict[0].startswith(f"No verdict: the variants share {seeds} seed")
    assert judgement.chosen is None
    assert judgement.regret == {}
    assert judgement.candidates == list(judgement.analysis.variants)


@pytest.mark.parametrize(
    "tables",
    [
        {"a": np.full((3, 4), 0.5), "b": np.full((3, 4), 0.5)},
        {"a": np.full((3, 4), 0.5), "b": np.full((3, 4), 0.6)},
        {"a": np.arange(12.0).reshape(3, 4), "b": np.arange(12.0).reshape(3, 4) + 1},
    ],
    ids=["equal", "constant", "shifted"],
)
def test_scores_without_spread_have_no_verdict(tables):
    judgement = judge(long_rows(tables))
    assert judgement.verdict[0].startswith("No verdict: ")
    assert "are no evidence" in judgement.verdict[0]
    assert judgement.chosen is None


def test_a_variant_that_collapsed_is_named_and_the_others_decide():
    tables = simulate(MEANS, seeds=5)
    tables["b"][3] = 0.1
    judgement = judge(long_rows(tables))
    assert judgement.cautions[0].startswith("b with seed 3 collapsed: 0.1000")
    without, with_all = judgement.verdict
    del tables["b"]
    alone = judge(long_rows(tables))
    assert without == f"Without b: {alone.verdict[0]}"
    assert judgement.chosen == alone.chosen == "a"
    assert with_all.startswith("With every training all bounds are wider: a is at most ")
    assert judgement.regret == alone.regret
    assert alone.regret["a"] < judgement.with_all.best.regret["a"] / 5  # the collapse widens it
    assert set(judgement.analysis.variants) == {"a", "b", "c"}


@pytest.mark.parametrize(("seeds", "expected"), [(5, "Without seed 3: "), (3, None)])
def test_of_two_variants_the_collapsed_seed_is_left_out_if_enough_are_left(seeds, expected):
    tables = simulate({"a": 0.80, "b": 0.81}, seeds=seeds)
    tables["b"][seeds - 2] = 0.1
    verdicts = judge(long_rows(tables)).verdict
    assert verdicts[0].startswith("With every training: ") == (expected is not None)
    if expected is not None:
        assert verdicts[1].startswith(expected)
        assert "(4 seeds" in verdicts[1]


@pytest.mark.parametrize("margin", [-0.1, float("inf"), float("nan")])
def test_a_margin_that_no_scores_differ_by_is_refused(margin):
    with pytest.raises(UsageError, match="is no difference of scores"):
        judge(long_rows(simulate(MEANS)), margin=margin)


@settings(max_examples=150, deadline=None)
@given(cells=lists(tuples(integers(0, 17), integers(0, 3), sampled_from(CELLS)), max_size=6))
def test_any_table_is_judged_or_refused_in_one_line(tmp_path_factory, cells):
    table = [[name, str(seed), f"i{image}", "0.5"] for name, seed, image in PLACES]
    for number, (row, column, _) in enumerate(cells):
        table[row][3] = f"0.{number + 1}"
        table[row][column] = cells[number][2]
    file = tmp_path_factory.getbasetemp() / "any.csv"
    lines = ["model;seed;image;dice", *(";".join(row) for row in table)]
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        judgement = judge(file)
    except UsageError as error:
        (_,) = str(error).splitlines()
        return
    assert judgement.verdict
    for name, summary in judgement.analysis.variants.items():
        low, high = judgement.analysis.chart_interval(name)
        assert np.isfinite([summary.mean, low, high]).all()
        assert judgement.regret.get(name, 0) >= 0


def test_a_table_is_judged_without_pytorch_or_hydra():
    code = """
import sys
from unetlite import judge
scores = {"a": (0.5, 0.6, 0.8), "b": (0.5, 0.7, 0.9)}
rows = [{"model": m, "seed": s, "dice": scores[m][s]} for m in scores for s in range(3)]
assert len(judge.judge(rows).candidates) == 2
heavy = ("torch", "hydra", "pandas", "scipy.stats", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr
