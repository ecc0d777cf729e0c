"""Palettes of mask files: an index means a class only where all files agree on its colour."""

from pathlib import Path

import numpy as np

from unetlite.data.formats import open_image_file
from unetlite.errors import UsageError


class Palettes:
    """The colours of the indices in the mask files of a data set."""

    def __init__(self) -> None:
        self.colour_of: dict[int, tuple[list[int], Path]] = {}  # with the first file that has it

    def check(self, path: Path, indices: np.ndarray) -> None:
        """Takes the palette of a mask file with these indices (H, W).

        Raises UsageError if an earlier file shows one of them in another colour.
        """
        palette = open_image_file(path).palette
        if palette is None or indices.ndim > 2:
            return
        if (palette == palette[:, :1]).all():  # the file stores greys so
            return
        for index in np.unique(indices).tolist():
            colour = palette[index].tolist()
            other_colour, other = self.colour_of.setdefault(index, (colour, path))
            if other_colour != colour:
                raise UsageError(
                    f"{path} shows the index {index} as {colour}, but {other} as {other_colour}. "
                    "Their palettes differ, so colours tell the classes. Say which is which, "
                    "such as 'data.classes={background: [0, 0, 0], road: [128, 64, 128]}'."
                )
