"""Timing things in turn, so that what else a machine does falls on all of them alike."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

PAUSE = 0.01  # seconds: threads of a runtime spin for a while after their work, and slow down what comes next
LONG = 0.2  # seconds; what takes longer needs no call before it to fill the caches


def in_turn(functions: Mapping[Any, Callable[[], Any]], rounds: int = 15, warm_up: int = 1) -> dict[Any, float]:
    """Median milliseconds of each function, after `warm_up` rounds more; every round times each once.

    Before that come a pause, in which others' threads go to sleep, and a call after which the caches are its own; what
    takes long needs none.
    """
    seconds: dict[Any, list[float]] = {name: [] for name in functions}
    for _ in range(warm_up + rounds):
        for name, function in functions.items():
            time.sleep(PAUSE)
            if not (past := seconds[name]) or past[-1] < LONG:
                function()
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * median(values[warm_up:]) for name, values in seconds.items()}


def threads() -> int:
    """As many as PyTorch takes, whether it is there or not: one a core, or what OMP_NUM_THREADS says."""
    if torch := sys.modules.get("torch"):
        return torch.get_num_threads()
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given):
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
