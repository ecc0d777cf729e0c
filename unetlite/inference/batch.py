"""Predicting many files: masks and overlays on disk, and a row of predictions.csv for each."""

import csv
import errno
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from io import FileIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unetlite.data.formats import open_image_file
from unetlite.data.raster import RasterSource, is_read_by_rows, open_source
from unetlite.errors import Interrupted, UsageError
from unetlite.files import name_full_disk
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Model, count_pixels
from unetlite.inference.outputs import write_outputs
from unetlite.inference.truth import TruthMask
from unetlite.signals import raise_on_signal
from unetlite.tables import format_cell

COLUMNS = ("image", "error", "height", "width", "seconds")


class FileResult(NamedTuple):
    """The prediction of one file, or why there is none."""

    name: str
    error: str = ""
    height: int = 0
    width: int = 0
    seconds: float = 0.0
    pixels: np.ndarray = np.empty(0, np.int64)  # of each class (K,); empty after an error
    counts: np.ndarray | None = None  # TP, FP and FN (K, 3), if the image has a mask
    in_tiles: bool = False


@dataclass(frozen=True)
class FilePredictor:
    """Predicts a file, and writes its mask and overlay below `output`."""

    model: Model
    output: Path
    masks: Mapping[str, Path]  # to score against, by the name of the image
    overlays: bool = True
    flips: bool = False

    def __call__(self, name: str, path: Path, update: Callable[[float], None]) -> FileResult:
        """The result, with the error if a file cannot be read or written.

        After each tile `update` is called with the share that is done, 0 to 1. What it raises ends
        the prediction, of which no file is left.
        """
        try:
            return self._predict(name, path, update)
        except (UsageError, OSError, MemoryError) as error:  # such as a full disk
            reason = str(error.__cause__ or error)
            if isinstance(error, OSError) and error.filename is not None:
                reason = f"{os.fsdecode(error.filename)}: {error.strerror}"
            if str(path) not in reason:
                reason = f"{path}: {reason}"
            return FileResult(name, reason)

    def _predict(self, name: str, path: Path, update: Callable[[float], None]) -> FileResult:
        start = time.monotonic()
        model = self.model
        num_classes = len(model.classes)
        source = open_input(path, model.metadata)
        truth = None
        if name in self.masks:
            truth = TruthMask(self.masks[name], model.metadata, source)
        pixels = np.zeros(num_classes, np.int64)
        counts = np.zeros((num_classes, 3), np.int64)
        with write_outputs(
            self.output,
            name,
            source,
            model.metadata,
            self.overlays,
        ) as write:
            for band in model.bands(source, self.flips, update=update):
                write(band)
                pixels += count_pixels(band.classes, num_classes)
                if truth is not None:
                    counts += truth.count(band)
        return FileResult(
            name,
            height=source.height,
            width=source.width,
            seconds=time.monotonic() - start,
            pixels=pixels,
            counts=None if truth is None else counts,
            in_tiles=model.in_tiles(source),
        )


def open_input(path: Path, metadata: Metadata) -> RasterSource:
    """An image file as a network takes it. Raises UsageError if it cannot be read or resized."""
    if metadata.resize is not None and is_read_by_rows(open_image_file(path), metadata.as_viewed):
        raise UsageError(
            f"{path} is too large for a network that was trained with data.resize; "
            "scale it down first."
        )
    return open_source(
        path,
        metadata.pixels,
        metadata.as_viewed,
        metadata.nodata,
    )


class PredictionTable:
    """`predictions.csv`: a row for each image, written as soon as it is done.

    `file` is not buffered, so that a row is there as a whole or not at all.
    """

    def __init__(self, file: FileIO, classes: Sequence[str], scored: bool):
        self.file = file
        self.header = list(COLUMNS)
        self.header += [f"pixels/{name}" for name in classes]
        self.header += [f"share/{name}" for name in classes]
        if scored:
            self.header.append("miou")
            self.header += [f"iou/{name}" for name in classes]
        self._write(self.header)

    def add(self, result: FileResult) -> None:
        """Writes a row. Raises OSError if the disk is full."""
        cells = [format_cell(value) for value in row_values(result)]
        missing = len(self.header) - len(cells)
        self._write(cells + [""] * missing)

    def _write(self, cells: Sequence[str]) -> None:
        line = StringIO()
        csv.writer(line).writerow(cells)
        # The name of a file need not be UTF-8.
        content = line.getvalue().encode("utf-8", errors="surrogateescape")
        end = self.file.tell()
        with name_full_disk(Path(self.file.name)):
            written = self.file.write(content)
            if written != len(content):
                self.file.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def row_values(result: FileResult) -> list[Any]:
    """The values of a row of predictions.csv, up to the last that the result has."""
    if result.error:
        return [result.name, result.error]
    pixels = result.pixels
    values: list[Any] = [result.name, "", result.height, result.width, result.seconds]
    values += pixels.tolist()
    values += (pixels / max(pixels.sum(), 1)).tolist()
    if result.counts is not None:
        import torch

        from unetlite.metrics.overlap import iou_and_dice

        iou, _ = iou_and_dice(torch.from_numpy(result.counts))
        values.append(float(iou.nanmean()))
        values += iou.tolist()
    return values


class Progress:
    """How far the prediction of files is. `update` is that of `progress`."""

    def __init__(self, files: int, update: Callable[..., None]):
        self.files = files
        self.update = update
        self.finished = 0
        self.shares: dict[str, float] = {}  # that are done of the files in work
        self.text = ""
        self.stopped = False
        self.signal: int | None = None  # that stopped it

    def wait_for(self, path: Path) -> None:
        """Says which file is waited for."""
        self.text = f"{self.finished + 1} of {self.files}: {path}"
        self.show()

    def finish(self, name: str) -> None:
        """A file is done."""
        self.finished += 1
        self.shares.pop(name, None)

    def stop(self, number: int, frame: object = None) -> None:
        """The handler of a signal to stop. It may come more than once, so it raises nothing."""
        self.stopped = True
        self.signal = number

    def show(self) -> None:
        """Says how much of all files is done."""
        done = self.finished + sum(list(self.shares.values()))
        self.update(self.text, done / self.files)

    def add_tile(self, name: str, share: float) -> None:
        """Of a file so much is done. Raises CancelledError if the rest is not wanted."""
        if self.stopped and share < 1:
            raise CancelledError
        self.shares[name] = share
        self.show()


def predict_files(
    predict_file: Callable[[str, Path, Callable[[float], None]], FileResult],
    files: Mapping[str, Path],
    table: PredictionTable,
    update: Callable[..., None],
) -> list[FileResult]:
    """Predicts files in order, with a row in the table after each. `update` is that of `progress`.

    Two are in work at a time: one is read or written while another is computed. After an
    interruption these two are finished, and get their rows, but of several tiles none is begun.
    Raises Interrupted after a signal to stop.
    """
    results = []
    done = Progress(len(files), update)
    pool = ThreadPoolExecutor(2)
    waiting = {}
    with raise_on_signal(done.stop):
        try:
            for name, path in files.items():
                waiting[name] = pool.submit(predict_file, name, path, partial(done.add_tile, name))
            for name, path in files.items():
                done.wait_for(path)
                wait([waiting[name]])
                if done.signal is not None:
                    raise Interrupted(done.signal)
                result = waiting.pop(name).result()
                done.finish(name)
                results.append(result)
                table.add(result)
        finally:
            done.stopped = True
            pool.shutdown(cancel_futures=True)
            for future in waiting.values():
                if not future.cancelled() and future.exception() is None:
                    table.add(future.result())
    return results
