"""What a prediction leaves for one image: mask, overlay, probabilities."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from unetlite.pictures import overlay, palette_image
from unetlite.predict.model import Band, Picture
from unetlite.predict.tiff import TiffPicture, TiffWriter

PREVIEW = 4096  # pixels, the longer side of an overlay of a large image


class Outputs:
    """The files of one image, written band by band, whole or not at all.

    Args:
        directory: gets `masks/NAME.png` with class indices and a palette (a tiled TIFF if the image is read by rows),
            `overlays/NAME.png`, and `probabilities/NAME.tif` in 16-bit floats (H, W, K).
        name: of the image, without a suffix.
        picture: the image.
        colours: of the classes.
        overlays, probabilities: whether these are wanted.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        picture: Picture,
        colours: Sequence[tuple[int, int, int]],
        *,
        overlays: bool,
        probabilities: bool,
    ):
        self.picture, self.colours = picture, colours
        self.by_rows = isinstance(picture, TiffPicture)
        self.geographic: dict[str, Any] = (
            {"extratags": picture.geographic_tags} if isinstance(picture, TiffPicture) else {}
        )
        self.mask = directory / "masks" / f"{name}{'.tif' if self.by_rows else '.png'}"
        self.overlay = directory / "overlays" / f"{name}.png" if overlays else None
        self.probabilities = directory / "probabilities" / f"{name}.tif" if probabilities else None
        self.step = -(-max(picture.height, picture.width) // PREVIEW) if self.by_rows else 1
        self.bands: list[np.ndarray] = []
        self.previews: list[np.ndarray] = []
        self.mask_writer: TiffWriter | None = None
        self.probability_writer: TiffWriter | None = None

    def __enter__(self) -> "Outputs":
        for file in self._files():
            file.parent.mkdir(parents=True, exist_ok=True)
        size = self.picture.height, self.picture.width
        if self.by_rows:
            colormap = np.zeros((3, 256), np.uint16)
            colormap[:, : len(self.colours)] = np.array(self.colours).T * 257  # 8 bits to 16
            self.mask_writer = TiffWriter(
                partial(self.mask), size, np.uint8, photometric="palette", colormap=colormap, **self.geographic
            )
        if self.probabilities is not None:
            self.probability_writer = TiffWriter(
                partial(self.probabilities), (*size, len(self.colours)), np.float16, photometric="minisblack",
                planarconfig="contig", **self.geographic,
            )  # fmt: skip
        return self

    def write(self, band: Band) -> None:
        """The next rows."""
        if self.mask_writer is not None:
            self.mask_writer.write(band.classes)
        else:
            self.bands.append(band.classes)
        if self.probability_writer is not None and band.probabilities is not None:
            self.probability_writer.write(band.probabilities.transpose(1, 2, 0))
        if self.overlay is not None:
            image = self.picture.rows(band.top, band.top + len(band.classes))
            first = -band.top % self.step
            picked = slice(first, None, self.step), slice(None, None, self.step)
            self.previews.append(overlay(image[(slice(None), *picked)], band.classes[picked], self.colours))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                for writer in self.writers:
                    writer.close()
                if self.mask_writer is None:
                    palette_image(np.concatenate(self.bands), self.colours).save(partial(self.mask), "PNG")
                if self.overlay is not None:
                    Image.fromarray(np.concatenate(self.previews)).save(partial(self.overlay), "PNG")
                for file in self._files():
                    os.replace(partial(file), file)
        finally:
            for writer in self.writers:
                writer.abandon()
            for file in self._files():
                partial(file).unlink(missing_ok=True)

    @property
    def writers(self) -> list[TiffWriter]:
        """Those that there are."""
        return [writer for writer in (self.mask_writer, self.probability_writer) if writer is not None]

    def _files(self) -> list[Path]:
        return [file for file in (self.mask, self.overlay, self.probabilities) if file is not None]


def partial(file: Path) -> Path:
    """Where a file is written before it is complete."""
    return file.with_name(f"{file.name}.partial")
