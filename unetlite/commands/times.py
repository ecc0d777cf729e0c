"""What trainings take on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings
from unetlite.terminal import hide_messages, progress

if TYPE_CHECKING:
    from unetlite.compare.race_times import RaceTimes
    from unetlite.data.loader import SegmentationData


def measure_times(
    variants: Mapping[str, Settings], data: "SegmentationData", parallel: int | None
) -> "RaceTimes":
    """What trainings of these settings, by name, take on the device that trains them."""
    from unetlite.compare.race_times import RaceTimes, measure_loading
    from unetlite.compare.step_times import StepTimer
    from unetlite.training.callbacks import count_pixels
    from unetlite.training.fit import make_config
    from unetlite.training.trainer import find_accelerator

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
    )


def time_operators(
    operators: Sequence[str],
    overrides: Sequence[str],
    values: Mapping[str, Any],
    data: "SegmentationData",
    parallel: int | None,
) -> "RaceTimes":
    """What trainings with these operators take, by operator."""
    variants = {}
    for name in operators:
        variants[name] = compose_run([*overrides, f"upsample={name}"], values)
    return measure_times(variants, data, parallel)
