"""How fast the networks of peers.py predict, eager and exported, and what the fastest export costs in quality."""

import copy
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from unetlite.inference.export import batches, quantised, quiet, some_images
from unetlite.inference.runtimes import make_request, make_session
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.timing import in_turn

CALIBRATION = 64  # images for int8, as `unetlite export --int8` takes


def onnx_of(network: nn.Module, side: int) -> Any:
    """A network in evaluation mode as onnx.ModelProto, for one size: not every peer exports with a free one."""
    with quiet():
        example = torch.zeros(1, 3, side, side, dtype=torch.uint8)
        program = torch.onnx.export(
            network, (example,), input_names=["image"], output_names=["logits"], dynamo=True, verbose=False
        )
    assert program is not None
    return program.model_proto


def exports(network: nn.Module, side: int, images: list[Any], only: str = "") -> dict[str, Callable[[Any], Any]]:
    """By way, a function of one image uint8 (1, 3, side, side) that gives logits."""
    model = onnx_of(network, side)
    content = {"float32": model.SerializeToString()}
    content["bfloat16"] = content["float32"]
    if not only or only.endswith("int8"):
        try:
            integers = quantised(model, (image for each in batches(images, 1, side, side) for image in each))
            content["int8"] = integers.SerializeToString()
        except (RuntimeError, ValueError, KeyError) as error:  # a layer that cannot be quantised
            print(f"not quantised: {error}", file=sys.stderr)

    def session(content: bytes, precision: str) -> Callable[[Any], Any]:
        made = make_session(content)
        return lambda image: made.run(None, {"image": image})[0]

    def request(content: bytes, precision: str) -> Callable[[Any], Any]:
        made = make_request(content, precision)
        return lambda image: made.infer({"image": image})[0].copy()

    openers = {
        f"{runtime} {precision}": partial(opener, content[precision], precision)
        for runtime, opener in (("ONNX Runtime", session), ("OpenVINO", request))
        for precision in content
        if (runtime, precision) != ("ONNX Runtime", "bfloat16")  # which computes in float32
    }
    return {way: opener() for way, opener in openers.items() if only in ("", way)}


def measure_latencies(contenders: Mapping[str, Any], rounds: int) -> dict[str, dict[str, Any]]:
    """By contender: ms in eager PyTorch, in the best of float32 and the best of all, and the mean IoU of the latter."""
    ways: dict[tuple[str, str], Callable[[], Any]] = {}
    plain: dict[str, nn.Module] = {}
    images: list[Any] = []
    for name, contender in contenders.items():
        store = contender.task.data.store
        images = images or list(some_images(store.splits["train"], CALIBRATION))
        image = batches(images, 1, 256, 256)[0]
        # Where weights lie in memory says nothing to another runtime, but can confuse the exporter.
        eager = copy.deepcopy(contender.network).eval().to(memory_format=torch.contiguous_format)
        plain[name] = fold(eager) if name == "unetlite" and isinstance(eager, UNet) else eager
        print(f"exporting {name}", file=sys.stderr, flush=True)
        ways[name, "eager"] = partial(eager, torch.from_numpy(image))
        for way, run in exports(plain[name], 256, images).items():
            ways[name, way] = partial(run, image)
    with torch.inference_mode():
        found = in_turn(ways, rounds)
    results = {}
    for name, contender in contenders.items():
        mine = {way: ms for (whose, way), ms in found.items() if whose == name}
        exported = {way: ms for way, ms in mine.items() if way != "eager"}
        full = min((way for way in exported if way.endswith("float32")), key=lambda way: exported[way])
        best = min(exported, key=lambda way: exported[way])
        store, scores = contender.task.data.store, SegmentationScores(contender.task.data.store.classes)
        split, side = store.splits["test"], store.splits["test"].sizes[0][0]
        run = exports(plain[name], side, images, best)[best]
        for index in range(len(split)):
            image, mask = split[split.whole(index)]
            scores.update(torch.from_numpy(run(image[None].numpy())).argmax(1), mask[None])
        results[name] = {
            "eager_ms": mine["eager"], "float32": full, "float32_ms": mine[full], "best": best, "best_ms": mine[best],
            "best_test_miou": float(scores.compute()["miou"]), "all_ms": mine,
        }  # fmt: skip
    return results
