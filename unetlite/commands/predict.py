"""`unetlite predict`: a model and files in; masks, overlays and a table out."""

import csv
import glob
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich import get_console
from rich.table import Table

from unetlite.data import public  # noqa: F401  each registers itself in DATASETS
from unetlite.data.images import read_values
from unetlite.data.labels import ClassTable
from unetlite.data.samples import DATASETS
from unetlite.errors import UsageError
from unetlite.files import IMAGE_SUFFIXES, cell, image_files, progress
from unetlite.inference.files import TiffRows, is_large, open_picture, outputs
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Band, load
from unetlite.inference.tiling import Picture

SOME_FAILED = 1  # the exit code if some files could not be read


def predict(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or anything that `unetlite export` wrote.")],
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders, or patterns such as 'images/*.png'.")],
    output: Annotated[Path, typer.Option(help="A new folder: masks/, overlays/, predictions.csv.")],
    overlays: Annotated[bool, typer.Option(help="Images tinted by class.")] = True,
    flips: Annotated[bool, typer.Option("--flips", help="Average over mirror images, four times the work.")] = False,
    truth: Annotated[Path | None, typer.Option(help="A folder of masks with the images' names; adds scores.")] = None,
    tile: Annotated[int | None, typer.Option(help="Pixels; larger images are cut into tiles. 1536 or more.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Pixels that a tile sees around it. All that matter.")] = None,
) -> None:
    """Masks, overlays and areas for image files of any size. Exit code 1 if some could not be read."""
    files = find_inputs(inputs)
    if output.is_dir() and any(output.iterdir()):
        raise UsageError(f"--output {output} is not empty; nothing is overwritten, choose another folder.")
    for folder in map(Path, inputs):
        if folder.is_dir() and output.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"--output {output} lies inside {folder}, which is read; choose another folder.")
    network = load(model, tile=tile, overlap=overlap)
    metadata, classes = network.metadata, network.classes
    masks = {} if truth is None else find_masks(truth, metadata, files)
    try:
        output.mkdir(parents=True, exist_ok=True)
        opened = (output / "predictions.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"--output {output} cannot be written ({error.strerror}); choose another folder.") from None

    header = ["image", "error", "height", "width", "seconds"]
    header += [f"pixels/{name}" for name in classes] + [f"share/{name}" for name in classes]
    header += ["miou", *(f"iou/{name}" for name in classes)] if masks else []
    found: list[Predicted] = []
    started = time.monotonic()

    def predict_one(name: str) -> Predicted:
        path, began = files[name], time.monotonic()
        pixels, counts = np.zeros(len(classes), np.int64), None
        try:
            picture = open_picture(path, metadata)
            count = count_against(masks[name], metadata, picture) if name in masks else None
            with outputs(output, name, picture, network.colours, overlays) as write:
                for band in network.bands(picture, flips):
                    write(band)
                    pixels += np.bincount(band.classes.ravel(), minlength=len(classes))
                    if count is not None:
                        counts = count(band) if counts is None else counts + count(band)
        except (UsageError, OSError, MemoryError) as error:  # such as a disk that is full
            reason = str(error.__cause__ or error)
            return Predicted([name, reason if str(path) in reason else f"{path}: {reason}"])
        row = [name, "", picture.height, picture.width, time.monotonic() - began]
        row += [*pixels.tolist(), *(pixels / pixels.sum()).tolist()]
        if counts is not None:
            import torch

            from unetlite.metrics.overlap import iou_and_dice

            iou, _ = iou_and_dice(torch.from_numpy(counts))
            row += [float(iou.nanmean()), *iou.tolist()]
        return Predicted(row, pixels, counts, network.in_tiles(picture))

    def note(one: Predicted) -> None:
        found.append(one)
        table.writerow([*map(cell, one.row), *[""] * (len(header) - len(one.row))])
        opened.flush()  # what is done stays known, whatever happens to the rest

    with opened, progress("predicting") as tell:
        table = csv.writer(opened)
        table.writerow(header)
        pool = ThreadPoolExecutor(2)  # one image is read or written while another is computed
        waiting = {name: pool.submit(predict_one, name) for name in files}
        try:
            for number, name in enumerate(files, 1):
                tell(f"{number} of {len(files)}: {files[name]}", (number - 1) / len(files))
                note(waiting[name].result())
                del waiting[name]
        finally:
            pool.shutdown(cancel_futures=True)
            for future in waiting.values():  # what an interruption has found half done is finished
                if not future.cancelled() and future.exception() is None:
                    note(future.result())

    seconds, failures = time.monotonic() - started, [one.row[1] for one in found if one.pixels is None]
    done, scored = len(files) - len(failures), [one.counts for one in found if one.counts is not None]
    if done:
        print_table(classes, np.sum([one.pixels for one in found if one.pixels is not None], axis=0), scored, done)
    print(f"{done} of {len(files)} images in {seconds:.1f} s with {network.runtime.name}   {output}/predictions.csv")
    if scored:
        print(f"{len(scored)} of them have a mask and were scored")
    if metadata.reads_anywhere and any(one.in_tiles for one in found):
        print(f"tiles are approximate here: {metadata.reads_anywhere}; a larger --tile comes closer")
    if failures:
        print(f"{len(failures)} not predicted:", *failures, sep="\n  ")
        raise typer.Exit(SOME_FAILED)


class Predicted(NamedTuple):
    """An image's row of predictions.csv, and what the summary of all is made of."""

    row: list[Any]  # why it could not be predicted, in the second cell
    pixels: np.ndarray | None = None  # of each class (K,); None if it could not be
    counts: np.ndarray | None = None  # (K, 3) of TP, FP and FN, if it has a mask
    in_tiles: bool = False


def find_inputs(inputs: Sequence[str]) -> dict[str, Path]:
    """The files by name: what is named, and all images in folders. UsageError if there is none, or two of a name."""
    found: dict[str, Path] = {}
    remedy = "give them one after the other, each with an --output of its own, or give the folder above them."
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            named = list(image_files(path).items())
            missing = f"{path} holds no image ({', '.join(IMAGE_SUFFIXES)})."
        else:
            files = [path] if path.exists() else sorted(map(Path, glob.glob(text, recursive=True)))
            named = [(file.stem, file) for file in files if file.is_file()]
            missing = f"{text}: there is no such file or folder, and no file that fits it as a pattern."
        if not named:
            raise UsageError(missing)
        for name, file in named:
            other = found.setdefault(name, file)
            if os.path.realpath(other) != os.path.realpath(file):
                raise UsageError(f"{file} and {other} would both be written as {name}; {remedy}")
    return found


def find_masks(truth: Path, metadata: Metadata, files: Iterable[str]) -> dict[str, Path]:
    """The masks by the names of the images that have one. Raises UsageError if there is none."""
    if not truth.is_dir():
        raise UsageError(f"--truth {truth}: there is no such folder.")
    found, suffix = image_files(truth), metadata.config["data"].get("mask_suffix", "")
    masks = {name: found[name + suffix] for name in files if name + suffix in found}
    if not masks:
        raise UsageError(f"--truth {truth} has no mask for any of the images; a mask has the name of its image.")
    return masks


def count_against(path: Path, metadata: Metadata, picture: Picture) -> Callable[[Band], np.ndarray]:
    """What counts TP, FP and FN (K, 3) of a band, by a mask that is coded as the data set's own, or for coast by class
    indices. Raises UsageError, also later, if the mask cannot be read or does not fit.
    """
    import torch

    from unetlite.metrics.overlap import count_classes

    data = metadata.config["data"]
    if data["name"] == "folder":
        table = ClassTable(data.get("classes"), data.get("ignore", ()))
    else:
        table = getattr(DATASETS.get(data["name"]), "table", ClassTable(metadata.classes))
    read: Callable[[int, int], np.ndarray]
    if is_large(path):
        file = TiffRows(path)
        (height, width), read = (file.height, file.width), file.read
    else:
        values = read_values(path, table.rgb)
        (height, width), read = values.shape[:2], lambda top, bottom: values[top:bottom]
    if (height, width) != (picture.height, picture.width):
        raise UsageError(f"{path} is {width} x {height} pixels, but its image {picture.width} x {picture.height}.")

    def count(band: Band) -> np.ndarray:
        true = table.indices(read(band.top, band.top + len(band.classes)).astype(int), path)
        return count_classes(torch.from_numpy(band.classes), torch.from_numpy(true), len(metadata.classes)).numpy()

    return count


def print_table(classes: Sequence[str], areas: np.ndarray, scored: Sequence[np.ndarray], images: int) -> None:
    """The share of each class, and its scores if there are."""
    kinds, scores = {}, {}
    if scored:
        import torch

        from unetlite.metrics.overlap import summarise

        kinds, scores = {"iou": "IoU", "dice": "Dice"}, summarise(torch.from_numpy(np.stack(scored)), classes)
    table = Table("class" if images == 1 else f"class, {images} images", "area", *kinds.values())
    for name, area in zip(classes, areas / areas.sum(), strict=True):
        table.add_row(name, f"{area:.2%}", *(f"{scores[f'{kind}/{name}']:.4f}" for kind in kinds))
    if scored:
        table.add_section()
        table.add_row("mean over classes", "", *(f"{scores[key]:.4f}" for key in ("miou", "dice")))
        table.add_row("mean over images", "", *(f"{scores[key]:.4f}" for key in ("miou_per_image", "dice_per_image")))
    get_console().print(table)
