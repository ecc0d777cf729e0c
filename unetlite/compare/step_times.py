"""How long a training step takes, and how many trainings at once finish soonest."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import mean

import torch

from unetlite.compare.costs import Function, training_step
from unetlite.data.cache import DecodedDataset
from unetlite.network.unet import UNet
from unetlite.settings.schema import Settings
from unetlite.timing import interleaved_median
from unetlite.training.fit import make_config


def estimate_step_times(
    variants: Mapping[str, Settings],
    dataset: DecodedDataset,
    parallel: int | None,
    update: Callable[[str], None],
) -> tuple[dict[str, float], int]:
    """Seconds of a training step of each variant, and the number of trainings at once.

    `parallel` None measures which number finishes soonest. Trainings share the threads, and what
    they take from one another is in the seconds. On a GPU it is one at a time.
    """
    threads = torch.get_num_threads()

    def seconds(name: str, workers: int) -> float:
        update(f"timing steps of {name}, {workers} at once")
        settings = variants[name]
        config = make_config(settings, dataset)
        steps = []
        for _ in range(workers):
            step = training_step(
                UNet(config),
                settings.data.batch_size,
                settings.data.crop_size,
                settings.trainer.precision,
            )
            steps.append(step)
        threads_each = max(1, threads // workers)
        with ThreadPoolExecutor(
            workers,
            initializer=torch.set_num_threads,
            initargs=(threads_each,),
        ) as pool:
            return mean(pool.map(seconds_of_step, steps))

    if parallel is None:
        first = next(iter(variants))
        parallel = 1
        if not torch.cuda.is_available():
            parallel = fastest_workers(threads, lambda workers: seconds(first, workers))
    step_seconds = {name: seconds(name, parallel) for name in variants}
    torch.set_num_threads(threads)
    return step_seconds, parallel


def fastest_workers(threads: int, seconds: Callable[[int], float]) -> int:
    """The power of two, up to `threads`, with the most steps a second."""
    step_times = {}
    for exponent in range(threads.bit_length()):
        workers = 2**exponent
        step_times[workers] = seconds(workers) / workers
    return min(step_times, key=step_times.__getitem__)


def seconds_of_step(step: Function) -> float:
    """Seconds of a step, after one that fills the caches."""
    return interleaved_median({"step": step}, rounds=1, warm_up=0)["step"] / 1000
