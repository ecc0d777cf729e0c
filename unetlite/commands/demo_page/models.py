"""The tab of the models: choose or drop an image, and see what each makes of it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.commands.demo_page.inside import (
    BORDER,
    MAX_SHIFT,
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
from unetlite.inference.demo_networks import PREFIX
from unetlite.inference.model import Model, Prediction, as_pixels
from unetlite.timing import interleaved_median
from unetlite.visualize import colour_mask, densest_window, enlarge, framed

ROUNDS = 3
MEASURED_PIXELS = 2**20  # larger images are predicted twice only
MAX_PIXELS = 2**26
FRAMED = 48  # pixels a side of the part in which the models differ most
ZOOM = 6
HEIGHT = 320  # pixels of the page, for the image and where the models differ

PICTURE: dict[str, Any] = {
    "format": "png",
    "interactive": False,
    "buttons": ["download", "fullscreen"],
}
"""Options of a picture on the page."""

SWATCH = "display:inline-block;width:.8em;height:.8em;outline:1px solid #8888"
LIST = "list-style:none;padding:0;margin:0"

SHIPPED = """These networks come with unetlite. They learnt thin lines, small discs and coasts from
space, and differ in how the decoder doubles its maps (`pretrained` also in its encoder). **Click an
image**, or drop one: what does each make of it, how fast, and where do they differ? For images of
your own, `unetlite choose YOUR_FOLDER` trains and says which operator to take."""

OWN = "Click or drop an image: what does each model make of it, how fast, and where do they differ?"

MOVING = f"""## Move the image by single pixels

A mask should move with its image. The pixels in colour did not: they would flicker in a video. A
share near 0 % is as it should be. With a large one the network decides by where a pixel lies on the
grid of its strides, not only by what is there. Pixels that are not in both images, or within
{BORDER} of a border, do not count. Of a large image this looks at the upper left {PART} x {PART}
pixels."""

INSIDE = f"""## What each decoder step hands on

Coarsest first: channels x height x width, and the three strongest directions among the channels as
red, green and blue. A pattern of single pixels in a smooth part of the image is a checkerboard. The
ripple is that of the last operator: how much a constant map differs between even and odd places
after it, 0 for not at all. Of a large image this looks at the upper left {PART} x {PART} pixels."""

COMPUTING = "computing the decoder steps of the image ..."
NO_IMAGE = "Click an image in the tab Models first."


def add_models(
    gradio: Any,
    models: Mapping[str, Model],
    examples: Sequence[Image.Image],
) -> Any:
    """Adds the content of the tab to the page of gradio that is being built.

    Returns its input for an image.
    """
    shipped = all(name.startswith(PREFIX) for name in models)
    gradio.Markdown(SHIPPED if shipped else OWN)
    image = add_examples(gradio, examples)
    with gradio.Row(elem_classes="pictures"):
        image.render()
        differences = add_differences(gradio, several=len(models) > 1)
    answers = add_answers(gradio, models)
    answered = image.change(
        partial(answer, models),
        image,
        [*differences, *answers],
        api_name="predict",
        show_progress="minimal",
    )
    sliders, moved = add_shift(gradio, models)
    # One after the other, so that the times are measured undisturbed.
    answered.success(
        partial(answer_shift, models),
        [image, *sliders],
        moved,
        api_name="move",
        show_progress="minimal",
    )
    for slider in sliders:
        slider.change(
            partial(answer_shift, models),
            [image, *sliders],
            moved,
            api_visibility="private",
            trigger_mode="always_last",
            show_progress="minimal",
        )
    return image


def add_inside(gradio: Any, models: Mapping[str, Model], image: Any, tab: Any) -> None:
    """Adds what models do inside to their tab, which computes it when it is opened."""
    steps = add_steps(gradio, models)
    shown = gradio.State(None)  # the image whose steps are on the page
    tab.select(
        partial(update_steps, models),
        [image, shown],
        [*steps, shown],
        api_name="steps",
        show_progress="hidden",
    )


def add_examples(gradio: Any, examples: Sequence[Image.Image]) -> Any:
    """Images to click. Returns where they go, the input for an image, which is yet to be placed."""
    image = gradio.Image(
        type="filepath",
        format="png",
        label="image",
        height=HEIGHT,
        sources=["upload", "clipboard"],
        render=False,
    )
    # The file as it is: gradio would open it with whatever Pillow has for its content.
    image.preprocess = uploaded_path
    gradio.Examples(
        [[example] for example in examples],
        image,
        label="images to click",
        elem_id="examples",
    )
    return image


def add_differences(gradio: Any, several: bool) -> list[Any]:
    """Where several models differ, and the image where they differ most."""
    titles = {"differences": "where the models differ", "framed": "image in the frame"}
    outputs = []
    for element, title in titles.items():
        picture = gradio.Image(
            label=title,
            elem_id=element,
            height=HEIGHT,
            visible=several,
            **PICTURE,
        )
        outputs.append(picture)
    return outputs


def add_answers(gradio: Any, models: Mapping[str, Model]) -> list[Any]:
    """A column for each model: the overlay, the mask, and a text."""
    outputs: list[Any] = []
    with gradio.Row(elem_classes=["models", "answers"]):
        for number, (name, model) in enumerate(models.items()):
            with gradio.Column(min_width=0):
                gradio.Markdown(f"### {escape(name)}\n{describe(model)}")
                for kind in ("overlay", "mask"):
                    element = f"{kind}-{number}"
                    outputs.append(gradio.Image(label=kind, elem_id=element, **PICTURE))
                outputs.append(gradio.HTML(elem_id=f"result-{number}"))
    return outputs


def add_shift(gradio: Any, models: Mapping[str, Model]) -> tuple[list[Any], list[Any]]:
    """The sliders of the shift, and the output of each model."""
    gradio.Markdown(MOVING)
    with gradio.Row():
        sliders = [
            gradio.Slider(0, MAX_SHIFT, 1, step=1, label="dx, to the right", elem_id="dx"),
            gradio.Slider(0, MAX_SHIFT, 0, step=1, label="dy, down", elem_id="dy"),
        ]
    return sliders, add_columns(gradio, models, "moved")


def add_steps(gradio: Any, models: Mapping[str, Model]) -> list[Any]:
    """The output of each model for its decoder steps."""
    gradio.Markdown(INSIDE)
    return add_columns(gradio, models, "steps")


def add_columns(gradio: Any, models: Mapping[str, Model], kind: str) -> list[Any]:
    """A column for each model, with an output."""
    outputs: list[Any] = []
    with gradio.Row(elem_classes="models"):
        for number, name in enumerate(models):
            with gradio.Column(min_width=0):
                gradio.Markdown(f"**{escape(name)}**")
                outputs.append(gradio.HTML(elem_id=f"{kind}-{number}"))
    return outputs


def uploaded_path(upload: Any) -> str | None:
    """Where gradio put an uploaded file."""
    return upload.path if upload else None


def describe(model: Model) -> str:
    """The operator, the encoder of timm, the runtime, and the test or validation score."""
    metadata = model.metadata
    text = metadata.network.upsample["name"]
    if metadata.network.encoder is not None:
        text += f" · {metadata.network.encoder}"
    text += f" · {model.runtime.name}, {metadata.precision}"
    for split, key in (("test", "test/miou"), ("validation", "val/miou")):
        score = metadata.metrics.get(key)
        if score:
            return f"{text} · {split} mIoU {score:.3f}"
    return text


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
