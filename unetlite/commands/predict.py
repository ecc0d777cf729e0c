"""`unetlite predict`: a model and files in; masks, overlays and a table out."""

import time
from collections.abc import Iterable, Sequence
from io import FileIO
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich import get_console
from rich.table import Table

from unetlite.data.image_files import find_inputs, list_images
from unetlite.data.layouts.base import Naming
from unetlite.data.layouts.names import match_some_masks
from unetlite.errors import UsageError
from unetlite.exit_codes import FAILED
from unetlite.inference.batch import FilePredictor, FileResult, PredictionTable, predict_files
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Model, load
from unetlite.terminal import progress
from unetlite.wording import counted


def predict(
    model: Annotated[
        Path,
        typer.Argument(help="A checkpoint, an export, or a trained one such as demo:transpose."),
    ],
    inputs: Annotated[
        list[str], typer.Argument(help="Image files, folders, or patterns such as 'images/*.png'.")
    ],
    output: Annotated[Path, typer.Option(help="A new folder: masks/, overlays/, predictions.csv.")],
    overlays: Annotated[bool, typer.Option(help="Images tinted by class.")] = True,
    flips: Annotated[
        bool, typer.Option("--flips", help="Average over mirror images, four times the work.")
    ] = False,
    truth: Annotated[
        Path | None, typer.Option(help="A folder of masks with the images' names; adds scores.")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Pixels; larger images are cut into tiles. 1536 or more.")
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help="Pixels around a tile that are predicted with it. All that matter."),
    ] = None,
) -> None:
    """Masks, overlays and areas for image files of any size. Exit code 1 if some are unreadable.

    The mask of a GeoTIFF is a GeoTIFF with its georeference; other masks are PNG, of huge TIFFs
    TIFF. Pixels without data are 255, and enter neither areas nor scores.
    """
    files = find_inputs(inputs)
    check_output(output, inputs)
    network = load(model, tile=tile, overlap=overlap)
    masks = {}
    if truth is not None:
        masks = find_masks(truth, network.metadata, files)
    predict_file = FilePredictor(network, output, masks, overlays, flips)
    with create_table(output) as file, progress("predicting") as update:
        start = time.monotonic()
        table = PredictionTable(file, network.classes, scored=bool(masks))
        results = predict_files(predict_file, files, table, update)
        seconds = time.monotonic() - start
    failures = [result.error for result in results if result.error]
    done = [result for result in results if not result.error]
    if done:
        print_table(network.classes, done)
    print(
        f"{len(done)} of {len(files)} images in {seconds:.1f} s "
        f"with {network.runtime.name}   {output}/predictions.csv"
    )
    print_remarks(network, done)
    if failures:
        print(f"{len(failures)} not predicted:", *failures, sep="\n  ")
        raise typer.Exit(FAILED)


def check_output(output: Path, inputs: Iterable[str]) -> None:
    """Raises UsageError if the output folder is not empty, or lies inside an input."""
    if output.is_dir() and any(output.iterdir()):
        raise UsageError(
            f"--output {output} is not empty; nothing is overwritten, choose another folder."
        )
    for text in inputs:
        folder = Path(text)
        if folder.is_dir() and output.resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"--output {output} lies inside {folder}, which is read; choose another folder."
            )


def create_table(output: Path) -> FileIO:
    """A new predictions.csv in the output folder. Raises UsageError if it cannot be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        return (output / "predictions.csv").open("wb", buffering=0)
    except OSError as error:
        raise UsageError(
            f"--output {output} cannot be written ({error.strerror}); choose another folder."
        ) from None


def find_masks(truth: Path, metadata: Metadata, images: dict[str, Path]) -> dict[str, Path]:
    """The masks by the names of the images that have one. Raises UsageError if none has."""
    if not truth.is_dir():
        raise UsageError(f"--truth {truth}: there is no such folder.")
    options = metadata.config["data"]
    naming = Naming(options.get("image_name"), options.get("mask_name"))
    files = list_images(truth)
    masks = match_some_masks(images, files, naming) or match_some_masks(images, files, Naming())
    if not masks:
        raise UsageError(
            f"--truth {truth} has no mask for any of the images; a mask has the name of its image."
        )
    return masks


def print_table(classes: Sequence[str], results: Sequence[FileResult]) -> None:
    """Prints the share of each class, and its scores if some images have a mask."""
    pixels = np.sum([result.pixels for result in results], axis=0)
    areas = pixels / max(pixels.sum(), 1)
    table = Table("class" if len(results) == 1 else f"class, {len(results)} images", "area")
    counts = [result.counts for result in results if result.counts is not None]
    scores = {}
    if counts:
        import torch

        from unetlite.metrics.overlap import summarise

        table.add_column("IoU")
        table.add_column("Dice")
        scores = summarise(torch.from_numpy(np.stack(counts)), classes)

    def add_row(name: str, area: str, *keys: str) -> None:
        cells = [f"{scores[key]:.4f}" for key in keys if key in scores]
        table.add_row(name, area, *cells)

    for name, area in zip(classes, areas, strict=True):
        add_row(name, f"{area:.2%}", f"iou/{name}", f"dice/{name}")
    if scores:
        table.add_section()
        add_row("mean over classes", "", "miou", "dice")
        add_row("mean over images", "", "miou_per_image", "dice_per_image")
    get_console().print(table)


def print_remarks(network: Model, results: Sequence[FileResult]) -> None:
    """Prints how many images were scored or lack data, and whether tiles are approximate."""
    scored = sum(result.counts is not None for result in results)
    if scored:
        print(f"{scored} of them have a mask and were scored")
    missing = [result.height * result.width - int(result.pixels.sum()) for result in results]
    if any(missing):
        images = counted(sum(pixels > 0 for pixels in missing), "image")
        print(f"no data at {sum(missing)} pixels of {images}; they are 255 in the masks")
    if not any(result.in_tiles for result in results):
        return
    if network.tile_warning is not None:
        print(f"warning: tiles are approximate here: {network.tile_warning}")
