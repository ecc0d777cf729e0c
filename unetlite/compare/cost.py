"""What a variant costs: parameters, multiplications, training time, memory, latency."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.accelerators import CPUAccelerator
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from unetlite.bench import in_turn
from unetlite.checkpoint import load_network
from unetlite.compare.runs import Comparison
from unetlite.config import TrainerConfig, split_data, typed
from unetlite.explain.layers import layers
from unetlite.export import to_onnx
from unetlite.fold import fold
from unetlite.hardware import fast_precision
from unetlite.unet import UNet


@dataclass(frozen=True)
class Cost:
    """Of one variant.

    Attributes:
        parameters: trainable numbers.
        multiplications: for one image of `Costs.size`, after folding.
        training_step: median milliseconds of a step as the runs trained, without loading data; None if not measured.
        training_seconds: median over seeds, as the runs recorded it, with whatever else their machine did then.
        memory: bytes of maps at the peak of a prediction, weights not counted.
        milliseconds: median latency of one image by way of running it, see WAYS; empty if not measured.
        spread: the quartiles of the same.
    """

    parameters: int
    multiplications: int
    training_step: float | None
    training_seconds: float
    memory: int
    milliseconds: dict[str, float]
    spread: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Costs:
    """Of all variants, at an image of `size` (height, width); latencies with this many threads."""

    size: tuple[int, int]
    threads: int
    variants: dict[str, Cost]
    missing: str | None

    @property
    def fastest(self) -> dict[str, float]:
        """Milliseconds of each variant in the way that is fastest for it."""
        return {name: min(cost.milliseconds.values()) for name, cost in self.variants.items() if cost.milliseconds}


TRAINING_ROUNDS = 5

WAYS = {
    "pytorch": "PyTorch, eager",
    "pytorch_folded": "PyTorch, folded",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime_folded": "ONNX Runtime, folded",
}


def measure_costs(
    comparison: Comparison, size: tuple[int, int], *, rounds: int = 30, progress: Callable[[str], None] = print
) -> Costs:
    """The costs of each variant's network of the first seed, latencies of all measured in turn, float32, on the CPU.

    Args:
        size: height and width of the image, pixels.
        rounds: of the measurement; 0 measures no latency.
        progress: told what is being done.
    """
    networks = {name: load_network(runs[0].path / "best.ckpt").eval() for name, runs in comparison.variants.items()}
    folded = {name: fold(network).network for name, network in networks.items()}
    channels = next(iter(networks.values())).config.in_channels
    image = torch.randint(0, 256, (1, channels, *size), dtype=torch.uint8)
    exports = all(find_spec(package) for package in ("onnxscript", "onnxruntime"))
    functions: dict[tuple[str, str], Callable[[], Any]] = {}
    with TemporaryDirectory() as directory, torch.no_grad():
        for name in networks if rounds else ():
            for suffix, network in (("", networks[name]), ("_folded", folded[name])):
                functions[name, f"pytorch{suffix}"] = runner(network.to(memory_format=torch.channels_last), image)
                if exports:
                    progress(f"exporting {name}{', folded' * bool(suffix)}")
                    with torch.inference_mode(False):
                        session = onnx_runner(network, Path(directory) / "network.onnx", image)
                    functions[name, f"onnxruntime{suffix}"] = session
        if functions:
            progress(f"measuring latencies, {rounds} rounds")
        seconds = in_turn({"|".join(key): call for key, call in functions.items()}, rounds) if functions else {}
    if rounds:
        progress(f"measuring training steps, {TRAINING_ROUNDS} rounds")
    steps = in_turn(training_steps(comparison), TRAINING_ROUNDS) if rounds else {}
    return Costs(
        size,
        torch.get_num_threads(),
        {
            name: Cost(
                sum(parameter.numel() for parameter in network.parameters()),
                sum(layer.multiplications for layer in layers(folded[name], *size)),
                1000 * float(np.median(steps[name])) if steps else None,
                median(float(run.metrics["train/seconds"] or 0) for run in comparison.variants[name]),
                peak_memory(folded[name], image),
                *latencies(name, seconds),
            )
            for name, network in networks.items()
        },
        None if exports else "the exported networks were not measured: pip install onnxscript onnxruntime",
    )


def training_steps(comparison: Comparison) -> dict[str, Callable[[], Any]]:
    """For each variant a function that trains its network by one step, with the batch and precision of the runs."""
    config = comparison.first.config
    options, loader = typed(TrainerConfig, config["trainer"], "trainer"), split_data(config["data"])[0]
    precision = fast_precision(CPUAccelerator()) if options.precision == "auto" else options.precision
    functions: dict[str, Callable[[], Any]] = {}
    for name, runs in comparison.variants.items():
        network = load_network(runs[0].path / "best.ckpt").train().to(memory_format=torch.channels_last)
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


def latencies(name: str, seconds: Mapping[str, np.ndarray]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Medians and quartiles of one variant in milliseconds."""
    own = {way: 1000 * seconds[f"{name}|{way}"] for way in WAYS if f"{name}|{way}" in seconds}
    quartiles = {way: np.percentile(values, (25, 75)).tolist() for way, values in own.items()}
    return {way: float(np.median(values)) for way, values in own.items()}, {
        way: (low, high) for way, (low, high) in quartiles.items()
    }


def runner(network: nn.Module, image: Tensor) -> Callable[[], Any]:
    """A function that predicts once with PyTorch."""
    return lambda: network(image)


def onnx_runner(network: nn.Module, file: Path, image: Tensor) -> Callable[[], Any]:
    """A function that predicts once with ONNX Runtime, with as many threads as PyTorch has."""
    import onnxruntime

    to_onnx(network, file)  # type: ignore[arg-type]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file.read_bytes(), options)
    pixels = image.float().numpy()
    return lambda: session.run(None, {"image": pixels})


def peak_memory(network: nn.Module, image: Tensor) -> int:
    """The most bytes that PyTorch holds at once while it predicts, beyond weights and image."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler complains where there is no GPU
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        network(image)
    results = recorded.profiler.kineto_results  # type: ignore[union-attr]
    changes = sorted((event.start_ns(), event.nbytes()) for event in results.events() if event.name() == "[memory]")
    return int(np.cumsum([change for _, change in changes]).max(initial=0))
