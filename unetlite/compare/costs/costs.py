"""What a variant costs: parameters, MACs, latency in every runtime, and a training step."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch.accelerators import Accelerator, CPUAccelerator
from torch import Tensor

from unetlite.compare.comparison import Comparison
from unetlite.device import device_of, fast_precision, processor
from unetlite.errors import first_line
from unetlite.inference.export import onnx_model
from unetlite.inference.runtimes.base import RUNTIME_NAMES
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.network.complexity import count_macs, count_parameters
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings.schema import UNetConfig
from unetlite.timing import describe_load, interleaved_median

TRAINING_ROUNDS = 3
LATENCY_ROUNDS = 5  # of untrained networks

Function = Callable[[], Any]


@dataclass
class VariantCost:
    """Of one variant. Times are empty or None if they were not measured."""

    parameters: int
    macs: int  # of one image of `Costs.size`, folded
    latency: dict[str, float] = field(default_factory=dict)  # ms of that prediction, by runtime
    training_step: float | None = None  # ms, with the runs' batch, crop and precision, without data
    peak_memory_mb: float | None = None  # of a process that predicts, on another device
    energy_mj: float | None = None  # of a prediction there
    rounds_ms: tuple[float, float] | None = None  # lowest and highest median of a round there


@dataclass(frozen=True)
class Costs:
    """Of all variants by name. `missing` names what was not measured, and why."""

    size: tuple[int, int]  # height and width of the image
    processor: str
    threads: int
    variants: dict[str, VariantCost]
    missing: list[str]
    device: str | None = None  # that predicts; None: the CPU of this machine
    load: str | None = None  # a warning that the machine was busy

    @property
    def fastest(self) -> dict[str, float]:
        """Milliseconds of each variant in the runtime that is fastest for it."""
        fastest = {}
        for name, cost in self.variants.items():
            if cost.latency:
                fastest[name] = min(cost.latency.values())
        return fastest

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest median of a round, of the variants measured on another device."""
        ranges = {}
        for name, cost in self.variants.items():
            if cost.rounds_ms is not None:
                ranges[name] = cost.rounds_ms
        return ranges


def measure_costs(
    comparison: Comparison,
    size: tuple[int, int],
    rounds: int,
    update: Callable[..., None],
) -> Costs:
    """The costs of each variant's trained network; without times if `rounds` is 0.

    Latencies are in float32. `update(text, done)` reports the progress.
    """
    costs = Costs(
        size,
        processor(),
        torch.get_num_threads(),
        variants={},
        missing=[],
        load=describe_load() if rounds > 0 else None,
    )
    predictions: dict[tuple[str, str], Function] = {}
    networks = comparison.networks
    for number, (name, network) in enumerate(networks.items()):
        # Counting and exporting take about 40 % of the time, latencies another 30 %.
        update(f"counting and exporting {name}", 0.4 * number / len(networks))
        macs = count_macs(fold(network), *size)
        costs.variants[name] = VariantCost(count_parameters(network), macs)
        if rounds > 0:
            for runtime, predict in open_runtimes(name, network, costs).items():
                predictions[name, runtime] = predict
    if rounds == 0:
        return costs

    update(f"measuring latencies, {rounds} rounds", 0.4)
    with torch.inference_mode():
        latencies = interleaved_median(predictions, rounds)
    for (name, runtime), milliseconds in latencies.items():
        costs.variants[name].latency[runtime] = milliseconds
    update(f"measuring training steps, {TRAINING_ROUNDS} rounds", 0.7)
    steps = training_steps(comparison)
    for name, milliseconds in interleaved_median(steps, TRAINING_ROUNDS).items():
        costs.variants[name].training_step = milliseconds
    return costs


def open_runtimes(name: str, network: UNet, costs: Costs) -> dict[str, Function]:
    """What predicts one image, by runtime. Runtimes that are missing are noted in the costs."""
    image = random_image(network.config, costs.size)
    predictions = {}
    for runtime, load in openers(network, image).items():
        try:
            predictions[runtime] = load()
        except (ImportError, RuntimeError) as error:  # noqa: PERF203  a runtime is missing
            costs.missing.append(f"{name} in {RUNTIME_NAMES[runtime]} ({first_line(error)})")
    return predictions


def training_steps(comparison: Comparison) -> dict[str, Function]:
    """What trains each variant by one step, as its runs were trained."""
    steps = {}
    for name, runs in comparison.variants.items():
        data = runs[0].config["data"]
        steps[name] = training_step(
            comparison.networks[name],
            data["batch_size"],
            data["crop_size"],
            runs[0].config["trainer"]["precision"],
        )
    return steps


def measure_latencies(configs: Mapping[str, UNetConfig], size: tuple[int, int]) -> dict[str, float]:
    """Milliseconds of a prediction in PyTorch by untrained networks, on the CPU in float32."""
    predictions = {}
    for name, config in configs.items():
        network = UNet(config).eval()
        image = random_image(config, size)
        predictions[name] = openers(network, image)["pytorch"]()
    with torch.inference_mode():
        return interleaved_median(predictions, LATENCY_ROUNDS)


def random_image(config: UNetConfig, size: tuple[int, int]) -> Tensor:
    """An image (1, C, H, W) of random pixels, of the type that a network takes."""
    pixels = torch.randint(0, 256, (1, config.in_channels, *size), dtype=torch.uint8)
    return pixels.to(getattr(torch, config.pixel_type))


def openers(network: UNet, image: Tensor) -> dict[str, Callable[[], Function]]:
    """By runtime, what loads the folded network, and returns a function that predicts `image`."""
    pixels = {"image": image.numpy()}

    @cache
    def export(runtime: str) -> bytes:
        return onnx_model(fold(network, runtime)).SerializeToString()

    def open_pytorch() -> Function:
        folded = fold(network).to(memory_format=torch.channels_last)
        return lambda: folded(image)

    def open_onnxruntime() -> Function:
        session = make_session(export("onnxruntime"))
        return lambda: session.run(None, pixels)

    def open_openvino() -> Function:
        # One export serves both runtimes, unless folding differs between them.
        operator = UPSAMPLERS.lookup(network.config.upsample)
        runtime = "openvino" if operator.folds_by_runtime else "onnxruntime"
        request = make_request(export(runtime))
        return lambda: request.infer(pixels)

    return {
        "pytorch": open_pytorch,
        "onnxruntime": open_onnxruntime,
        "openvino": open_openvino,
    }


def training_step(
    network: UNet,
    batch_size: int,
    crop_size: int,
    precision: str,
    accelerator: Accelerator | None = None,
) -> Function:
    """A function that trains a copy of the network by one step, on random crops.

    `precision` is "auto" or Lightning's name. `accelerator` None is the CPU.
    """
    if accelerator is None:
        accelerator = CPUAccelerator()
    if precision == "auto":
        precision = fast_precision(accelerator)
    device = device_of(accelerator)
    network = copy.deepcopy(network).train().to(device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9, fused=True)
    images = 255 * torch.rand(batch_size, network.config.in_channels, crop_size, crop_size)
    images = images.to(device)
    target = torch.zeros(batch_size, crop_size, crop_size, dtype=torch.long, device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            logits = network(images)
        F.cross_entropy(logits.float(), target).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    return step
