"""What trainings take on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unetlite.compare.planning.race_times import RaceTimes, measure_loading
from unetlite.compare.planning.step_times import StepTimer
from unetlite.data.loader import SegmentationData
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings
from unetlite.terminal import hide_messages, progress
from unetlite.threads import num_threads
from unetlite.training.duration import count_pixels
from unetlite.training.fit import make_config, open_data
from unetlite.training.trainer import find_accelerator

CLUSTER_THREADS = 1
"""Of a training on a cluster; --slurm cpus_per_task=4 takes more."""


def measure_times(
    variants: Mapping[str, Settings], data: SegmentationData, resources: Resources
) -> RaceTimes:
    """What trainings of these settings, by name, take on the device that trains them."""
    if resources.on == "local":
        return measure_here(variants, data, resources.parallel)
    settings = next(iter(variants.values()))
    scheduler = make_scheduler(
        resources,
        settings.trainer.accelerator,
        Share(1, CLUSTER_THREADS),
        Path(settings.data_dir) / "times.log",
        shared=[data.dataset.splits["train"].directory],
    )
    with scheduler, progress(f"timing some steps on {resources.on}"):
        times = scheduler.call(measure_on_worker, dict(variants))
        slots = scheduler.slots
    return replace(times, parallel=slots, threads=slots * CLUSTER_THREADS)


def measure_on_worker(variants: Mapping[str, Settings]) -> RaceTimes:
    """What one training at once takes on a worker of a cluster."""
    return measure_here(variants, open_data(next(iter(variants.values()))), parallel=1)


def measure_here(
    variants: Mapping[str, Settings], data: SegmentationData, parallel: int | None
) -> RaceTimes:
    """What trainings take on this machine; `parallel` None measures how many at once are best."""
    settings = next(iter(variants.values()))
    networks = {name: make_config(variant, data.dataset) for name, variant in variants.items()}
    with hide_messages():
        accelerator = find_accelerator(settings.trainer)
    with progress("timing some steps") as update:
        timer = StepTimer(
            accelerator,
            settings.trainer.precision,
            (settings.data.batch_size, settings.data.crop_size),
            Path(settings.data_dir) / "step_times.json",
            update,
        )
        steps, parallel = timer.measure(networks, parallel)
        loading = measure_loading(data, parallel)
    splits = data.dataset.splits
    return RaceTimes(
        steps,
        loading,
        val_pixels=count_pixels(splits["val"]),
        test_pixels=count_pixels(splits["test"]),
        parallel=parallel,
        threads=num_threads(),
    )


def time_operators(
    operators: Sequence[str],
    overrides: Sequence[str],
    values: Mapping[str, Any],
    data: SegmentationData,
    resources: Resources,
) -> RaceTimes:
    """What trainings with these operators take, by operator."""
    variants = {}
    for name in operators:
        variants[name] = compose_run([*overrides, f"upsample={name}"], values)
    return measure_times(variants, data, resources)
