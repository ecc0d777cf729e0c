"""What exports gain, and whether they agree, on real checkpoints.

python benchmarks/exports.py forms outputs/coast/*/seed0/best.ckpt     folded or not, by runtime: milliseconds
python benchmarks/exports.py speed outputs/coast/nearest/seed0/best.ckpt   every export against PyTorch
python benchmarks/exports.py parity outputs/coast/*/seed0/best.ckpt    largest difference, and equal classes

Times are medians, taken in turn in one process, for one test image of 256 x 256 pixels (tiles repeated to that size).
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from unetlite.bench import in_turn
from unetlite.card import checkpoint_card
from unetlite.checkpoint import build_network, load_checkpoint
from unetlite.compare.latency import WAYS, measure_latencies
from unetlite.data.module import data_of_run
from unetlite.export.check import agreement, batches
from unetlite.export.command import first_test_images, open_on_cpu, write
from unetlite.fold import fold
from unetlite.runtimes.pytorch import PyTorch

ROUNDS = 15
FORMATS = ("onnx", "openvino", "torch-export")


def open_checkpoint(path):
    """Network, card, data and test images of a checkpoint."""
    content = load_checkpoint(path)
    network = build_network(content, path).eval().requires_grad_(False)
    card = replace(checkpoint_card(path, content, network), output="logits")
    data = data_of_run(card.config)
    return network, card, data, first_test_images(data)


def forms(paths):
    """Milliseconds of every network as it is and folded, in every runtime."""
    networks, folded, images = {}, {}, {}
    for path in paths:
        network, card, _, pixels = open_checkpoint(path)
        name = card.config["upsample"]["name"]
        networks[name], folded[name] = network, fold(network).network
        images[name] = torch.from_numpy(batches(pixels, 1, 256, 256)[0])
    found, missing = measure_latencies(networks, folded, images, ROUNDS, lambda text: None)
    print("ms".ljust(18), *(text.rjust(22) for text in WAYS.values()))
    for name in networks:
        print(name.ljust(18), *(f"{found[name, way].median:22.1f}" for way in WAYS if (name, way) in found))
    print(*missing, sep="\n")


def speed(paths):
    """Milliseconds of every export of each network, and of PyTorch as a checkpoint gives it."""
    for path in paths:
        network, card, data, pixels = open_checkpoint(path)
        image = batches(pixels, 1, 256, 256)[0]
        functions = {
            ("PyTorch", "float32"): partial(network, torch.from_numpy(image)),
            ("PyTorch, as predict runs", "float32"): partial(PyTorch(network, card, "cpu").run, image),
        }
        with TemporaryDirectory() as directory, torch.inference_mode():
            for format in FORMATS:
                for precision in ("float32", "bfloat16", *(("int8",) if format != "torch-export" else ())):
                    runtime = exported(network, replace(card, precision=precision), format, Path(directory), data)
                    functions[runtime.name, precision] = partial(runtime.run, image)
            seconds = {key: float(np.median(values)) for key, values in in_turn(functions, ROUNDS).items()}
        eager = seconds["PyTorch", "float32"]
        print(f"{path}, {torch.get_num_threads()} threads")
        for (name, precision), value in seconds.items():
            print(f"  {name:24} {precision:9} {1000 * value:7.1f} ms   {eager / value:4.1f} times as fast as PyTorch")


def parity(paths):
    """The agreement of every export with its checkpoint, at the sizes of unetlite.export.check and at 1 x 1."""
    for path in paths:
        network, card, data, pixels = open_checkpoint(path)
        with TemporaryDirectory() as directory:
            for format in FORMATS:
                for precision in ("float32", "bfloat16"):
                    runtime = exported(network, replace(card, precision=precision), format, Path(directory), data)
                    found = agreement(runtime, network, pixels)
                    alone = agreement(runtime, network, pixels, sizes=((1, 1, 1),))
                    print(
                        f"{card.config['upsample']['name']:18} {runtime.name:13} {precision:9} largest difference "
                        f"{found.difference:.1e}, at 1 x 1 {alone.difference:.1e}; equal classes {found.classes:.4%}"
                    )


def exported(network, card, format, directory, data):
    """A runtime with an export in it."""
    place = directory / f"{format}-{card.precision}-{len(list(directory.iterdir()))}"
    place.mkdir()
    written, _ = write(network, card, format, True, place, data)
    return open_on_cpu(written, format)


if __name__ == "__main__":
    tables = {"forms": forms, "speed": speed, "parity": parity}
    if len(sys.argv) < 3 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    tables[sys.argv[1]]([Path(path) for path in sys.argv[2:]])
