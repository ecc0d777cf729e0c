"""What a variant costs: parameters, multiplications, training time, memory, latency."""

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.accelerators import CPUAccelerator
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from unetlite.bench import in_turn
from unetlite.compare.comparison import Comparison
from unetlite.compare.latency import WAYS, Spread, measure_latencies, spreads
from unetlite.config import TrainerConfig, split_data, typed
from unetlite.explain.layers import layers
from unetlite.fold import fold
from unetlite.hardware import fast_precision, processor
from unetlite.unet import UNet


@dataclass(frozen=True)
class Cost:
    """Of one variant.

    Attributes:
        parameters: trainable numbers.
        multiplications: for one image of `Costs.size`, after folding.
        memory: bytes of maps at the peak of a prediction of it, weights not counted.
        latency: of that prediction, by way of running it, see WAYS; empty if not measured.
        training_step: with the runs' batch, crop and precision, without loading data; None if not measured.
        training_seconds: median over seeds, as the runs recorded it, with whatever else their machines did then.
    """

    parameters: int
    multiplications: int
    memory: int
    latency: dict[str, Spread]
    training_step: Spread | None
    training_seconds: float


@dataclass(frozen=True)
class Costs:
    """Of all variants.

    Attributes:
        size: height and width of the image, pixels.
        processor, threads: that everything was measured with.
        variants: by name.
        missing: what was not measured, and why, in words.
    """

    size: tuple[int, int]
    processor: str
    threads: int
    variants: dict[str, Cost]
    missing: list[str]

    @property
    def fastest(self) -> dict[str, float]:
        """Milliseconds of each variant in the way that is fastest for it."""
        return {
            name: min(spread.median for spread in cost.latency.values())
            for name, cost in self.variants.items()
            if cost.latency
        }


TRAINING_ROUNDS = 5


def measure_costs(
    comparison: Comparison,
    networks: Mapping[str, UNet],
    size: tuple[int, int],
    *,
    rounds: int = 15,
    progress: Callable[[str], None] = print,
) -> Costs:
    """What each variant costs, times measured in turn, latencies in float32, all on the CPU.

    Args:
        networks: of every variant, trained, in evaluation mode.
        size: height and width of the image, pixels.
        rounds: of the measurement of latencies; 0 measures no times.
        progress: told what is being done.
    """
    folded = {name: fold(network).network for name, network in networks.items()}
    images = {
        name: torch.randint(0, 256, (1, network.config.in_channels, *size), dtype=torch.uint8)
        for name, network in networks.items()
    }
    missing: list[str] = []
    latency: dict[tuple[str, str], Spread] = {}
    steps: dict[Any, Spread] = {}
    if rounds:
        latency, missing = measure_latencies(networks, folded, images, rounds, progress)
        progress(f"measuring training steps, {TRAINING_ROUNDS} rounds")
        steps = spreads(in_turn(training_steps(comparison, networks), TRAINING_ROUNDS))
    return Costs(
        size,
        processor(),
        torch.get_num_threads(),
        {
            name: Cost(
                sum(parameter.numel() for parameter in network.parameters()),
                sum(layer.multiplications for layer in layers(folded[name], *size)),
                peak_memory(folded[name], images[name]),
                {way: latency[name, way] for way in WAYS if (name, way) in latency},
                steps.get(name),
                median(float(run.metrics["train/seconds"] or 0) for run in comparison.variants[name]),
            )
            for name, network in networks.items()
        },
        missing,
    )


def training_steps(comparison: Comparison, networks: Mapping[str, UNet]) -> dict[Any, Callable[[], Any]]:
    """For each variant a function that trains a copy of its network by one step."""
    functions: dict[Any, Callable[[], Any]] = {}
    for name, network in networks.items():
        config = comparison.variants[name][0].config
        options, loader = typed(TrainerConfig, config["trainer"], "trainer"), split_data(config["data"])[0]
        precision = fast_precision(CPUAccelerator()) if options.precision == "auto" else options.precision
        network = copy.deepcopy(network).train().to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9, fused=True)
        shape = loader.batch_size, network.config.in_channels, loader.crop_size, loader.crop_size
        functions[name] = partial(train_step, network, optimizer, torch.rand(shape) * 255, precision)
    return functions


def train_step(network: UNet, optimizer: torch.optim.Optimizer, images: Tensor, precision: str) -> None:
    """Forward, a loss, backward, update."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        logits = network(images)
    F.cross_entropy(logits.float(), torch.zeros_like(logits[:, 0], dtype=torch.long)).backward()
    optimizer.step()
    optimizer.zero_grad()


def peak_memory(network: UNet, image: Tensor) -> int:
    """The most bytes that PyTorch holds at once while it predicts, beyond weights and image."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler complains where there is no GPU
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        network(image)
    results = recorded.profiler.kineto_results  # type: ignore[union-attr]
    changes = sorted((event.start_ns(), event.nbytes()) for event in results.events() if event.name() == "[memory]")
    return int(np.cumsum([change for _, change in changes]).max(initial=0))
