"""What exports gain, and whether they agree, on real checkpoints.

python benchmarks/exports.py forms outputs/coast/*/seed0/last.ckpt     folded or not, by runtime
python benchmarks/exports.py speed outputs/coast/nearest/seed0/last.ckpt   exports against PyTorch
python benchmarks/exports.py parity outputs/coast/*/seed0/last.ckpt    difference, and equal classes

Times are median milliseconds, taken in turn in one process, for one test image of 256 x 256 pixels
(smaller images are repeated to that size).
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch

from unetlite.commands.checked_export import CALIBRATION, CHECKED
from unetlite.data.cache import Split
from unetlite.data.provenance import load_run_data
from unetlite.inference.agreement import batches, measure_agreement, spread_images
from unetlite.inference.export import fold_for, onnx_model, write_export
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.runtimes.base import EXPORTS, Runtime
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.inference.runtimes.pytorch import PyTorch, read_checkpoint
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.timing import interleaved_median

EXPORT_OPTIONS = [
    ("onnx", "float32"),
    ("onnx", "int8"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
]


class Checkpoint(NamedTuple):
    """A trained network, and what it is measured with."""

    network: UNet
    metadata: Metadata
    splits: dict[str, Split]
    image: np.ndarray  # (1, C, 256, 256)

    @property
    def operator(self) -> str:
        return self.metadata.network.upsample["name"]

    def test_images(self) -> list[np.ndarray]:
        return list(spread_images(self.splits["test"], CHECKED))


def open_checkpoint(path: str) -> Checkpoint:
    network, metadata = read_checkpoint(Path(path))
    data_hash = metadata.environment.get("data_hash")
    splits = load_run_data(metadata.config, data_hash).dataset.splits
    image = batches(list(spread_images(splits["test"], CHECKED)), 1, 256, 256)[0]
    return Checkpoint(network, metadata, splits, image)


def open_export(checkpoint: Checkpoint, format: str, precision: str, directory: Path) -> Runtime:
    """Exports a checkpoint, which gives logits, into a directory, and opens it."""
    path = directory / f"{precision}{EXPORTS[format]}"
    metadata = checkpoint.metadata.model_copy(update={"precision": precision})
    calibration = spread_images(checkpoint.splits["train"], CALIBRATION)
    write_export(fold_for(checkpoint.network, format), metadata, format, path, calibration)
    return open_runtime(path)


def predictions(network: UNet, image: np.ndarray) -> dict[str, Callable[[], Any]]:
    """By runtime, a function that predicts an image with a network as it is."""
    content = onnx_model(network).SerializeToString()
    inputs = {"image": image}
    return {
        "PyTorch": partial(network, torch.from_numpy(image)),
        "ONNX Runtime": partial(make_session(content).run, None, inputs),
        "OpenVINO": partial(make_request(content).infer, inputs),
    }


def print_forms(paths: Sequence[str]) -> None:
    """Milliseconds of every network as it is and folded, in every runtime."""
    functions = {}
    for path in paths:
        checkpoint = open_checkpoint(path)
        # The operator takes the same form everywhere, to compare the runtimes.
        forms = {"trained": checkpoint.network, "folded": fold(checkpoint.network)}
        for form, network in forms.items():
            for runtime, function in predictions(network, checkpoint.image).items():
                functions[checkpoint.operator, runtime, form] = function
    with torch.inference_mode():
        times = interleaved_median(functions)
    for (operator, runtime, form), milliseconds in times.items():
        print(f"{operator:18} {runtime:13} {form:8} {milliseconds:7.1f} ms")


def print_speed(paths: Sequence[str]) -> None:
    """Milliseconds of every export of each network, and of PyTorch as a checkpoint gives it."""
    for path in paths:
        checkpoint = open_checkpoint(path)
        network, image = checkpoint.network, checkpoint.image
        folded = PyTorch(network, checkpoint.metadata, "cpu")
        functions = {
            ("PyTorch", "float32"): partial(network, torch.from_numpy(image)),
            ("PyTorch, as predict runs", "float32"): partial(folded.run, image),
        }
        with TemporaryDirectory() as directory, torch.inference_mode():
            for format, precision in EXPORT_OPTIONS:
                runtime = open_export(checkpoint, format, precision, Path(directory))
                functions[runtime.name, precision] = partial(runtime.run, image)
            times = interleaved_median(functions)
        eager = times["PyTorch", "float32"]
        print(f"{path}, {torch.get_num_threads()} threads")
        for (name, precision), median in times.items():
            ratio = f"{eager / median:4.1f} times as fast as PyTorch"
            print(f"  {name:24} {precision:9} {median:7.1f} ms   {ratio}")


def print_parity(paths: Sequence[str]) -> None:
    """How every export agrees with its checkpoint, at unetlite.inference.agreement.SIZES."""
    for path in paths:
        checkpoint = open_checkpoint(path)
        images = checkpoint.test_images()
        with TemporaryDirectory() as directory:
            for format, precision in EXPORT_OPTIONS:
                runtime = open_export(checkpoint, format, precision, Path(directory))
                agreement = measure_agreement(runtime, checkpoint.network, images)
                print(
                    f"{checkpoint.operator:18} {runtime.name:13} {precision:9} largest difference "
                    f"{agreement.difference:.1e}; equal classes {agreement.classes:.4%}"
                )


if __name__ == "__main__":
    tables = {"forms": print_forms, "speed": print_speed, "parity": print_parity}
    if len(sys.argv) < 3 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    tables[sys.argv[1]](sys.argv[2:])
