"""Timing things in turn, so that what else a machine does falls on all of them alike."""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np


def in_turn(functions: Mapping[Any, Callable[[], Any]], rounds: int = 30, warm_up: int = 3) -> dict[Any, np.ndarray]:
    """Seconds (rounds,) of each function; every round calls each once, the first `warm_up` are left out."""
    seconds: dict[Hashable, list[float]] = {name: [] for name in functions}
    for _ in range(warm_up + rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values[warm_up:]) for name, values in seconds.items()}
