"""The schedule of a training, by its settings and the number of images."""

import math

from helpers import overrides

from unetlite.compare.planning.schedule import DEFAULT_STEPS, usual_schedule
from unetlite.settings.composition import compose_run


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


def test_a_number_of_steps_is_reached_with_few_images_unless_crops_or_epochs_were_chosen(tmp_path):
    words = ["trainer.max_steps=288", "data.batch_size=8", "trainer.max_epochs=12"]
    settings = compose_run(overrides(tmp_path, tmp_path, *words))
    schedule = usual_schedule(settings, images=42, fixed={"trainer.max_steps"})
    assert schedule.steps == 288
    assert schedule.epochs <= 12
    assert 12 * schedule.steps_per_epoch >= 288
    for key in ("data.crops_per_image", "trainer.max_epochs"):
        assert usual_schedule(settings, images=42, fixed={"trainer.max_steps", key}).steps == 60
