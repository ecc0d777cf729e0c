"""What a training is made of: how many steps of how many crops."""

import math
from collections.abc import Set
from dataclasses import dataclass, replace

from unetlite.compare.planning.expectation import training_length
from unetlite.settings.schema import Settings

DEFAULT_STEPS = 300  # of a training, at least; few images are cropped more often


@dataclass(frozen=True)
class Schedule:
    """What a training is made of."""

    steps: int
    crops_per_image: int  # in an epoch
    batch_size: int
    crop_size: int
    images: int  # training images

    @property
    def steps_per_epoch(self) -> int:
        """As the trainer has it: a batch that is not full is left out."""
        return max(1, self.images * self.crops_per_image // self.batch_size)

    @property
    def epochs(self) -> int:
        """How often there is a validation."""
        return math.ceil(self.steps / self.steps_per_epoch)

    @property
    def batch_pixels(self) -> int:
        """The pixels of a batch."""
        return self.batch_size * self.crop_size**2

    @property
    def length(self) -> float:
        """How far it trains; see `training_length`."""
        return training_length(self.steps, self.batch_size, self.crop_size)

    def steps_as_long_as(self, other: "Schedule") -> float:
        """The steps of these batches and crops that train as far as another schedule."""
        return other.length / training_length(1, self.batch_size, self.crop_size)

    def in_epochs(self, epochs: int) -> "Schedule":
        """The same steps in so many epochs, or fewer."""
        crops = math.ceil(self.steps / epochs) * self.batch_size / self.images
        return replace(self, crops_per_image=max(1, math.ceil(crops)))

    def settings(self) -> dict[str, int]:
        """The settings of such a training, by dotted key."""
        return {
            "data.crops_per_image": self.crops_per_image,
            "data.batch_size": self.batch_size,
            "data.crop_size": self.crop_size,
            "trainer.max_epochs": self.epochs,
            "trainer.max_steps": self.steps,
        }


def usual_schedule(settings: Settings, images: int, fixed: Set[str]) -> Schedule:
    """The schedule of the settings.

    Few images are cropped more often, unless that was chosen; so are those of a number of steps.
    """
    data = settings.data
    trainer = settings.trainer
    schedule = Schedule(
        DEFAULT_STEPS,
        data.crops_per_image,
        data.batch_size,
        data.crop_size,
        images,
    )
    steps = trainer.max_epochs * schedule.steps_per_epoch
    may_crop = fixed.isdisjoint(("data.crops_per_image", "trainer.max_epochs"))
    if trainer.max_steps > steps and may_crop:
        return replace(schedule, steps=trainer.max_steps).in_epochs(trainer.max_epochs)
    if trainer.max_steps > 0:
        return replace(schedule, steps=min(steps, trainer.max_steps))
    if steps < DEFAULT_STEPS and "data.crops_per_image" not in fixed:
        schedule = schedule.in_epochs(trainer.max_epochs)
        steps = trainer.max_epochs * schedule.steps_per_epoch
    return replace(schedule, steps=steps)
