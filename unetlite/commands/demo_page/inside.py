"""A model from inside: what each decoder step hands on, and what a shift of the image changes."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from PIL import Image

from unetlite.classes import Colour
from unetlite.data.raster import resize_image
from unetlite.inference.model import Model
from unetlite.visualize import (
    DIFFERENT,
    Pictures,
    colour_mask,
    data_uri,
    densest_window,
    enlarge,
    fit,
    framed,
)

MAX_SHIFT = 8  # pixels
MIN_MOVED = 32  # pixels per side of an image that is moved
BORDER = 16  # pixels that are not compared, where the two parts of the image end; a quarter at most
PART = 1024  # pixels per side of an image, at most, that are looked at here
SIDE = 480  # pixels of a picture, at most
WINDOW = 96  # pixels of an image that are shown enlarged
ZOOM = 4

FIGURES = "display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(118px,1fr))"
FIGURE = "margin:0;min-width:0"
PICTURE = "width:100%;height:auto;image-rendering:pixelated;border-radius:6px"


class Shift(NamedTuple):
    """The classes of an image and of the same image moved, inside of both."""

    still: np.ndarray  # uint8 (H, W)
    moved: np.ndarray  # and moved back
    pixels: np.ndarray  # (C, H, W), of the image

    @property
    def share(self) -> float:
        """The share of the pixels that changed their class."""
        return float(self.changed.mean())

    @property
    def changed(self) -> np.ndarray:
        """Which pixels changed their class, bool (H, W)."""
        return self.still != self.moved


def move_image(model: Model, image: np.ndarray, dx: int, dy: int) -> Shift:
    """Moves an image (H, W, C) by dx pixels to the right and dy down, 0 to MAX_SHIFT each.

    The image has MIN_MOVED pixels per side or more. Both parts that are predicted have the same
    size. They end at different places, and a network sees that some pixels into the image. So the
    pixels within BORDER of an end of either part are not compared.
    """
    height, width = image.shape[:2]
    top, left = MAX_SHIFT - dy, MAX_SHIFT - dx
    still = model.predict(image[MAX_SHIFT:, MAX_SHIFT:])
    moved = model.predict(image[top : height - dy, left : width - dx])
    rows, columns = still.classes.shape
    border = min(BORDER, min(rows, columns) // 4)
    inside = (slice(border, rows - dy - border), slice(border, columns - dx - border))
    same = (slice(dy + border, rows - border), slice(dx + border, columns - border))
    pixels = still.image[:, inside[0], inside[1]]
    return Shift(still.classes[inside], moved.classes[same], pixels)


def draw_shift(shift: Shift, colours: Sequence[Colour]) -> Pictures:
    """Where pixels changed, and the masks in the part with most of them, enlarged."""
    window = densest_window(shift.changed, WINDOW)
    changed = np.asarray(marked_pixels(shift.pixels, shift.changed))
    return {
        "pixels that change": framed(changed, window),
        "in the frame": enlarge(changed[window], ZOOM),
        "mask": enlarge(colour_mask(shift.still[window], colours), ZOOM),
        "mask of the moved image, moved back": enlarge(
            colour_mask(shift.moved[window], colours), ZOOM
        ),
    }


def ripple_text(model: Model) -> str:
    """The ripple of a model's last upsampling operator, as HTML, measured as by `explain`.

    Raises UsageError for a model that is no network of PyTorch.
    """
    from unetlite.network.impulse_response import last_response

    ripple = last_response(model.network).ripple
    return f"<p>{escape(model.metadata.network.upsample['name'])}: ripple <b>{ripple:.2f}</b></p>"


def look_inside(model: Model, image: np.ndarray) -> Pictures:
    """A colour picture of what each decoder step hands on, coarsest first, by caption.

    The image has the pixels (C, H, W). Raises UsageError for a model that is no network of
    PyTorch.
    """
    import torch

    from unetlite.compare.report.figures import predict, principal_components

    network = model.network
    if model.metadata.resize is not None:
        image = resize_image(image, model.metadata.resize)
    part = np.ascontiguousarray(image[:, :PART, :PART])
    features = predict(network, torch.from_numpy(part)).features
    pictures = {}
    for number, step in enumerate(features, start=1):
        channels, height, width = step.shape
        caption = f"step {number} of {len(features)}: {channels} x {height} x {width}"
        pictures[caption] = principal_components(step)
    return pictures


def marked_pixels(image: np.ndarray, marked: np.ndarray) -> Image.Image:
    """An image (C, H, W) in pale grey, with marked pixels, bool (H, W), in colour."""
    grey = image.mean(0, dtype=np.float32)
    pale = grey / 3 + 170  # so that single pixels stand out
    picture = np.where(marked[..., None], DIFFERENT, pale[..., None])
    return Image.fromarray(picture.astype(np.uint8))


def figures_html(pictures: Pictures) -> str:
    """Pictures with their captions as HTML, in as many columns as there is room for."""
    figures = ""
    for caption, picture in pictures.items():
        image = Image.fromarray(picture)
        if max(image.size) > SIDE:
            image = fit(image, SIDE)
        source = data_uri(np.asarray(image))
        text = escape(caption)
        figures += (
            f'<figure style="{FIGURE}"><img src="{source}" alt="{text}" style="{PICTURE}">'
            f"<figcaption>{text}</figcaption></figure>"
        )
    return f'<div style="{FIGURES}">{figures}</div>'
