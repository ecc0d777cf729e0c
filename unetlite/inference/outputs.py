"""What a prediction leaves for one image: mask, overlay, probabilities."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

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
    directory: Path, name: str, picture: Picture, colours: Sequence[Colour], overlays: bool, probabilities: bool
) -> Iterator[Callable[[Band], None]]:
    """The files of one image, written band by band by the function that is yielded, whole or not at all.

    `masks/NAME.png` has class indices and a palette (a tiled TIFF if the image is read by rows), `overlays/NAME.png`
    the image tinted by class, `probabilities/NAME.tif` 16-bit floats (H, W, K). Raises OSError.
    """
    by_rows = picture.place is not None
    wanted = {"masks": ".tif" if by_rows else ".png"}
    wanted |= ({"overlays": ".png"} if overlays else {}) | ({"probabilities": ".tif"} if probabilities else {})
    step = -(-max(picture.height, picture.width) // PREVIEW) if by_rows else 1
    masks: list[np.ndarray] = []
    previews: list[np.ndarray] = []
    options: dict[str, Any] = {"height": picture.height, "width": picture.width, **(picture.place or {})}
    with ExitStack() as stack:
        files = {kind: stack.enter_context(whole(directory / kind / f"{name}{end}")) for kind, end in wanted.items()}
        mask_tiff = probability_tiff = None
        if by_rows:
            mask_tiff = stack.enter_context(create_tiff(files["masks"], 1, "uint8", **options))
            mask_tiff.write_colormap(1, dict(enumerate(colours)))
        if probabilities:
            options |= {"nbits": 16, "photometric": "minisblack"}
            tiff = create_tiff(files["probabilities"], len(colours), "float32", **options)
            probability_tiff = stack.enter_context(tiff)

        def write(band: Band) -> None:
            rows = band.top, band.top + len(band.classes)
            window = rows, (0, picture.width)
            if mask_tiff is None:
                masks.append(band.classes)
            else:
                mask_tiff.write(band.classes, 1, window=window)
            if probability_tiff is not None and band.probabilities is not None:
                probability_tiff.write(band.probabilities.astype(np.float32), window=window)
            if overlays:
                picked = slice(-band.top % step, None, step), slice(None, None, step)
                previews.append(overlay(picture.rows(*rows)[(slice(None), *picked)], band.classes[picked], colours))

        yield write
        if mask_tiff is None:
            palette_image(np.concatenate(masks), colours).save(files["masks"], "PNG")
        if overlays:
            Image.fromarray(np.concatenate(previews)).save(files["overlays"], "PNG")
