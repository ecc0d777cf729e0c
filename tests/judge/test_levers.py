"""Effects of levers: identities, and what decides their intervals."""

import numpy as np
import pytest

from unetlite.judge.levers import lever_effects


@pytest.fixture
def tables(simulate):
    made, _ = simulate(np.random.default_rng(1), [0.0, 1.0, -2.0, 0.5], 2, 20)
    return made


def test_a_lever_that_scores_as_the_base_has_no_effect_and_one_that_shifts_scores_has_that_one(
    tables,
):
    effects = lever_effects({**tables, "same": tables["v0"], "more": tables["v0"] + 7}, "v0")
    assert effects["same"].mean == 0
    assert effects["same"].low == pytest.approx(-effects["same"].high)
    assert effects["more"].mean == pytest.approx(7)
    assert "v0" not in effects


def test_neither_the_order_of_levers_seeds_and_groups_nor_the_level_of_scores_matters(tables):
    expected = lever_effects(tables, "v0")
    random = np.random.default_rng(2)
    seeds, groups = random.permutation(2), random.permutation(20)
    turned = {name: tables[name][seeds][:, groups] + 3 for name in reversed(tables)}
    for name, effect in lever_effects(turned, "v0").items():
        assert effect == pytest.approx(expected[name])


def width(effect):
    return effect.high - effect.low


def test_more_levers_and_more_confidence_make_wider_intervals(tables):
    effects = lever_effects(tables, "v0")
    surer = lever_effects(tables, "v0", alpha=0.01)
    many = lever_effects({**tables, **{f"w{k}": tables["v1"] for k in range(8)}}, "v0")
    for name, effect in effects.items():
        assert width(surer[name]) > 1.2 * width(effect)
    assert width(many["v1"]) > 0
    assert effects["v2"].low < 0


def test_levers_left_out_since_they_fell_behind_count_for_the_interval_of_the_others(tables):
    two = {name: tables[name] for name in ("v0", "v1")}
    alone = lever_effects(two, "v0")["v1"]
    among_three = lever_effects(two, "v0", tried=3)["v1"]
    assert among_three.mean == alone.mean
    assert 1.05 * width(alone) < width(among_three) < 2 * width(alone)


def test_a_gain_beyond_the_noise_is_found_and_most_without_are_not(simulate):
    found = wrong = 0
    random = np.random.default_rng(3)
    for _ in range(60):
        tables, _ = simulate(random, [0.0, 25.0, 0.0, 0.0, -1.0], 2, 40)
        effects = lever_effects(tables, "v0")
        found += effects["v1"].low > 0
        wrong += any(effects[name].low > 0 for name in ("v2", "v3", "v4"))
    assert found >= 55
    assert wrong <= 5
