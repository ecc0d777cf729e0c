"""Plans: what a time buys, and what is left as it was chosen."""

import math
from dataclasses import replace

import pytest
from helpers import overrides

from unetlite.compare.planning import (
    DEFAULT_STEPS,
    EVALUATION,
    EVALUATION_SHARE,
    FIRST_INTERIM,
    PLANNING,
    SHOWN_SECONDS,
    SMALLEST_STEPS,
    Question,
    RaceTimes,
    Schedule,
    budget_error,
    describe_plan,
    plan_race,
    smallest_race,
    usual_schedule,
)
from unetlite.compare.step_times import StepTime
from unetlite.settings.composition import compose_run

STEP = StepTime(fixed=0.02, per_pixel=4e-6)  # a laptop without bfloat16
NAMES = ["transpose", "nearest", "bilinear", "pixelshuffle", "dysample", "unpool"]
TIMES = RaceTimes(
    dict.fromkeys(NAMES, STEP), 1e-7, val_pixels=3_000_000, test_pixels=3_000_000, parallel=2
)
USUAL = Schedule(steps=300, crops_per_image=5, batch_size=16, crop_size=256, images=82)
QUESTION = Question(NAMES, USUAL, groups=18, fixed=frozenset())


@pytest.mark.parametrize("minutes", [15, 40, 60, 240])
@pytest.mark.parametrize("fixed", [(), ("operators",), ("data.crop_size",), ("data.batch_size",)])
def test_a_race_is_in_time_and_what_was_chosen_is_left(minutes, fixed):
    question = replace(QUESTION, fixed=frozenset(fixed))
    race = plan_race(question, TIMES, 60 * minutes)
    if race is None:
        assert PLANNING + smallest_race(question, TIMES).seconds > 0.9 * 60 * minutes
        return
    schedule = race.schedule
    assert PLANNING + race.seconds <= 60 * minutes
    assert schedule.steps >= SMALLEST_STEPS
    assert schedule.length <= 1.02 * USUAL.length
    assert race.operators == NAMES[: len(race.operators)]
    if "operators" in fixed:
        assert race.operators == NAMES
    if "data.crop_size" in fixed:
        assert schedule.crop_size == USUAL.crop_size
    if "data.batch_size" in fixed:
        assert schedule.batch_size == USUAL.batch_size


def test_more_time_buys_a_narrower_bound_and_longer_trainings():
    races = [plan_race(QUESTION, TIMES, seconds) for seconds in SHOWN_SECONDS]
    losses = [race.loss for race in races]
    assert losses == sorted(losses, reverse=True)
    assert races[-1].schedule.length > races[0].schedule.length
    assert len(races[-1].operators) == len(NAMES)
    enough = plan_race(QUESTION, TIMES, 1e7)
    assert enough.schedule.length == pytest.approx(USUAL.length, rel=0.01)
    assert enough.operators == NAMES


def test_validation_takes_a_tenth_of_a_training_at_most_if_there_is_more_than_one():
    assert USUAL.epochs == 12
    for seconds in (3600, 36_000):
        schedule = plan_race(QUESTION, TIMES, seconds).schedule
        training = schedule.steps * TIMES.of_step("nearest", schedule)
        validation = schedule.epochs * EVALUATION * STEP.per_pixel * TIMES.val_pixels
        assert 1 < schedule.epochs <= 12
        assert validation <= EVALUATION_SHARE * training
        assert schedule.steps_per_epoch * schedule.epochs >= schedule.steps


@pytest.mark.parametrize("key", ["trainer.max_epochs", "data.crops_per_image"])
def test_validations_that_were_chosen_stay(key):
    race = plan_race(replace(QUESTION, fixed=frozenset([key])), TIMES, 7200)
    assert race.schedule.crops_per_image == USUAL.crops_per_image
    if key == "trainer.max_epochs":
        assert race.schedule.epochs == USUAL.epochs


def test_a_length_that_was_chosen_is_not_shortened():
    question = replace(QUESTION, fixed=frozenset(["trainer.max_steps"]))
    assert plan_race(question, TIMES, 3600 * 8).schedule.steps == USUAL.steps
    assert plan_race(question, TIMES, 300) is None


def test_a_short_budget_is_refused_with_what_would_do_and_no_smaller_images():
    assert plan_race(QUESTION, TIMES, 60) is None
    smallest = smallest_race(QUESTION, TIMES)
    assert smallest.seeds == FIRST_INTERIM
    message = str(budget_error("60s", smallest))
    assert "resize" not in message
    assert "data.crop_size=64" in message
    minutes = int(message.partition("give --budget ")[2].partition("m")[0])
    assert plan_race(QUESTION, TIMES, 60 * minutes) is not None


def test_the_plan_is_a_few_lines_that_mark_the_chosen_time():
    for seconds, label in ((2400, ["40", "min"]), (3600, ["60", "min"]), (18_000, ["5", "h"])):
        race = plan_race(QUESTION, TIMES, seconds)
        lines = describe_plan(QUESTION, TIMES, race, seconds)
        assert len(lines) <= 8
        assert max(map(len, lines)) <= 80
        (chosen,) = [line for line in lines if line.endswith("chosen")]
        assert chosen.split()[:2] == label
    longer = describe_plan(QUESTION, TIMES, smallest_race(QUESTION, TIMES), 60)
    assert any("Even this smallest race takes" in line for line in longer)


def test_twice_the_trainings_at_once_take_half_the_time():
    alone = replace(TIMES, parallel=1)
    both = TIMES.of_seed(NAMES, USUAL)
    assert alone.of_seed(NAMES, USUAL) == pytest.approx(2 * both)
    assert sum(TIMES.of_trainings(NAMES, USUAL).values()) == pytest.approx(both)


def test_few_images_are_cropped_more_often_unless_that_is_chosen(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "data.batch_size=8"))
    schedule = usual_schedule(settings, images=6, fixed=set())
    assert schedule.steps >= DEFAULT_STEPS
    assert schedule.crops_per_image * 6 >= schedule.steps_per_epoch * 8
    chosen = usual_schedule(settings, images=6, fixed={"data.crops_per_image"})
    assert chosen.crops_per_image == settings.data.crops_per_image
    many = usual_schedule(settings, images=1000, fixed=set())
    assert many.crops_per_image == settings.data.crops_per_image
    assert many.epochs == math.ceil(many.steps / many.steps_per_epoch)


def test_a_limit_of_steps_is_kept(tmp_path):
    settings = compose_run(overrides(tmp_path, tmp_path, "trainer.max_steps=7"))
    assert usual_schedule(settings, images=100, fixed={"trainer.max_steps"}).steps == 7
