"""Scores: what is complete, and groups keep the mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from unetlite.judge.scores import Scores, sum_by_group


def test_an_image_without_a_value_in_one_run_is_left_out_of_all():
    tables = {"b": np.arange(6.0).reshape(2, 3), "a": np.arange(6.0, 12).reshape(2, 3)}
    tables["b"][1, 1] = np.nan
    groups = ["north", "north", "south"]
    scores = Scores(tables, [0, 1], ["x", "y", "z"], groups).complete()
    assert scores.images == ["x", "z"]
    assert scores.groups == ["north", "south"]
    assert scores.values["a"].tolist() == [[6, 8], [9, 11]]
    assert scores.means() == {"b": 2.5, "a": 8.5}
    assert scores.by_group(["a"])["a"].tolist() == [[6, 8], [9, 11]]


@settings(max_examples=20, deadline=None)
@given(key=integers(0, 10_000), images=integers(1, 30))
def test_groups_keep_the_mean(key, images):
    random = np.random.default_rng(key)
    table = random.normal(size=(3, images))
    groups = random.integers(0, 4, images)
    grouped = sum_by_group(table, groups)
    assert grouped.shape == (3, len(set(groups.tolist())))
    assert grouped.mean(1) == pytest.approx(table.mean(1))
    assert sum_by_group(table, np.arange(images)) == pytest.approx(table)
