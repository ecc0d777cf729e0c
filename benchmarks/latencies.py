"""How fast the networks of peers.py predict, and what the fastest export costs in quality."""

import copy
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from unetlite.commands.checked_export import CALIBRATION
from unetlite.data.cache import Split
from unetlite.inference.agreement import batches, spread_images
from unetlite.inference.quantize import quantize
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.terminal import hide_messages
from unetlite.timing import interleaved_median

SIDE = 256  # pixels of the image that is timed

Predict = Callable[[np.ndarray], np.ndarray]
"""Of an image uint8 (1, 3, H, W), the logits (1, K, H, W)."""


def fixed_size_model(network: nn.Module, side: int) -> Any:
    """A network in evaluation mode as onnx.ModelProto, for square images of one size.

    Not every peer exports with a free size.
    """
    example = torch.zeros(1, 3, side, side, dtype=torch.uint8)
    with hide_messages():
        program: Any = torch.onnx.export(
            network,
            (example,),
            input_names=["image"],
            output_names=["logits"],
            dynamo=True,
            verbose=False,
        )
    return program.model_proto


def quantized_model(model: Any, side: int, images: list[np.ndarray]) -> bytes | None:
    """The same with 8-bit integers; None if a layer cannot be quantised."""
    crops = [batch[0] for batch in batches(images, 1, side, side)]
    try:
        return quantize(model, crops).SerializeToString()
    except (RuntimeError, ValueError, KeyError) as error:
        print(f"not quantised: {error}", file=sys.stderr)
        return None


def open_onnx(content: bytes) -> Predict:
    session = make_session(content)
    return lambda image: session.run(None, {"image": image})[0]


def open_openvino(content: bytes, precision: str) -> Predict:
    request = make_request(content, precision)
    return lambda image: request.infer({"image": image})[0].copy()


def open_exports(network: nn.Module, side: int, images: list[np.ndarray]) -> dict[str, Predict]:
    """By runtime and precision, such as "OpenVINO int8", what predicts. `images` calibrate."""
    model = fixed_size_model(network, side)
    content = model.SerializeToString()
    exports = {
        "ONNX Runtime float32": open_onnx(content),
        "OpenVINO float32": open_openvino(content, "float32"),
        "OpenVINO bfloat16": open_openvino(content, "bfloat16"),
    }
    integers = quantized_model(model, side, images)
    if integers is not None:
        exports["ONNX Runtime int8"] = open_onnx(integers)
        exports["OpenVINO int8"] = open_openvino(integers, "int8")
    return exports


def test_miou(predict: Predict, split: Split, classes: tuple[str, ...]) -> float:
    """The mean IoU of the images of a split."""
    scores = SegmentationScores(classes)
    for index in range(len(split)):
        image, mask = split[split.full_crop(index)]
        logits = torch.from_numpy(predict(image[None].numpy()))
        scores.update(logits.argmax(1), mask[None])
    return float(scores.compute()["miou"])


def measure_latencies(contenders: Mapping[str, Any], rounds: int) -> dict[str, dict[str, Any]]:
    """By contender: ms in eager PyTorch and in its fastest exports, and the mean IoU of these."""
    dataset = next(iter(contenders.values())).task.data.dataset
    images = list(spread_images(dataset.splits["train"], CALIBRATION))
    image = batches(images, 1, SIDE, SIDE)[0]
    functions: dict[tuple[str, str], Callable[[], Any]] = {}
    networks: dict[str, nn.Module] = {}
    for name, contender in contenders.items():
        # The order of weights in memory means nothing elsewhere, but can confuse the exporter.
        eager = copy.deepcopy(contender.network).eval().to(memory_format=torch.contiguous_format)
        networks[name] = eager
        if name == "unetlite" and isinstance(eager, UNet):
            networks[name] = fold(eager)
        print(f"exporting {name}", file=sys.stderr, flush=True)
        functions[name, "eager"] = partial(eager, torch.from_numpy(image))
        for export, predict in open_exports(networks[name], SIDE, images).items():
            functions[name, export] = partial(predict, image)
    with torch.inference_mode():
        times = interleaved_median(functions, rounds)

    results = {}
    for name in contenders:
        milliseconds = {export: ms for (network, export), ms in times.items() if network == name}
        exported = {export: ms for export, ms in milliseconds.items() if export != "eager"}
        exact = {export: ms for export, ms in exported.items() if export.endswith("float32")}
        best = min(exported, key=exported.__getitem__)
        best_exact = min(exact, key=exact.__getitem__)
        split = dataset.splits["test"]
        predict = open_exports(networks[name], split.sizes[0][0], images)[best]
        results[name] = {
            "eager_ms": milliseconds["eager"],
            "float32": best_exact,
            "float32_ms": exact[best_exact],
            "best": best,
            "best_ms": exported[best],
            "best_test_miou": test_miou(predict, split, dataset.classes),
            "all_ms": milliseconds,
        }
    return results
