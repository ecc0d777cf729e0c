"""How long a prediction takes, in every way of running a network that is installed."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unetlite.bench import in_turn
from unetlite.export.formats import onnx_model
from unetlite.runtimes.onnx import make_session
from unetlite.runtimes.openvino import make_request, read_onnx
from unetlite.runtimes.runtime import first_line
from unetlite.unet import UNet


class Spread(NamedTuple):
    """Milliseconds: the median of a measurement and its quartiles."""

    median: float
    low: float
    high: float


WAYS = {
    "pytorch": "PyTorch",
    "pytorch_folded": "PyTorch, folded",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime_folded": "ONNX Runtime, folded",
    "openvino": "OpenVINO",
    "openvino_folded": "OpenVINO, folded",
}


def measure_latencies(
    networks: Mapping[str, UNet],
    folded: Mapping[str, UNet],
    images: Mapping[str, Tensor],
    rounds: int,
    progress: Callable[[str], None],
) -> tuple[dict[tuple[str, str], Spread], list[str]]:
    """All networks in all ways, in turn in one process, in float32, on the CPU.

    Args:
        networks, folded: of every variant.
        images: what each predicts, uint8 (B, C, H, W).
        rounds: of the measurement.
        progress: told what is being done.

    Returns:
        The spread by (variant, way), and what was not measured, in words.
    """
    functions: dict[tuple[str, str], Callable[[], Any]] = {}
    missing: list[str] = []
    for suffix, forms in (("", networks), ("_folded", folded)):
        for name, network in forms.items():
            progress(f"exporting {name}{', folded' * bool(suffix)}")
            for way, function in runners(network, images[name]).items():
                if isinstance(function, str):
                    missing.append(f"{name} in {WAYS[way + suffix]} ({function})")
                else:
                    functions[name, way + suffix] = function
    progress(f"measuring latencies, {rounds} rounds")
    with torch.inference_mode():
        return spreads(in_turn(functions, rounds)), missing


def runners(network: UNet, image: Tensor) -> dict[str, Callable[[], Any] | str]:
    """By way, a function that predicts once, or the reason why there is none."""
    found: dict[str, Callable[[], Any] | str] = {
        "pytorch": partial(copy.deepcopy(network).to(memory_format=torch.channels_last), image)
    }
    pixels = {"image": image.numpy()}
    openers: dict[str, Callable[[bytes], Callable[[], Any]]] = {
        "onnxruntime": lambda model: partial(make_session(model).run, None, pixels),
        "openvino": lambda model: partial(make_request(read_onnx(model)).infer, pixels),
    }
    try:
        model = onnx_model(network).SerializeToString()
    except (ImportError, RuntimeError, torch.onnx.OnnxExporterError) as error:
        return found | dict.fromkeys(openers, first_line(error))
    for way, opener in openers.items():
        found[way] = opened(opener, model)
    return found


def opened(opener: Callable[[bytes], Callable[[], Any]], model: bytes) -> Callable[[], Any] | str:
    """What the opener makes of the model, or the reason why it cannot."""
    try:
        return opener(model)
    except (ImportError, RuntimeError) as error:
        return first_line(error)


def spreads(seconds: Mapping[Any, np.ndarray]) -> dict[Any, Spread]:
    """Medians and quartiles in milliseconds."""
    return {key: Spread(*(1000 * np.percentile(values, (50, 25, 75))).tolist()) for key, values in seconds.items()}
