"""`unetlite export`: a checkpoint in, one checked file or folder out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from unetlite.data.image_files import find_inputs
from unetlite.errors import UsageError, require_extra
from unetlite.files import atomic_path, shell_path
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import as_pixels
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.runtimes.base import EXPORTS, Runtime
from unetlite.run_directory import RunFiles
from unetlite.terminal import load_libraries, progress
from unetlite.threads import num_threads
from unetlite.timing import describe_load

if TYPE_CHECKING:
    from unetlite.data.cache import Split
    from unetlite.inference.agreement import Agreement
    from unetlite.network.unet import UNet

    Splits = Mapping[str, Split]

CHECKED, CALIBRATION = 6, 64  # images to compare the outputs of, and to find the ranges of int8
OUTPUTS = ("logits", "probabilities", "classes")
PRECISIONS = ("float32", "bfloat16")


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint, or the run directory that holds it.")
    ],
    format: Annotated[str, typer.Option(help="onnx, openvino or safetensors.")] = "onnx",
    to: Annotated[
        Path | None, typer.Option(help="What to write; beside the checkpoint by default.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="logits, probabilities (default) or classes.")
    ] = None,
    fold: Annotated[
        bool, typer.Option(help="Rewrite the network into an equal one that computes less.")
    ] = True,
    precision: Annotated[str, typer.Option(help="float32, or for openvino bfloat16.")] = "float32",
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit integers, calibrated on training images.")
    ] = False,
    input: Annotated[
        str | None, typer.Option(help="float32, for readers without other types; else the files'.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH, for readers without free sizes.")
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(help="Files to check with, else test images; for --int8, the data set."),
    ] = None,
) -> None:
    """A checkpoint for other runtimes: raw pixels of any size in, classes out. Checked first."""
    if output is None:
        output = "logits" if format == "safetensors" else "probabilities"
    validate_options(format, output, precision, int8)
    chosen = {
        "output": output,
        "precision": "int8" if int8 else precision,
        "input_type": input,
        "input_size": parse_input(format, input, size),
    }
    if checkpoint.is_dir():
        checkpoint = RunFiles(checkpoint).test_checkpoint
    load_libraries("torch")
    export_checkpoint(checkpoint, format, to, chosen, fold, images or [])


def export_checkpoint(
    checkpoint: Path,
    format: str,
    to: Path | None,
    chosen: Mapping[str, Any],
    fold: bool,
    inputs: list[str],
) -> None:
    """Writes an export, checked before it is kept, and prints how it agrees.

    `chosen` are fields of its metadata.
    """
    from unetlite.inference.export import fold_for
    from unetlite.inference.runtimes.pytorch import read_checkpoint

    network, metadata = read_checkpoint(checkpoint)
    metadata = metadata.model_copy(update=chosen)
    destination = choose_destination(checkpoint, to, format, metadata.precision)
    splits = find_splits(metadata, inputs, metadata.precision == "int8")
    test_images = read_images(
        splits.get("test"),
        inputs,
        metadata,
        CHECKED,
    )
    checked = list(test_images)  # a file may be unreadable
    calibration = read_images(
        splits.get("train"),
        inputs,
        metadata,
        CALIBRATION,
    )
    folded = fold_for(network, format) if fold else network
    with atomic_path(destination) as partial:
        runtime = write_network(folded, metadata, format, partial, calibration)
        measured = measure_export(runtime, network, checked, splits)
    print_report(destination, runtime, measured)


def validate_options(
    format: str,
    output: str,
    precision: str,
    int8: bool,
) -> None:
    """Raises UsageError for options that are unknown or do not go together."""
    if format not in EXPORTS:
        raise UsageError(f"--format {format}: choose one of {', '.join(EXPORTS)}.")
    if output not in OUTPUTS:
        raise UsageError(f"--output {output}: choose one of {', '.join(OUTPUTS)}.")
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision}: choose one of {', '.join(PRECISIONS)}.")
    if int8 and precision == "bfloat16":
        raise UsageError("--int8 --precision bfloat16: choose one of them.")
    if precision == "bfloat16" and format != "openvino":
        raise UsageError("--precision bfloat16 is for --format openvino, which gains by it.")
    if format == "safetensors" and int8:
        raise UsageError("--int8 is for --format onnx and openvino.")
    if format == "safetensors" and output != "logits":
        raise UsageError("--format safetensors holds the network itself, which gives logits.")


def parse_input(format: str, type: str | None, size: str | None) -> tuple[int, int] | None:
    """Height and width of --size. Raises UsageError for what an export cannot take."""
    if type not in (None, "float32"):
        raise UsageError(f"--input {type}: expected float32, or nothing for the type of the files.")
    if format == "safetensors" and (type or size):
        raise UsageError("--input and --size are for --format onnx and openvino.")
    if size is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", size)
    if match is None:
        raise UsageError(f"--size {size}: expected HEIGHTxWIDTH in pixels, such as 256x320.")
    return int(match[1]), int(match[2])


def choose_destination(
    checkpoint: Path,
    to: Path | None,
    format: str,
    precision: str,
) -> Path:
    """What to write. Raises UsageError if it exists, or has another suffix than the format."""
    suffix = EXPORTS[format]
    if to is None:
        name = suffix if precision == "float32" else f".{precision}{suffix}"
        to = checkpoint.with_suffix(name)
    may_lack_suffix = format != "onnx"  # it is a folder
    if to.suffix != suffix and not (may_lack_suffix and to.suffix == ""):
        raise UsageError(f"--to {to}: a name for --format {format} ends in {suffix}.")
    if to.exists():
        raise UsageError(f"{to} exists; delete it, or choose another name by --to.")
    return to


def find_splits(metadata: Metadata, inputs: list[str], int8: bool) -> "Splits":
    """The data of the run: in the folder that is given with --int8, else where the run read them.

    Empty if files are given: they are enough to check with and, where the data are missing, to
    calibrate on. Raises UsageError if data are needed, and missing or changed.
    """
    from unetlite.data.provenance import load_run_data

    if inputs and not int8:
        return {}
    folder = None
    if len(inputs) == 1 and Path(inputs[0]).is_dir():
        folder = Path(inputs[0])
    data_hash = metadata.environment.get("data_hash")
    try:
        splits = load_run_data(metadata.config, data_hash, folder).dataset.splits
    except UsageError as error:
        if folder is not None:
            raise UsageError(f"{error} To calibrate on other images, name the files.") from None
        if not inputs:
            raise
        print(f"warning: calibrated on the images that were given, and not scored: {error}")
        return {}
    if data_hash is None:
        print("warning: the run does not record its data; these may be others")
    return splits


def read_images(
    split: "Split | None",
    inputs: list[str],
    metadata: Metadata,
    count: int,
) -> Iterator[np.ndarray]:
    """So many images (C, H, W) of a split, or of files. Raises UsageError for one unreadable."""
    from unetlite.inference.agreement import spread_images

    if split is not None:
        yield from spread_images(split, count)
        return
    for file in islice(find_inputs(inputs).values(), count):
        yield as_pixels(file, metadata).values


def write_network(
    network: "UNet",
    metadata: Metadata,
    format: str,
    path: Path,
    images: Iterable[np.ndarray],
) -> Runtime:
    """Writes an export and opens it. 8-bit integers are calibrated on the images."""
    from unetlite.inference import export

    with progress(f"exporting to {format}"), require_extra("export"):
        export.write_export(network, metadata, format, path, images)
    return open_runtime(path, kind=EXPORTS[format], device="cpu")


def measure_export(
    runtime: Runtime,
    network: "UNet",
    images: list[np.ndarray],
    splits: "Splits",
) -> list[str]:
    """Lines on the agreement of an export with its network, and on its gain.

    Raises UsageError if they do not agree.
    """
    from unetlite.inference import agreement

    metadata = runtime.metadata
    with progress("comparing with the checkpoint") as update:
        measured = agreement.measure_agreement(runtime, network, images)
        agreement.check_agreement(measured, metadata)
        lines = agreement_lines(measured, metadata)
        if metadata.precision == "int8" and splits:
            update("scoring test images")
            before, after = agreement.measure_scores(runtime, network, splits["test"])
            lines.append(
                f"mean IoU            {after:.5f} on the {len(splits['test'])} test images, "
                f"{after - before:+.5f} against the checkpoint's {before:.5f} in float32"
            )
        update("measuring")
        pytorch, exported = agreement.measure_latencies(runtime, network, images)
    _, height, width = agreement.checked_sizes(metadata)[0]
    lines.append(
        f"latency             {exported:.1f} ms for {height} x {width} pixels with {num_threads()} "
        f"threads, {pytorch / exported:.1f} times as fast as the checkpoint in "
        f"PyTorch ({pytorch:.1f} ms), measured in turn"
    )
    load = describe_load()
    if load is not None:
        lines.append(f"warning: {load}")
    return lines


def print_report(destination: Path, runtime: Runtime, measured: Iterable[str]) -> None:
    """Prints the size of an export, and what `measure_export` gave."""
    metadata = runtime.metadata
    print(f"{destination}  ({runtime.name}, {metadata.precision}, {metadata.output})")
    print(f"size                {file_size(destination) / 1e6:.1f} MB")
    for line in measured:
        print(line)
    print(f"use it              unetlite predict {shell_path(destination)} IMAGES --output DIR")


def agreement_lines(agreement: "Agreement", metadata: Metadata) -> list[str]:
    """The largest difference, and where it was measured."""
    from unetlite.inference.agreement import checked_sizes

    output = metadata.output
    sizes = []
    for batch, height, width in checked_sizes(metadata):
        together = f" ({batch} at once)" if batch > 1 else ""
        sizes.append(f"{height} x {width}{together}")
    difference = f"{agreement.difference:.1e}, of"
    if output == "classes":
        difference = f"{agreement.difference:.3%} of"
    return [
        f"largest difference  {difference} {output}",
        f"equal classes       at {agreement.classes:.3%} of the pixels, "
        f"in images of {', '.join(sizes)}",
    ]


def file_size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    files = [path, *path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())
