"""How long a training step takes, and how many trainings at once finish soonest."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import torch
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator
from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass as record

from unetlite.compare.costs.costs import Function, training_step
from unetlite.device import (
    device_of,
    fast_precision,
    fingerprint,
    keep_memory,
)
from unetlite.files import write_json
from unetlite.network.complexity import count_macs
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig
from unetlite.timing import interleaved_median
from unetlite.validation import STRICT, read_if_valid

Shape = tuple[int, int]  # crops in a batch, and the pixels of a side of each

SMALL: Shape = (4, 64)
LARGE: Shape = (4, 128)
ROUNDS = 2
MIN_SLOPE = 0.5  # of the seconds of the larger shape by its pixels; a busy machine gives less
MAX_SECONDS = 15  # of timing; then the other operators are estimated by their MACs
MIN_CPU_SHARE = 0.6  # of the threads' time; with less the machine is busy: no time is kept
MAX_KEPT = 200  # entries in the file


@record(frozen=True, config=STRICT)
class StepTime:
    """Seconds of a training step: a fixed part, and one for each pixel of the batch."""

    fixed: NonNegativeFloat
    per_pixel: NonNegativeFloat

    def seconds(self, batch_size: int, crop_size: int) -> float:
        """Of a step of so many crops."""
        return self.fixed + self.per_pixel * batch_size * crop_size**2

    def scaled(self, factor: float) -> "StepTime":
        """Of a step that takes so many times as long."""
        return StepTime(factor * self.fixed, factor * self.per_pixel)


@record(config=STRICT)
class KeptTimes:
    """What was measured on this machine before, by `key_of` what was measured."""

    steps: dict[str, StepTime] = Field(default_factory=dict)
    at_once: dict[str, PositiveInt] = Field(default_factory=dict)


class Load:
    """Whether other programs take a large part of the processor, since this was made."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.start_of_processor = time.process_time()

    @property
    def is_high(self) -> bool:
        """True if this process got less than MIN_CPU_SHARE of the time of its threads."""
        available = torch.get_num_threads() * (time.monotonic() - self.start)
        return time.process_time() - self.start_of_processor < MIN_CPU_SHARE * available


