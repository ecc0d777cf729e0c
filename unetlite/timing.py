"""Timing functions in turn, so that the load of a machine falls on all of them alike."""

import os
import re
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from unetlite.errors import UsageError

PAUSE = 0.01  # seconds: a runtime's threads spin after their work and slow down the next function
BUSY = 1.5  # threads at work for each core
LONG = 0.2  # seconds; a longer function needs no call to fill the caches


def interleaved_median(
    functions: Mapping[Any, Callable[[], Any]], rounds: int = 15, warm_up: int = 1
) -> dict[Any, float]:
    """Median milliseconds of each function. Each of `warm_up + rounds` rounds times every one once.

    A pause comes before each, in which the threads of others go to sleep, and for a short function
    a call that fills the caches.
    """
    seconds: dict[Any, list[float]] = {name: [] for name in functions}
    for _ in range(warm_up + rounds):
        for name, function in functions.items():
            time.sleep(PAUSE)
            times = seconds[name]
            if not times or times[-1] < LONG:
                function()
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return {name: 1000 * median(times[warm_up:]) for name, times in seconds.items()}


def describe_load() -> str | None:
    """That the machine is busy, in a sentence; None if it is not, or does not tell.

    The load is the mean number of threads at work in the last minute, this process included.
    """
    if not hasattr(os, "getloadavg"):
        return None
    load, _, _ = os.getloadavg()
    cores = os.cpu_count() or 1
    if load < BUSY * cores:
        return None
    return (
        f"The machine is busy (load {load:.0f} on {cores} cores): times are longer than alone, and "
        "their ratios are rough."
    )


def parse_duration(text: str) -> float:
    """Seconds of a duration such as 90s, 30m or 2h. Raises UsageError for anything else."""
    match = re.fullmatch(r"(\d*\.?\d+)([smh])", text)
    if match is None or float(match[1]) == 0:
        raise UsageError(f"--budget {text}: expected a duration such as 90s, 30m or 2h.")
    unit = {"s": 1, "m": 60, "h": 3600}[match[2]]
    return float(match[1]) * unit


def format_duration(seconds: float) -> str:
    """Seconds as a person says them: 50 s, 12 min, 2.5 h. Minutes above 90 are hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes <= 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f}".removesuffix(".0") + " h"
