"""What the page of the models shows for an image that was dropped or clicked."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.commands.demo_page.inside import (
    MIN_MOVED,
    PART,
    draw_shift,
    figures_html,
    look_inside,
    marked_pixels,
    move_image,
    ripple_text,
)
from unetlite.data.formats import open_image_file
from unetlite.data.raster import PixelKind, Pixels, check_kind, read_image
from unetlite.errors import UsageError
from unetlite.inference.model import Model, Prediction, as_pixels
from unetlite.timing import interleaved_median
from unetlite.visualize import colour_mask, densest_window, enlarge, framed

ROUNDS = 3
MEASURED_PIXELS = 2**20  # larger images are predicted twice only
MAX_PIXELS = 2**26
FRAMED = 48  # pixels a side of the part in which the models differ most
ZOOM = 6

SWATCH = "display:inline-block;width:.8em;height:.8em;outline:1px solid #8888"
LIST = "list-style:none;padding:0;margin:0"

COMPUTING = "computing the decoder steps of the image ..."
NO_IMAGE = "Click an image in the tab Models first."


def answer(models: Mapping[str, Model], file: str | None) -> list[Any]:
    """The values of the page's outputs for an uploaded file; None each without a file.

    Raises gradio.Error if the file cannot be read.
    """
    if file is None:
        return [None] * (2 + 3 * len(models))
    image = open_upload(file)
    predictions: dict[str, Prediction] = {}

    def predict(name: str) -> None:
        predictions[name] = models[name].predict(image)

    _, height, width = image.values.shape
    rounds = ROUNDS if height * width <= MEASURED_PIXELS else 1
    functions = {name: partial(predict, name) for name in models}
    times = interleaved_median(functions, rounds, warm_up=0)
    differ = differing_pixels(list(predictions.values()))
    window = densest_window(differ, FRAMED)
    first = next(iter(predictions.values()))
    marked = np.asarray(marked_pixels(first.image, differ))
    rgb = first.metadata.display.rgb(first.image)
    values: list[Any] = [framed(marked, window), enlarge(rgb[window], ZOOM)]
    for name, prediction in predictions.items():
        values.append(prediction.overlay)
        values.append(prediction.mask.convert("RGB"))
        text = summary(prediction, times[name])
        if len(models) > 1:
            part = colour_mask(prediction.classes[window], prediction.metadata.colours)
            text += figures_html({"mask in the frame": enlarge(part, ZOOM)})
        values.append(text)
    return values


def open_upload(file: str) -> Pixels:
    """The pixels of an uploaded photograph, uint8. Raises gradio.Error for any other."""
    import gradio

    try:
        return read_upload(Path(file))
    except UsageError as error:
        message = str(error).replace(file, Path(file).name)  # a visitor need not see the folder
        raise gradio.Error(message, print_exception=False) from None


def read_upload(file: Path) -> Pixels:
    """The pixels of a photograph, uint8. Raises UsageError for any other file."""
    header = open_image_file(file)
    if header.width * header.height > MAX_PIXELS:
        raise UsageError(
            f"{file} has {header.width} x {header.height} pixels; "
            f"at most {MAX_PIXELS} are taken here."
        )
    check_kind(header, PixelKind(header.colour_channels, "uint8"))
    return read_image(file)


def summary(prediction: Prediction, milliseconds: float) -> str:
    """Time and areas as HTML, each class with its colour."""
    metadata = prediction.metadata
    height, width = prediction.classes.shape
    items = ""
    for name, colour in zip(metadata.classes, metadata.colours, strict=True):
        swatch = f'<span style="background:rgb{colour};{SWATCH}"></span>'
        items += f"<li>{swatch} {escape(name)} {prediction.areas[name]:.1%}</li>"
    time = f"<b>{milliseconds:.0f} ms</b> for {width} x {height} pixels"
    return f"{time}<ul style='{LIST}'>{items}</ul>"


def differing_pixels(predictions: Sequence[Prediction]) -> np.ndarray:
    """Which pixels have classes of different names in some predictions, bool (H, W)."""
    first, *others = [class_names(prediction) for prediction in predictions]
    differ = np.zeros(first.shape, bool)
    for names in others:
        differ |= names != first
    return differ


def class_names(prediction: Prediction) -> np.ndarray:
    """The name of the class of each pixel, (H, W), empty where there are no data."""
    classes = prediction.metadata.classes
    padding = [""] * (IGNORE + 1 - len(classes))
    return np.array([*classes, *padding])[prediction.classes]


def answer_shift(
    models: Mapping[str, Model],
    file: str | None,
    dx: int,
    dy: int,
) -> list[str]:
    """For each model what changes, as HTML, if the image is moved by dx and dy pixels."""
    if file is None:
        return [""] * len(models)
    image = open_upload(file).values.transpose(1, 2, 0)[:PART, :PART]
    height, width = image.shape[:2]
    if min(height, width) < MIN_MOVED:
        text = f"{width} x {height} pixels: to be moved, an image needs {MIN_MOVED} a side."
        return [text] * len(models)
    answers = []
    for model in models.values():
        shift = move_image(model, image, dx, dy)
        text = f"<p>moved by ({dx}, {dy}): <b>{shift.share:.2%} of the pixels</b> change</p>"
        answers.append(text + figures_html(draw_shift(shift, model.colours)))
    return answers


def update_steps(
    models: Mapping[str, Model],
    file: str | None,
    shown: str | None,
) -> Iterator[list[Any]]:
    """The decoder steps of each model as HTML, and the image that they are of: model by model.

    Until a model is done, its text says so. Steps that are `shown` already stay.
    """
    if file is None:
        yield [*[NO_IMAGE] * len(models), None]
    elif file != shown:
        answers = [COMPUTING] * len(models)
        yield [*answers, None]
        image = open_upload(file)
        for number, model in enumerate(models.values()):
            answers[number] = answer_steps(model, image)
            yield [*answers, None]
        yield [*answers, file]


def answer_steps(model: Model, image: Pixels) -> str:
    """The ripple and the pictures of the decoder steps as HTML, or why there are none."""
    try:
        pictures = look_inside(model, as_pixels(image, model.metadata).values)
    except UsageError as error:
        return escape(str(error))
    return ripple_text(model) + figures_html(pictures)