@dataclass(frozen=True)
class StepTimer:
    """Times training steps where the trainings will run, and keeps the times in a file.

    On a CPU trainings at once share the threads, and what they take from one another is in the
    times. `largest` is the largest batch that is of interest: a GPU takes as long for all small
    ones, so there it is timed itself.
    """

    accelerator: Accelerator
    precision: str  # "auto" or Lightning's name
    largest: Shape
    file: Path
    update: Callable[[str], None]

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The two shapes that are timed."""
        if isinstance(self.accelerator, CPUAccelerator):
            return SMALL, LARGE
        return SMALL, max(LARGE, self.largest, key=pixels)

    def measure(
        self,
        networks: Mapping[str, UNetConfig],
        parallel: int | None,
    ) -> tuple[dict[str, StepTime], int]:
        """The time of a step of each network, and the number of trainings at once.

        `parallel` None measures which number finishes soonest.
        """
        keep_memory()
        start = time.monotonic()
        kept = read_if_valid(self.file, KeptTimes) or KeptTimes()
        if parallel is None:
            first = next(iter(networks.values()))
            key = self.key_of(first, 0)
            if key not in kept.at_once:
                kept.at_once[key] = self.trainings_at_once(first)
            parallel = kept.at_once[key]
        times = self.time_networks(
            networks,
            parallel,
            kept,
            until=start + MAX_SECONDS,
        )
        write_kept(self.file, kept)
        return times, parallel

    def time_networks(
        self,
        networks: Mapping[str, UNetConfig],
        parallel: int,
        kept: KeptTimes,
        until: float,
    ) -> dict[str, StepTime]:
        """The time of a step of each network: kept, measured, or estimated after `until`."""
        times: dict[str, StepTime] = {}
        for name, config in networks.items():
            key = self.key_of(config, parallel)
            if key in kept.steps:
                times[name] = kept.steps[key]
            elif times and time.monotonic() > until:
                timed = next(iter(times))
                factor = macs_of(config) / macs_of(networks[timed])
                times[name] = times[timed].scaled(factor)
            else:
                self.update(f"timing steps of {name}, {parallel} at once")
                load = Load()
                times[name] = self.time_network(config, parallel)
                if device_of(self.accelerator).type != "cpu" or not load.is_high:
                    kept.steps[key] = times[name]
        return times

    def time_network(self, config: UNetConfig, parallel: int) -> StepTime:
        """The straight line through the times of both shapes."""
        seconds = self.seconds(config, parallel, self.shapes)
        small, large = (pixels(shape) for shape in self.shapes)
        slope = (seconds[1] - seconds[0]) / (large - small)
        slope = max(slope, MIN_SLOPE * seconds[1] / large)
        fixed = max(0.0, seconds[1] - slope * large)
        return StepTime(fixed, slope)

    def trainings_at_once(self, config: UNetConfig) -> int:
        """How many trainings at once take the most steps a second, up to one a core.

        On other devices than a CPU it is one.
        """
        threads = torch.get_num_threads()
        if threads == 1 or not isinstance(self.accelerator, CPUAccelerator):
            return 1

        def seconds(workers: int) -> float:
            self.update(f"timing {workers} trainings at once")
            return self.seconds(config, workers, self.shapes[1:])[0]

        return fastest_workers(threads, seconds)

    def seconds(
        self,
        config: UNetConfig,
        workers: int,
        shapes: Sequence[Shape],
    ) -> list[float]:
        """Seconds of a step of each shape, while so many workers take one."""
        steps = [self.make_steps(config, shapes) for _ in range(workers)]
        with shared_threads(workers) as threads_each:
            pool = ThreadPoolExecutor(
                workers,
                initializer=torch.set_num_threads,
                initargs=(threads_each,),
            )
            with pool:
                times = list(pool.map(seconds_of_steps, steps))
        return [mean(values) for values in zip(*times, strict=True)]

    def make_steps(self, config: UNetConfig, shapes: Sequence[Shape]) -> list[Function]:
        """A training step of each shape."""
        steps = []
        for batch_size, crop_size in shapes:
            step = training_step(
                UNet(config),
                batch_size,
                crop_size,
                self.precision,
                self.accelerator,
            )
            steps.append(on_own_stream(step, device_of(self.accelerator)))
        return steps

    def key_of(self, config: UNetConfig, parallel: int) -> str:
        """The fingerprint of all that the times depend on."""
        precision = self.precision
        if precision == "auto":
            precision = fast_precision(self.accelerator)
        device = str(device_of(self.accelerator))
        if torch.cuda.is_available():
            device += torch.cuda.get_device_name()
        return fingerprint([device, precision, self.shapes, parallel, asdict(config)])


def pixels(shape: Shape) -> int:
    """The pixels of a batch."""
    batch_size, crop_size = shape
    return batch_size * crop_size**2


def macs_of(config: UNetConfig) -> int:
    """MACs of an image of the smaller shape."""
    return count_macs(UNet(config), SMALL[1], SMALL[1])


@contextmanager
def shared_threads(workers: int) -> Iterator[int]:
    """Yields the threads that each of so many workers has; all threads are back afterwards."""
    threads = torch.get_num_threads()
    try:
        yield max(1, threads // workers)
    finally:
        torch.set_num_threads(threads)


def on_own_stream(step: Function, device: torch.device) -> Function:
    """A step that waits for no other worker's on a GPU of NVIDIA's."""
    if device.type != "cuda":
        return step
    stream = torch.cuda.Stream(device)

    def step_on_stream() -> None:
        with torch.cuda.stream(stream):
            step()

    return step_on_stream


def fastest_workers(max_workers: int, seconds: Callable[[int], float]) -> int:
    """The power of two, up to `max_workers`, with the most steps a second."""
    step_times = {}
    for exponent in range(max_workers.bit_length()):
        workers = 2**exponent
        step_times[workers] = seconds(workers) / workers
    return min(step_times, key=step_times.__getitem__)


def seconds_of_steps(steps: Sequence[Function]) -> list[float]:
    """Seconds of each step, all in turn."""
    times = interleaved_median(dict(enumerate(steps)), ROUNDS, warm_up=0)
    return [milliseconds / 1000 for milliseconds in times.values()]


def write_kept(file: Path, kept: KeptTimes) -> None:
    """Writes the kept times; the oldest are left out where there are many."""
    steps = dict(list(kept.steps.items())[-MAX_KEPT:])
    at_once = dict(list(kept.at_once.items())[-MAX_KEPT:])
    write_json(file, KeptTimes(steps, at_once))
