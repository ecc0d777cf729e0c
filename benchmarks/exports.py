"""What exports gain, and whether they agree, on real checkpoints.

python benchmarks/exports.py forms outputs/coast/*/seed0/best.ckpt     folded or not, by runtime: milliseconds
python benchmarks/exports.py speed outputs/coast/nearest/seed0/best.ckpt   every export against PyTorch
python benchmarks/exports.py parity outputs/coast/*/seed0/best.ckpt    largest difference, and equal classes

Times are medians, taken in turn in one process, for one test image of 256 x 256 pixels (tiles repeated to that size).
"""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from unetlite.commands.export import CALIBRATION, CHECKED
from unetlite.data.batches import data_of_run
from unetlite.inference.export import agreement, batches, onnx_model, some_images, write
from unetlite.inference.pytorch import PyTorch, read_checkpoint
from unetlite.inference.runtimes import EXPORTS, make_request, make_session, open_runtime
from unetlite.network.folding import fold
from unetlite.timing import in_turn

WAYS = [("onnx", "float32"), ("onnx", "int8"), ("openvino", "float32"), ("openvino", "bfloat16"), ("openvino", "int8")]


def open_checkpoint(path):
    """Network, metadata, the splits of the data, and one image (1, C, 256, 256)."""
    network, metadata = read_checkpoint(Path(path))
    splits = data_of_run(metadata.config).store.splits
    return network, metadata, splits, batches(list(some_images(splits["test"], CHECKED)), 1, 256, 256)[0]


def forms(paths):
    """Milliseconds of every network as it is and folded, in every runtime."""
    functions = {}
    for path in paths:
        network, metadata, _, image = open_checkpoint(path)
        for form, made in (("trained", network), ("folded", fold(network))):
            content = onnx_model(made).SerializeToString()
            runs = {
                "PyTorch": partial(made, torch.from_numpy(image)),
                "ONNX Runtime": partial(make_session(content).run, None, {"image": image}),
                "OpenVINO": partial(make_request(content).infer, {"image": image}),
            }
            functions |= {(metadata.network.upsample["name"], name, form): run for name, run in runs.items()}
    with torch.inference_mode():
        found = in_turn(functions)
    for (operator, name, form), milliseconds in found.items():
        print(f"{operator:18} {name:13} {form:8} {milliseconds:7.1f} ms")


def speed(paths):
    """Milliseconds of every export of each network, and of PyTorch as a checkpoint gives it."""
    for path in paths:
        network, metadata, splits, image = open_checkpoint(path)
        functions = {
            ("PyTorch", "float32"): partial(network, torch.from_numpy(image)),
            ("PyTorch, as predict runs", "float32"): partial(PyTorch(network, metadata, "cpu").run, image),
        }
        with TemporaryDirectory() as directory, torch.inference_mode():
            for format, precision in WAYS:
                runtime = exported(network, metadata, format, precision, Path(directory), splits)
                functions[runtime.name, precision] = partial(runtime.run, image)
            found = in_turn(functions)
        eager = found["PyTorch", "float32"]
        print(f"{path}, {torch.get_num_threads()} threads")
        for (name, precision), median in found.items():
            print(f"  {name:24} {precision:9} {median:7.1f} ms   {eager / median:4.1f} times as fast as PyTorch")


def parity(paths):
    """The agreement of every export with its checkpoint, at the sizes of unetlite.inference.export."""
    for path in paths:
        network, metadata, splits, _ = open_checkpoint(path)
        with TemporaryDirectory() as directory:
            for format, precision in WAYS:
                runtime = exported(network, metadata, format, precision, Path(directory), splits)
                found = agreement(runtime, network, list(some_images(splits["test"], CHECKED)))
                print(
                    f"{metadata.network.upsample['name']:18} {runtime.name:13} {precision:9} largest difference "
                    f"{found.difference:.1e}; equal classes {found.classes:.4%}"
                )


def exported(network, metadata, format, precision, directory, splits):
    """A runtime with an export in it, which gives logits."""
    path = directory / f"{precision}{EXPORTS[format]}"
    folded = fold(network, nearest_3x3=format == "openvino")
    images = some_images(splits["train"], CALIBRATION)
    write(folded, metadata.model_copy(update={"precision": precision}), format, path, images)
    return open_runtime(path)


if __name__ == "__main__":
    tables = {"forms": forms, "speed": speed, "parity": parity}
    if len(sys.argv) < 3 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    tables[sys.argv[1]](sys.argv[2:])
