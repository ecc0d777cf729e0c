"""`unetlite predict`: a model and files in; masks, overlays and a table out."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from rich import get_console
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor

from unetlite.data.images import read_image
from unetlite.errors import UsageError
from unetlite.metrics.overlap import count_classes, iou_and_dice, summarise
from unetlite.predict.inputs import Input, find_inputs
from unetlite.predict.model import ArrayPicture, Model, Picture, load
from unetlite.predict.outputs import Outputs
from unetlite.predict.tiff import TiffPicture, is_large
from unetlite.predict.truth import Truth
from unetlite.run import cell

SOME_FAILED = 1
"""The exit code if some files could not be read."""


def predict(
    model_path: Path,
    inputs: Sequence[str],
    output: Path,
    *,
    overlays: bool,
    probabilities: bool,
    flips: bool,
    truth: Path | None,
    tile: int,
    overlap: int | None,
) -> int:
    """Predicts every file, and prints what came of it.

    Returns:
        The exit code: 0, or SOME_FAILED.

    Raises:
        UsageError: about the arguments, before anything is written.
    """
    files = find_inputs(inputs)
    if output.is_dir() and any(output.iterdir()):
        raise UsageError(f"--output {output} is not empty; nothing is overwritten, choose another folder.")
    for folder in map(Path, inputs):
        if folder.is_dir() and output.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"--output {output} lies inside {folder}, which is read; choose another folder.")
    model = load(model_path, tile=tile, overlap=overlap)
    if probabilities and model.card.output == "classes":
        raise UsageError(f"--probabilities: {model_path} was exported with --output classes and gives none.")
    masks = None if truth is None else Truth(truth, model.card)
    if masks is not None and not any(masks.find(file.name) for file in files):
        raise UsageError(f"--truth {truth} has no mask for any of the images; a mask has the name of its image.")

    try:
        output.mkdir(parents=True, exist_ok=True)
        table_file = (output / "predictions.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"--output {output} cannot be written ({error.strerror}); choose another folder.") from None
    scored: list[Tensor] = []  # counts (K, 3) of every image that has a mask
    areas = np.zeros(len(model.classes), np.int64)
    failures: dict[str, str] = {}
    tiled = False
    console = get_console()
    started = time.monotonic()
    with table_file as opened, Progress(console=console) as progress:
        table = csv.writer(opened)
        header = columns(model.classes, scored=masks is not None)
        table.writerow(header)
        task = progress.add_task("predicting", total=len(files))
        for number, file in enumerate(files, 1):
            try:
                picture = open_picture(file.path, model)
                tiled = tiled or max(picture.height, picture.width) > model.tiling.size
                counts, row = predict_file(
                    model, file, picture, output, masks, scored, overlays=overlays, probabilities=probabilities,
                    flips=flips, advance=lambda share: progress.advance(task, share),
                )  # fmt: skip
                areas += counts
            except (UsageError, OSError, MemoryError) as error:  # such as a disk that is full
                failures[file.name] = str(error) if str(file.path) in str(error) else f"{file.path}: {error}"
                row = [file.name, failures[file.name]]
            table.writerow(row + [""] * (len(header) - len(row)))
            opened.flush()  # what is done stays known, whatever happens to the rest
            progress.update(task, completed=number)
    report(console, model, len(files), areas, scored, failures, output, time.monotonic() - started, tiled=tiled)
    return SOME_FAILED if failures else 0


def columns(classes: Sequence[str], *, scored: bool) -> list[str]:
    """Of predictions.csv: the pixels of each class and their share of the image, and IoU if there is a truth."""
    names = ["image", "error", "height", "width", "seconds"]
    names += [f"pixels/{name}" for name in classes] + [f"share/{name}" for name in classes]
    return names + (["miou", *(f"iou/{name}" for name in classes)] if scored else [])


def predict_file(
    model: Model,
    file: Input,
    picture: Picture,
    output: Path,
    masks: Truth | None,
    scored: list[Tensor],
    *,
    overlays: bool,
    probabilities: bool,
    flips: bool,
    advance: Callable[[float], object],
) -> tuple[np.ndarray, list[str]]:
    """Writes the files of one image.

    Returns:
        Pixels of each class, and the row of predictions.csv.

    Raises:
        UsageError: the file or its mask cannot be read; nothing is left of it.
    """
    started = time.monotonic()
    mask = None if masks is None else masks.find(file.name)
    true_rows = None if masks is None or mask is None else masks.rows(mask, picture.height, picture.width)
    areas = np.zeros(len(model.classes), np.int64)
    counts = torch.zeros(len(model.classes), 3, dtype=torch.long)
    kept = np.float16 if probabilities else None
    with Outputs(output, file.name, picture, model.colours, overlays=overlays, probabilities=probabilities) as outputs:
        for band in model.bands(picture, probabilities=kept, flips=flips):
            outputs.write(band)
            areas += np.bincount(band.classes.ravel(), minlength=len(areas))
            if true_rows is not None:
                true = true_rows(band.top, band.top + len(band.classes))
                counts += count_classes(torch.from_numpy(band.classes), torch.from_numpy(true), len(areas))
            advance(len(band.classes) / picture.height)
    row: list[str | float] = [file.name, "", picture.height, picture.width, time.monotonic() - started]
    row += [*areas.tolist(), *(areas / areas.sum()).tolist()]
    if true_rows is not None:
        scored.append(counts)
        iou, _ = iou_and_dice(counts)
        row += [float(iou.nanmean()), *iou.tolist()]
    return areas, [cell(value) for value in row]


def open_picture(path: Path, model: Model) -> Picture:
    """A large TIFF file by rows, any other as a whole."""
    channels, value_range = model.card.network.in_channels, model.card.value_range
    if is_large(path):
        if model.card.resize is not None:
            raise UsageError(
                f"{path} is too large for a network that was trained with data.resize; scale it down first."
            )
        return TiffPicture(path, channels, value_range)
    return ArrayPicture(read_image(path, channels, value_range))


def report(
    console: Console,
    model: Model,
    total: int,
    areas: np.ndarray,
    scored: Sequence[Tensor],
    failures: dict[str, str],
    output: Path,
    seconds: float,
    *,
    tiled: bool,
) -> None:
    """Areas, scores if there are, and the files that failed, each with its reason."""
    table = Table(
        "class" if total == 1 else f"class, {total - len(failures)} images",
        "area",
        *(["IoU", "Dice"] if scored else []),
    )
    values = summarise(torch.stack(list(scored)), model.classes) if scored else {}
    for name, area in zip(model.classes, areas / max(1, areas.sum()), strict=True):
        table.add_row(name, f"{area:.2%}", *(f"{values[f'{kind}/{name}']:.4f}" for kind in ("iou", "dice") if scored))
    if scored:
        table.add_section()
        table.add_row("mean over classes", "", f"{values['miou']:.4f}", f"{values['dice']:.4f}")
        table.add_row("mean over images", "", f"{values['miou_per_image']:.4f}", f"{values['dice_per_image']:.4f}")
    if len(failures) < total:
        console.print(table)
    done = total - len(failures)
    lines = [f"{done} of {total} images in {seconds:.1f} s with {model.runtime.name}   {output}/predictions.csv"]
    if scored:
        lines.append(f"{len(scored)} of them have a mask and were scored")
    if tiled and model.card.reads_anywhere:
        lines.append(f"tiles are approximate here: {model.card.reads_anywhere}; a larger --tile comes closer")
    if failures:
        lines += [f"{len(failures)} not predicted:", *(f"  {reason}" for reason in failures.values())]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
