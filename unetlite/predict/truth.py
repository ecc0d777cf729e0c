"""Masks to score predictions with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from unetlite.card import Card
from unetlite.data.classes import ClassTable
from unetlite.data.images import read_values
from unetlite.errors import UsageError
from unetlite.predict.inputs import is_image
from unetlite.predict.tiff import TiffRows, is_large


class Truth:
    """The masks of a folder, coded as in the data set that the network was trained on.

    Args:
        directory: holds masks with the names of the images.
        card: says how masks are coded: for data=folder as it was configured, for other data sets by class indices.

    Raises:
        UsageError: there is no such folder.
    """

    def __init__(self, directory: Path, card: Card):
        if not directory.is_dir():
            raise UsageError(f"--truth {directory}: there is no such folder.")
        data = card.config["data"]
        of_folder = data["name"] == "folder"
        self.files = {
            file.relative_to(directory).with_suffix("").as_posix(): file
            for file in sorted(directory.rglob("*"), reverse=True)
            if is_image(file)
        }
        self.suffix = data.get("mask_suffix", "") if of_folder else ""
        self.table = (
            ClassTable(data.get("classes"), data.get("ignore", ())) if of_folder else ClassTable(list(card.classes))
        )

    def find(self, name: str) -> Path | None:
        """The mask of the image called `name`, if there is one."""
        return self.files.get(f"{name}{self.suffix}")

    def rows(self, path: Path, height: int, width: int) -> Callable[[int, int], np.ndarray]:
        """From a first row and an end to class indices uint8 (end - first, W), of a mask for an image of this size.

        Raises:
            UsageError: the mask cannot be read, is of another size, or holds a value that no class has.
        """
        if is_large(path):
            source = TiffRows(path)
            shape = source.height, source.width

            def read(top: int, bottom: int) -> np.ndarray:
                values = source.read(top, bottom).astype(np.int64)
                return self.table.indices(values[..., 0] if source.samples < 3 else values[..., :3], path)

        else:
            values = read_values(path)
            shape = values.shape[0], values.shape[1]
            indices = self.table.indices(values, path)

            def read(top: int, bottom: int) -> np.ndarray:
                return indices[top:bottom]

        if shape != (height, width):
            raise UsageError(f"{path} is {shape[1]} x {shape[0]} pixels, but its image {width} x {height}.")
        return read
