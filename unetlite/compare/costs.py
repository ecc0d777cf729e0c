"""What a variant costs: parameters, multiplications, memory, latency in every runtime, a training step."""

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from statistics import mean
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch.accelerators import CPUAccelerator
from torch import Tensor

from unetlite.compare.runs import Comparison
from unetlite.errors import first_line
from unetlite.hardware import fast_precision, processor
from unetlite.inference.export import onnx_model
from unetlite.inference.runtimes import make_request, make_session
from unetlite.network.folding import fold
from unetlite.network.measures import multiplications, parameters
from unetlite.network.unet import UNet
from unetlite.timing import in_turn

WAYS = {"pytorch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
TRAINING_ROUNDS = 3
Function = Callable[[], Any]


@dataclass
class Cost:
    """Of one variant; times are empty or None if they were not measured."""

    parameters: int
    multiplications: int  # for one image of `Costs.size`, after folding
    latency: dict[str, float] = field(default_factory=dict)  # ms of that prediction, folded, by runtime, see WAYS
    training_step: float | None = None  # ms, with the runs' batch, crop and precision, without loading data


@dataclass(frozen=True)
class Costs:
    """Of all variants by name, for an image of `size` (height, width); `missing` is what was not measured, and why."""

    size: tuple[int, int]
    processor: str
    threads: int
    variants: dict[str, Cost]
    missing: list[str]

    @property
    def fastest(self) -> dict[str, float]:
        """Milliseconds of each variant in the runtime that is fastest for it."""
        return {name: min(cost.latency.values()) for name, cost in self.variants.items() if cost.latency}


def measure_costs(
    comparison: Comparison, networks: dict[str, UNet], size: tuple[int, int], rounds: int, tell: Callable[..., None]
) -> Costs:
    """What each variant's trained network costs, on the CPU, latencies in float32; with 0 rounds, without times."""
    variants, missing = {}, []
    predictions: dict[tuple[str, str], Function] = {}
    for number, (name, network) in enumerate(networks.items()):
        tell(f"counting and exporting {name}", 0.4 * number / len(networks))  # of the time of all that is measured
        image = torch.randint(0, 256, (1, network.config.in_channels, *size), dtype=torch.uint8)
        variants[name] = Cost(parameters(network), multiplications(fold(network), *size))
        for way, opener in openers(network, image).items() if rounds else ():
            try:
                predictions[name, way] = opener()
            except (ImportError, RuntimeError) as error:  # noqa: PERF203  a runtime that is missing
                missing.append(f"{name} in {WAYS[way]} ({first_line(error)})")
    if rounds:
        tell(f"measuring latencies, {rounds} rounds", 0.4)
        with torch.inference_mode():
            for (name, way), milliseconds in in_turn(predictions, rounds).items():
                variants[name].latency[way] = milliseconds
        tell(f"measuring training steps, {TRAINING_ROUNDS} rounds", 0.7)
        training = {name: training_step(networks[name], runs[0].config) for name, runs in comparison.variants.items()}
        for name, milliseconds in in_turn(training, TRAINING_ROUNDS).items():
            variants[name].training_step = milliseconds
    return Costs(size, processor(), torch.get_num_threads(), variants, missing)


def openers(network: UNet, image: Tensor) -> dict[str, Callable[[], Function]]:
    """By runtime, what loads the network, folded as for an export, and gives a function that predicts once."""
    pixels = {"image": image.numpy()}

    @cache
    def onnx(nearest_3x3: bool) -> bytes:
        return onnx_model(fold(network, nearest_3x3=nearest_3x3)).SerializeToString()

    transposed = network.config.upsample["name"] == "nearest"  # else both are the same

    return {
        "pytorch": lambda: partial(fold(network).to(memory_format=torch.channels_last), image),
        "onnxruntime": lambda: partial(make_session(onnx(False)).run, None, pixels),
        "openvino": lambda: partial(make_request(onnx(transposed)).infer, pixels),
    }


def training_step(network: UNet, config: Mapping[str, Any]) -> Function:
    """A function that trains a copy of a network by one step, with the batch, crop and precision of a run."""
    data, precision = config["data"], config["trainer"]["precision"]
    bfloat16 = (fast_precision(CPUAccelerator()) if precision == "auto" else precision) == "bf16-mixed"
    network = copy.deepcopy(network).train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9, fused=True)
    images = 255 * torch.rand(data["batch_size"], network.config.in_channels, data["crop_size"], data["crop_size"])

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(images)
        F.cross_entropy(logits.float(), torch.zeros_like(logits[:, 0], dtype=torch.long)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def pace(
    networks: Mapping[str, UNet], configs: Mapping[str, Any], parallel: int | None, tell: Callable[[str], None]
) -> tuple[dict[str, float], int]:
    """Seconds of a training step of each network, and how many trainings at once finish soonest, if None are given.

    They share the threads, and what they take from one another is in the seconds. On a GPU it is one at a time.
    """
    threads, first = torch.get_num_threads(), next(iter(networks))

    def seconds(name: str, at_once: int) -> float:
        tell(f"timing steps of {name}, {at_once} at once")
        trainings = [{name: training_step(networks[name], configs[name])} for _ in range(at_once)]
        each = max(1, threads // at_once)
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(each,)) as pool:  # of a worker
            found = pool.map(partial(in_turn, rounds=1, warm_up=0), trainings)
            return mean(times[name] for times in found) / 1000

    if parallel is None:
        choices = [1] if torch.cuda.is_available() else [2**k for k in range(threads.bit_length())]
        parallel = min(choices, key=lambda at_once: seconds(first, at_once) / at_once)
    steps = {name: seconds(name, parallel) for name in networks}
    torch.set_num_threads(threads)
    return steps, parallel
