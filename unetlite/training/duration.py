"""How long a training takes: what is said after some steps, and what plans reckon with."""

import logging
import math
import time
from typing import Any

from lightning.pytorch import Callback, Trainer

from unetlite.data.cache import Split
from unetlite.timing import format_duration
from unetlite.training.segmenter import Segmenter, total_steps

log = logging.getLogger("unetlite")

TIMED_STEPS = 10
EVALUATION = 0.4  # of a training step by the pixel: a pass without gradients, and scores
TEST_PASSES = 1.5  # such evaluations of the test images: also ripple


class TimeLeft(Callback):
    """Says once, after a few steps of a process, how long the training will take.

    The first of these steps fills caches, and is not counted. A validation image takes EVALUATION
    of the time in which its pixels are trained on.
    """

    def __init__(self) -> None:
        self.taken = 0  # steps of this process
        self.start = 0.0

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.taken += 1
        if self.taken == 1:
            self.start = time.perf_counter()
        if self.taken == TIMED_STEPS:
            pace = (time.perf_counter() - self.start) / (TIMED_STEPS - 1)
            seconds = pace * self.steps_left(trainer, pl_module)
            log.info(f"about {format_duration(seconds)} left")

    def steps_left(self, trainer: Trainer, pl_module: Segmenter) -> float:
        """The steps that are left, with evaluations as so many more."""
        steps = total_steps(trainer, pl_module.settings.trainer) - trainer.global_step
        epochs = math.ceil(steps / int(trainer.num_training_batches))
        data = pl_module.settings.data
        splits = pl_module.dataset.splits
        pixels = epochs * count_pixels(splits["val"]) + TEST_PASSES * count_pixels(splits["test"])
        return steps + EVALUATION * pixels / (data.batch_size * data.crop_size**2)


def count_pixels(split: Split) -> int:
    """The pixels of all images of a split."""
    return sum(height * width for height, width in split.sizes)
