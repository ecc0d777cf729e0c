"""Scores of a table: what all runs have is compared, what is missing is said, doubt is refused."""

import numpy as np
import pytest

from unetlite.errors import UsageError
from unetlite.judge.judgement import judge


def make_rows(variants=("a", "b"), seeds=3, images=6, groups=None):
    random = np.random.default_rng(0)
    rows = []
    for variant in variants:
        for seed in range(seeds):
            for image in range(images):
                row = {"variant": variant, "seed": seed, "image": f"i{image}"}
                if groups:
                    row["group"] = f"g{groups[image]}"
                row["score"] = 0.8 + 0.01 * random.normal()
                rows.append(row)
    return rows


def scores_of(rows, **options):
    return judge(rows, **options).scores


def test_every_score_is_at_its_place_in_any_order_of_rows():
    rows = make_rows()
    scores = scores_of(rows)
    for row in rows:
        position = scores.images.index(row["image"])
        assert scores.values[row["variant"]][row["seed"], position] == row["score"]
    shuffled = np.random.default_rng(1).permutation(len(rows))
    other = judge([rows[k] for k in shuffled])
    assert other.regret == pytest.approx(judge(rows).regret)


def test_an_image_that_a_run_lacks_is_left_out_of_all_and_said():
    rows = make_rows()
    rows[0]["score"] = None
    del rows[-1]
    judgement = judge(rows)
    assert judgement.scores.images == ["i1", "i2", "i3", "i4"]
    caution = "Left out of all runs: 2 of 6 images, without a score in some run"
    assert any(caution in text for text in judgement.cautions)


@pytest.mark.parametrize("empty", [True, False])
def test_a_run_that_is_missing_leaves_its_seed_out_and_is_named(empty):
    rows = make_rows(seeds=4)
    if empty:
        for row in rows[:6]:
            row["score"] = float("nan")
    else:
        rows = rows[6:]
    judgement = judge(rows)
    assert judgement.scores.seeds == [1, 2, 3]
    assert "Seed 0 is left out of all variants: a has no score of it." in judgement.cautions[0]


def test_groups_are_the_units_and_a_large_one_is_named():
    judgement = judge(make_rows(groups=[0, 0, 0, 0, 1, 2]))
    assert judgement.analysis.groups == 3
    assert any("The group g0 has 4 of 6 images" in text for text in judgement.cautions)
    even = judge(make_rows(groups=[0, 0, 1, 1, 2, 2]))
    assert not any("The group" in text for text in even.cautions)


def test_seeds_that_score_the_same_are_copies():
    rows = make_rows()
    for first, second in zip(rows[:6], rows[6:12], strict=True):
        second["score"] = first["score"]
    judgement = judge(rows)
    assert any("a has the same scores with several seeds" in text for text in judgement.cautions)


def test_a_cost_is_the_median_of_a_variant():
    rows = make_rows()
    for number, row in enumerate(rows):
        row["ms"] = {"a": 5, "b": 3}[row["variant"]] + (number % 3 == 0)
    assert judge(rows, cost="ms").cost.values == {"a": 5, "b": 3}


def changed(position, **cells):
    rows = make_rows(groups=[0, 1, 2, 3, 4, 5])
    rows[position].update(cells)
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(2, variant=""), "row 3: the column variant is empty"),
        (changed(2, image=None), "row 3: the column image is empty"),
        (changed(2, group=""), "row 3: the column group is empty"),
        (changed(2, group="g5"), "i2 is of the group g2, and of g5|i2 is of the group g5"),
        (changed(2, seed="1.5"), "row 3: the seed is '1.5'; expected an integer"),
        (changed(2, seed="first"), "row 3: the seed is 'first'; expected an integer"),
        (changed(2, image="Mean", group="g9"), "the image is 'Mean', which looks like a summary"),
        (changed(2, image="i1", group="g1"), "row 2 and the table, row 3 are both of variant a"),
        (changed(2, variant="A"), "variants 'a' and 'A', which differ in case"),
        (make_rows(variants=["a"]), "has one variant, a; a comparison takes two"),
    ],
)
def test_what_cannot_be_understood_for_sure_is_refused_with_its_place(rows, message):
    with pytest.raises(UsageError, match=message):
        judge(rows)


def test_rows_of_one_place_name_the_column_that_tells_them_apart():
    rows = make_rows(seeds=1)
    doubled = [{**row, "class": name} for row in rows for name in ("cell", "edge")]
    with pytest.raises(
        UsageError, match="they differ in class: choose one value, as --where class=ce"
    ):
        judge(doubled)
    without = [{"variant": row["variant"], "score": row["score"]} for row in rows]
    with pytest.raises(UsageError, match="name the column that tells them apart by --seed or --un"):
        judge(without)


def test_runs_without_a_common_seed_or_image_are_refused():
    rows = make_rows()
    for row in rows[18:]:
        row["seed"] += 3
    with pytest.raises(UsageError, match=r"a has \[0, 1, 2\]; b has \[3, 4, 5\]"):
        judge(rows)
    rows = make_rows()
    for row in rows[18:]:
        row["image"] += ".png"
    with pytest.raises(UsageError, match="the same images need the same names in all runs"):
        judge(rows)
    with pytest.raises(UsageError, match="has no score of b"):
        judge([{**row, "score": row["score"] if row["variant"] == "a" else ""} for row in rows])


def test_percent_beside_shares_is_refused_but_not_of_an_error():
    rows = make_rows()
    for row in rows[18:]:
        row["score"] *= 100
    with pytest.raises(UsageError, match="write all as shares of 1, or all in percent"):
        judge(rows)
    assert judge(rows, higher_is_better=False).candidates == ["a"]


@pytest.mark.parametrize(
    ("cost", "message"),
    [("", "b has no ms"), (-1, "the ms is -1"), ("fast", "expected a number"), ("inf", "no mean")],
)
def test_a_cost_that_decides_nothing_is_refused(cost, message):
    rows = [{**row, "ms": 1.0 if row["variant"] == "a" else cost} for row in make_rows()]
    with pytest.raises(UsageError, match=message):
        judge(rows, cost="ms")
