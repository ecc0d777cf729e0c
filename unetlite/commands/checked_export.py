"""An export: written, compared with its checkpoint, and kept only if they agree."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.cache import Split
from unetlite.data.image_files import find_inputs
from unetlite.data.provenance import load_run_data
from unetlite.errors import UsageError, require_extra
from unetlite.files import atomic_path, shell_path
from unetlite.inference.agreement import (
    Agreement,
    check_agreement,
    checked_sizes,
    measure_agreement,
    measure_latencies,
    measure_scores,
    spread_images,
)
from unetlite.inference.export import fold_for, write_export
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import as_pixels
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.runtimes.base import EXPORTS, Runtime
from unetlite.inference.runtimes.pytorch import read_checkpoint
from unetlite.network.unet import UNet
from unetlite.terminal import progress
from unetlite.threads import num_threads
from unetlite.timing import describe_load

Splits = Mapping[str, Split]

CHECKED, CALIBRATION = 6, 64  # images to compare the outputs of, and to find the ranges of int8


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


def find_splits(metadata: Metadata, inputs: list[str], int8: bool) -> Splits:
    """The data of the run: in the folder that is given with --int8, else where the run read them.

    Empty if files are given: they are enough to check with and, where the data are missing, to
    calibrate on. Raises UsageError if data are needed, and missing or changed.
    """
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
    split: Split | None,
    inputs: list[str],
    metadata: Metadata,
    count: int,
) -> Iterator[np.ndarray]:
    """So many images (C, H, W) of a split, or of files. Raises UsageError for one unreadable."""
    if split is not None:
        yield from spread_images(split, count)
        return
    for file in islice(find_inputs(inputs).values(), count):
        yield as_pixels(file, metadata).values


def write_network(
    network: UNet,
    metadata: Metadata,
    format: str,
    path: Path,
    images: Iterable[np.ndarray],
) -> Runtime:
    """Writes an export and opens it. 8-bit integers are calibrated on the images."""
    with progress(f"exporting to {format}"), require_extra("export"):
        write_export(network, metadata, format, path, images)
    return open_runtime(path, kind=EXPORTS[format], device="cpu")


def measure_export(
    runtime: Runtime,
    network: UNet,
    images: list[np.ndarray],
    splits: Splits,
) -> list[str]:
    """Lines on the agreement of an export with its network, and on its gain.

    Raises UsageError if they do not agree.
    """
    metadata = runtime.metadata
    with progress("comparing with the checkpoint") as update:
        measured = measure_agreement(runtime, network, images)
        check_agreement(measured, metadata)
        lines = agreement_lines(measured, metadata)
        if metadata.precision == "int8" and splits:
            update("scoring test images")
            before, after = measure_scores(runtime, network, splits["test"])
            lines.append(
                f"mean IoU            {after:.5f} on the {len(splits['test'])} test images, "
                f"{after - before:+.5f} against the checkpoint's {before:.5f} in float32"
            )
        update("measuring")
        pytorch, exported = measure_latencies(runtime, network, images)
    _, height, width = checked_sizes(metadata)[0]
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


def agreement_lines(agreement: Agreement, metadata: Metadata) -> list[str]:
    """The largest difference, and where it was measured."""
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
