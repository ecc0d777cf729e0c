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
