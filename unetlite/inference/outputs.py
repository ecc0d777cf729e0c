"""What a prediction leaves for one image: mask and overlay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from unetlite.classes import Colour
from unetlite.files import whole
from unetlite.inference.large import create_tiff
from unetlite.inference.model import Band
from unetlite.inference.tiling import Picture
from unetlite.pictures import overlay, palette_image

PREVIEW = 4096  # pixels, the longer side of an overlay of an image that is read by rows


@contextmanager
def outputs(
    directory: Path, name: str, picture: Picture, colours: Sequence[Colour], overlays: bool
) -> Iterator[Callable[[Band], None]]:
    """The files of one image, written band by band by the function that is yielded, whole or not at all.

    `masks/NAME.png` has class indices and a palette (a tiled TIFF if the image is read by rows), `overlays/NAME.png`
    the image tinted by class. Raises OSError.
    """
    by_rows = picture.place is not None
    step = -(-max(picture.height, picture.width) // PREVIEW) if by_rows else 1
    masks: list[np.ndarray] = []
    previews: list[np.ndarray] = []
    with ExitStack() as stack:
        mask_file = stack.enter_context(whole(directory / "masks" / f"{name}{'.tif' if by_rows else '.png'}"))
        overlay_file = stack.enter_context(whole(directory / "overlays" / f"{name}.png")) if overlays else None
        tiff = stack.enter_context(create_tiff(mask_file, picture, colours)) if by_rows else None

        def write(band: Band) -> None:
            rows = band.top, band.top + len(band.classes)
            if tiff is None:
                masks.append(band.classes)
            else:
                tiff.write(band.classes, 1, window=(rows, (0, picture.width)))
            if overlays:
                picked = slice(-band.top % step, None, step), slice(None, None, step)
                previews.append(overlay(picture.rows(*rows)[(slice(None), *picked)], band.classes[picked], colours))

        yield write
        if tiff is None:
            palette_image(np.concatenate(masks), colours).save(mask_file, "PNG")
        if overlay_file is not None:
            Image.fromarray(np.concatenate(previews)).save(overlay_file, "PNG")
