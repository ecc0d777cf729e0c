"""Plans: what a time buys, and what is left as it was chosen."""

from dataclasses import replace

import pytest
from races_to_plan import NAMES, SPACE, STEP, TIMES, USUAL

from unetlite.compare.planning.plan_text import SHOWN_SECONDS
from unetlite.compare.planning.rare_class import RareClass
from unetlite.compare.planning.search import (
    BETTER_WITH_FEWER,
    EVALUATION,
    MAX_VALIDATION_SHARE,
    MIN_STEPS,
    PLANNING_SECONDS,
    narrowest_of_operators,
    plan_race,
    smallest_race,
)


@pytest.mark.parametrize("minutes", [15, 40, 60, 240])
@pytest.mark.parametrize("fixed", [(), ("operators",), ("data.crop_size",), ("data.batch_size",)])
def test_a_race_is_in_time_and_what_was_chosen_is_left(minutes, fixed):
    space = replace(SPACE, fixed=frozenset(fixed))
    race = plan_race(space, 60 * minutes)
    if race is None:
        assert PLANNING_SECONDS + smallest_race(space).seconds > 0.9 * 60 * minutes
        return
    schedule = race.schedule
    assert PLANNING_SECONDS + race.seconds <= 60 * minutes
    assert schedule.steps >= MIN_STEPS
    assert schedule.length <= 1.02 * USUAL.length
    assert race.operators == NAMES[: len(race.operators)]
    if "operators" in fixed:
        assert race.operators == NAMES
    if "data.crop_size" in fixed:
        assert schedule.crop_size == USUAL.crop_size
    if "data.batch_size" in fixed:
        assert schedule.batch_size == USUAL.batch_size


def test_more_time_buys_a_narrower_bound_and_longer_trainings():
    races = [plan_race(SPACE, seconds) for seconds in SHOWN_SECONDS]
    objectives = [race.objective for race in races]
    assert objectives == sorted(objectives, reverse=True)
    assert races[-1].schedule.length > races[0].schedule.length
    assert len(races[-1].operators) == len(NAMES)
    enough = plan_race(SPACE, 1e7)
    assert enough.schedule.length == pytest.approx(USUAL.length, rel=0.01)
    assert enough.operators == NAMES


def test_operators_are_left_out_only_for_a_clearly_narrower_bound():
    counts = set()
    for minutes in (4, 6, 8, 12, 20, 60):
        race = plan_race(SPACE, 60 * minutes)
        if race is None:
            continue
        counts.add(len(race.operators))
        of_all = narrowest_of_operators(SPACE, NAMES, 60 * minutes)
        if race.operators != NAMES and of_all is not None:
            assert race.objective < BETTER_WITH_FEWER * of_all.objective
    assert len(counts) > 1


def test_validation_takes_a_tenth_of_a_training_at_most_if_there_is_more_than_one():
    assert USUAL.epochs == 12
    for seconds in (3600, 36_000):
        schedule = plan_race(SPACE, seconds).schedule
        training = schedule.steps * TIMES.step_seconds("nearest", schedule)
        validation = schedule.epochs * EVALUATION * STEP.per_pixel * TIMES.val_pixels
        assert 1 < schedule.epochs <= 12
        assert validation <= MAX_VALIDATION_SHARE * training
        assert schedule.steps_per_epoch * schedule.epochs >= schedule.steps


@pytest.mark.parametrize("key", ["trainer.max_epochs", "data.crops_per_image"])
def test_validations_that_were_chosen_stay(key):
    race = plan_race(replace(SPACE, fixed=frozenset([key])), 7200)
    assert race.schedule.crops_per_image == USUAL.crops_per_image
    if key == "trainer.max_epochs":
        assert race.schedule.epochs == USUAL.epochs


def test_a_length_that_was_chosen_is_not_shortened():
    space = replace(SPACE, fixed=frozenset(["trainer.max_steps"]))
    assert plan_race(space, 3600 * 8).schedule.steps == USUAL.steps
    assert plan_race(space, 300) is None


def test_trainings_are_long_enough_for_a_rare_class_where_that_fits():
    rare = RareClass("leaf", 0.01, {32: 0.01, 64: 0.05, 128: 0.2, 256: 0.5})
    space = replace(SPACE, rare=rare)
    for minutes in (10, 20, 40, 60, 240):
        race = plan_race(space, 60 * minutes)
        if race is None:
            continue
        schedule = race.schedule
        is_long = schedule.steps >= rare.least_steps(schedule.batch_size, schedule.crop_size)
        least = smallest_race(space)
        assert is_long or PLANNING_SECONDS + least.seconds > 0.97 * 60 * minutes
        assert race == plan_race(SPACE, 60 * minutes) or is_long
