"""`unetlite export`: a checkpoint in, one checked artefact out."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich import get_console

from unetlite.bench import in_turn
from unetlite.card import OUTPUTS, Card, checkpoint_card
from unetlite.checkpoint import build_network, load_checkpoint
from unetlite.data.module import SegmentationData, data_of_run
from unetlite.errors import UsageError
from unetlite.export.check import SIZES, agreement, batches, demand, mean_iou
from unetlite.export.formats import FOLDS_NEAREST, WRITERS, onnx_to_openvino, set_card
from unetlite.export.quantise import quantise
from unetlite.fold import Rewrite, fold
from unetlite.run import EXPORTS, RunFiles
from unetlite.runtimes import open_runtime
from unetlite.runtimes.pt2 import ExportedProgram
from unetlite.runtimes.pytorch import PyTorch, open_safetensors
from unetlite.runtimes.runtime import Runtime
from unetlite.unet import UNet, in_bfloat16

FOLDERS = ("openvino", "safetensors")
CHECKED_IMAGES, CALIBRATION_IMAGES = 6, 64
ROUNDS = 15  # of the measurement of latencies


def export(
    checkpoint: Path,
    *,
    format: str,
    to: Path | None,
    output: str | None,
    folded: bool,
    precision: str,
    int8: bool,
    images: Sequence[str],
) -> None:
    """Writes, checks, measures, keeps, and prints what came of it.

    Raises:
        UsageError: the options do not go together, the destination exists, a package or the images are missing, or the
            export does not give what the checkpoint gives. Nothing is left behind.
    """
    output, precision = choose(format, output, precision, int8)
    if checkpoint.is_dir():
        checkpoint = RunFiles(checkpoint).best
    content = load_checkpoint(checkpoint)
    network = build_network(content, checkpoint).eval().requires_grad_(False)
    card = replace(checkpoint_card(checkpoint, content, network), output=output, precision=precision)
    kind = "" if precision == "float32" else f".{precision}"
    destination = to or checkpoint.with_suffix(f"{kind}{EXPORTS[format]}")
    if destination.suffix != EXPORTS[format] and format not in FOLDERS:
        raise UsageError(f"--to {destination}: the name of a file of --format {format} ends in {EXPORTS[format]}")
    if destination.exists():
        raise UsageError(f"{destination} exists; delete it, or choose another name by --to.")
    data = None if images and not int8 else data_of_run(card.config)
    checked = given_images(images, card) if images else first_test_images(data)

    console = get_console()
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix="partial-", dir=destination.parent))
    except OSError as error:
        raise UsageError(f"{destination} cannot be written ({error.strerror}); choose another place by --to.") from None
    try:
        with console.status(f"exporting to {format}") as status:
            written, rewrites = write(network, card, format, folded, workplace, data)
            runtime = open_on_cpu(written, format)
            status.update("comparing with the checkpoint")
            found = agreement(runtime, network, checked)
            demand(found, runtime.card)
            lines = [f"largest difference  {difference_text(runtime, found.difference)}"]
            lines.append(f"equal classes       at {found.classes:.3%} of the pixels, in images of {sizes_text()}")
            if int8:
                status.update("scoring test images")
                lines.append(f"mean IoU            {score(network, card, runtime, data)}")
            status.update("measuring")
            lines.append(f"latency             {latency(network, runtime, checked)}")
        os.replace(written, destination)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    size = sum(file.stat().st_size for file in (*destination.rglob("*"), destination) if file.is_file())
    title = f"{destination}  ({runtime.name}, {card.precision}, {runtime.card.output})"
    lines.insert(0, f"size                {size / 1e6:.1f} MB")
    operators = [rewrite for rewrite in rewrites if "batch norm" not in rewrite.what]
    if rewrites:
        lines.append(f"folded              {len(rewrites) - len(operators)} batch norms, {len(operators)} operators")
    lines.append(f"use it              unetlite predict {destination} IMAGES --output DIR")
    console.print("\n".join([title, *lines]), highlight=False, markup=False, soft_wrap=True)


def choose(format: str, output: str | None, precision: str, int8: bool) -> tuple[str, str]:
    """The output and the precision, once they are found to go with the format."""
    if format not in WRITERS:
        raise UsageError(f"--format {format}: choose one of {', '.join(WRITERS)}.")
    if output not in (None, *OUTPUTS):
        raise UsageError(f"--output {output}: choose one of {', '.join(OUTPUTS)}.")
    if precision not in ("float32", "bfloat16"):
        raise UsageError(f"--precision {precision}: choose float32 or bfloat16.")
    if int8 and format not in ("onnx", "openvino"):
        raise UsageError(f"--int8 --format {format}: integers are for --format onnx and openvino.")
    if int8 and precision == "bfloat16":
        raise UsageError("--int8 --precision bfloat16: choose one of them.")
    if format == "safetensors" and (output not in (None, "logits") or precision != "float32"):
        raise UsageError("--format safetensors holds the network itself, which gives logits in float32.")
    default = "logits" if format == "safetensors" else "probabilities"
    return output or default, "int8" if int8 else precision


def write(
    network: UNet, card: Card, format: str, folded: bool, workplace: Path, data: SegmentationData | None
) -> tuple[Path, list[Rewrite]]:
    """The artefact in a folder of its own, and how the network was folded for it."""
    written = workplace / f"network{EXPORTS[format]}"
    if format in FOLDERS:
        written.mkdir()
    rewrites: list[Rewrite] = []
    if folded and format != "safetensors":  # which is for training on, too; it is folded when it is opened to predict
        network, rewrites = fold(network, nearest_3x3=format in FOLDS_NEAREST)
    if format == "torch-export" and card.precision == "bfloat16":
        network = in_bfloat16(network)
    try:
        if card.precision != "int8":
            WRITERS[format](network, card, written)
        else:
            assert data is not None
            write_int8(network, card, format, written, data)
    except ImportError as error:
        raise UsageError(f"--format {format} needs the package {error.name}: pip install {error.name}") from None
    return written, rewrites


def write_int8(network: UNet, card: Card, format: str, written: Path, data: SegmentationData) -> None:
    """A quantised artefact, calibrated on training images."""
    import onnx

    full, quantised = written.with_name("full.onnx"), written.with_name("quantised.onnx")
    WRITERS["onnx"](network, replace(card, precision="float32"), full)
    split = data.store.splits["train"]
    chosen = np.unique(np.linspace(0, len(split) - 1, CALIBRATION_IMAGES).astype(int)).tolist()
    quantise(full, (split[split.whole(k)][0].numpy() for k in chosen), quantised)
    if format == "openvino":
        onnx_to_openvino(quantised, card, written)
        return
    model = onnx.load(quantised)
    set_card(model, card)
    onnx.save(model, written)


def open_on_cpu(written: Path, format: str) -> Runtime:
    """What was just written, in its own runtime."""
    if format == "torch-export":
        return ExportedProgram(written)
    return open_safetensors(written, "cpu") if format == "safetensors" else open_runtime(written)


def first_test_images(data: SegmentationData | None) -> list[np.ndarray]:
    """The first images of the test split, uint8 (C, H, W)."""
    assert data is not None
    split = data.store.splits["test"]
    return [split[split.whole(k)][0].numpy() for k in range(min(CHECKED_IMAGES, len(split)))]


def given_images(inputs: Sequence[str], card: Card) -> list[np.ndarray]:
    """The first of the images that were named."""
    from unetlite.data.images import read_image
    from unetlite.predict.inputs import find_inputs

    found = find_inputs(inputs)[:CHECKED_IMAGES]
    return [read_image(item.path, card.network.in_channels, card.value_range) for item in found]


def score(network: UNet, card: Card, runtime: Runtime, data: SegmentationData | None) -> str:
    """The mean IoU of the test images before and after."""
    assert data is not None
    split = data.store.splits["test"]
    before, after = mean_iou(PyTorch(network, card), split), mean_iou(runtime, split)
    return f"{after:.5f} on the {len(split)} test images, {after - before:+.5f} against the checkpoint's {before:.5f}"


def latency(network: UNet, runtime: Runtime, images: Sequence[np.ndarray]) -> str:
    """Medians of the export and of PyTorch as trained, taken in turn."""
    (image, *_) = batches(images, 1, 256, 256)
    functions: dict[str, Callable[[], object]] = {
        "export": partial(runtime.run, image),
        "pytorch": partial(torch.inference_mode()(network), torch.from_numpy(image)),
    }
    measured = in_turn(functions, ROUNDS)
    low, middle, high = 1000 * np.percentile(measured["export"], (25, 50, 75))
    eager = 1000 * float(np.median(measured["pytorch"]))
    return (
        f"{middle:.1f} ms ({low:.1f} to {high:.1f}) for 256 x 256 pixels with {torch.get_num_threads()} threads, "
        f"{eager / middle:.1f} times as fast as the checkpoint in PyTorch ({eager:.1f} ms)"
    )


def difference_text(runtime: Runtime, difference: float) -> str:
    """The largest difference, with what it is of."""
    if runtime.card.output == "classes":
        return f"{difference:.3%} of the classes"
    return f"{difference:.1e}, of {runtime.card.output}"


def sizes_text() -> str:
    """SIZES in words."""
    return ", ".join(f"{height} x {width}" + f" ({batch} at once)" * (batch > 1) for batch, height, width in SIZES)
