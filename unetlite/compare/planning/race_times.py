"""What the parts of a race take, by what was measured on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from unetlite.compare.planning.schedule import Schedule
from unetlite.compare.planning.step_times import StepTime, shared_threads
from unetlite.data.loader import SegmentationData
from unetlite.training.duration import EVALUATION, TEST_PASSES

STARTUP_SECONDS = 1.5  # of a training before its first step and after its last
WORKER_SECONDS = 8.0  # until a worker has loaded the libraries, once
REPORT_SECONDS = 15.0  # of the report without what it measures
OPERATOR_SECONDS = 9.0  # that the report takes to export an operator and measure its latencies
REPORT_STEPS = 8  # training steps of each operator that it times
LOADED_BATCHES = 3


@dataclass(frozen=True)
class RaceTimes:
    """What a race takes, by what was measured on this machine."""

    steps: dict[str, StepTime]  # by operator
    loading: float  # seconds to load and augment a pixel
    val_pixels: int
    test_pixels: int
    parallel: int  # trainings at once
    threads: int  # of all of them together

    def training_seconds(self, operator: str, schedule: Schedule) -> float:
        """Seconds from the start of a training to its end."""
        step = self.steps[operator]
        steps = schedule.steps * self.step_seconds(operator, schedule)
        evaluated = schedule.epochs * self.val_pixels + TEST_PASSES * self.test_pixels
        return STARTUP_SECONDS + steps + EVALUATION * step.per_pixel * evaluated

    def seconds_by_operator(self, operators: Sequence[str], schedule: Schedule) -> dict[str, float]:
        """What each operator's training adds to the time of the race."""
        seconds = {}
        for name in operators:
            seconds[name] = self.training_seconds(name, schedule) / self.parallel
        return seconds

    def step_seconds(self, operator: str, schedule: Schedule) -> float:
        """Seconds of a training step with its data."""
        return self.network_seconds(operator, schedule) + self.loading * schedule.batch_pixels

    def network_seconds(self, operator: str, schedule: Schedule) -> float:
        """Seconds of a training step without its data."""
        return self.steps[operator].seconds(schedule.batch_size, schedule.crop_size)

    def seed_seconds(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds of one training of every operator."""
        return sum(self.seconds_by_operator(operators, schedule).values())

    def report_seconds(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds from the last training to the verdict."""
        seconds = REPORT_SECONDS
        for operator in operators:
            step = self.network_seconds(operator, schedule)
            seconds += OPERATOR_SECONDS + REPORT_STEPS * step / self.parallel
        return seconds

    def overhead_seconds(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds of all but the trainings."""
        return WORKER_SECONDS + self.report_seconds(operators, schedule)


def measure_loading(data: SegmentationData, parallel: int) -> float:
    """Seconds to load and augment a pixel of a few real batches, while so many trainings run."""
    pixels = 0
    start = time.perf_counter()
    with shared_threads(parallel) as threads:
        torch.set_num_threads(threads)
        for number, batch in enumerate(data.train_dataloader()):
            data.augment(batch.image, batch.mask, seed=number)
            if number == 0:  # fills the caches
                start = time.perf_counter()
                continue
            pixels += batch.mask.numel()
            if number == LOADED_BATCHES:
                break
    return (time.perf_counter() - start) / max(pixels, 1)
