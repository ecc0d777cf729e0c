"""Plans: what a race takes, and how a budget shortens its trainings."""

import math
from dataclasses import replace

import pytest
from helpers import overrides

from unetlite.compare.planning import (
    DEFAULT_STEPS,
    FIRST_INTERIM,
    SMALLEST_BATCH,
    SMALLEST_STEPS,
    RaceTimes,
    Schedule,
    default_schedule,
    fit_schedule,
    most_seeds,
)
from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run

TIMES = RaceTimes({"a": 0.1, "b": 0.3}, 16, val_batches=2, test_batches=1, parallel=2)
SCHEDULE = Schedule(steps=1000, steps_per_epoch=100, batch_size=16, crops_per_image=2)


def test_a_budget_below_the_shortest_race_is_refused_with_what_it_takes():
    smallest = replace(SCHEDULE, steps=SMALLEST_STEPS, batch_size=SMALLEST_BATCH)
    shortest = FIRST_INTERIM * TIMES.of_one_seed(smallest)
    with pytest.raises(UsageError, match=r"model\.widths"):
        fit_schedule(SCHEDULE, TIMES, shortest / 2)


@pytest.mark.parametrize("minutes", [1.2, 2, 5, 20, 60])
def test_a_schedule_that_fits_is_in_time_and_no_longer_than_asked(minutes):
    seconds = 60 * minutes
    schedule = fit_schedule(SCHEDULE, TIMES, seconds)
    assert FIRST_INTERIM * TIMES.of_one_seed(schedule) <= seconds
    assert SMALLEST_STEPS <= schedule.steps <= SCHEDULE.steps
    assert schedule.steps_per_epoch * schedule.batch_size == 1600  # an epoch has the same crops
    assert schedule.epochs == math.ceil(schedule.steps / schedule.steps_per_epoch)
    seeds = most_seeds(schedule, TIMES, seconds)
    assert seeds == FIRST_INTERIM or seeds * TIMES.of_one_seed(schedule) <= seconds


def test_twice_the_trainings_at_once_take_half_the_time():
    alone = replace(TIMES, parallel=1)
    assert alone.of_one_seed(SCHEDULE) == pytest.approx(2 * TIMES.of_one_seed(SCHEDULE))


def test_few_images_are_cropped_more_often_unless_that_is_chosen(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "data.batch_size=8"))
    schedule = default_schedule(settings, images=6, overridden=[])
    assert schedule.steps >= DEFAULT_STEPS
    assert schedule.crops_per_image * 6 >= schedule.steps_per_epoch * 8
    chosen = default_schedule(settings, images=6, overridden=["data.crops_per_image"])
    assert chosen.crops_per_image == settings.data.crops_per_image
    many = default_schedule(settings, images=1000, overridden=[])
    assert many.crops_per_image == settings.data.crops_per_image


def test_a_limit_of_steps_is_kept(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "trainer.max_steps=7"))
    assert default_schedule(settings, images=100, overridden=[]).steps == 7
