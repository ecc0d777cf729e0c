"""What a prediction leaves for one image: mask and overlay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from unetlite.classes import Colour
from unetlite.files import whole
from unetlite.inference.large import create_tiff
from unetlite.inference.model import Band
from unetlite.inference.tiling import Picture
from unetlite.pictures import overlay, palette_image


@contextmanager
def outputs(
    directory: Path, name: str, picture: Picture, colours: Sequence[Colour], overlays: bool
) -> Iterator[Callable[[Band], None]]:
    """The files of one image, given band by band to the function that is yielded; whole or not at all.

    `masks/NAME.png` has class indices and a palette, `overlays/NAME.png` the image tinted by class. Of an image that is
    read by rows it is `masks/NAME.tif` alone, tiled, and written as the bands come. Raises OSError.
    """
    if picture.place is not None:
        with whole(directory / "masks" / f"{name}.tif") as file, create_tiff(file, picture, colours) as tiff:

            def write(band: Band) -> None:
                rows = band.top, band.top + len(band.classes)
                tiff.write(band.classes, 1, window=(rows, (0, picture.width)))

            yield write
        return
    bands: list[np.ndarray] = []
    yield lambda band: bands.append(band.classes)
    classes = np.concatenate(bands)
    with whole(directory / "masks" / f"{name}.png") as file:
        palette_image(classes, colours).save(file, "PNG")
    if overlays:
        with whole(directory / "overlays" / f"{name}.png") as file:
            Image.fromarray(overlay(picture.rows(0, picture.height), classes, colours)).save(file, "PNG")
