"""The tabs of the models: choose or drop an image, and see what each makes of it."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import gradio
from PIL import Image

from unetlite.commands.demo_page.answers import answer, answer_shift, update_steps
from unetlite.commands.demo_page.inside import BORDER, MAX_SHIFT, PART
from unetlite.inference.demo_networks import PREFIX
from unetlite.inference.model import Model

HEIGHT = 320  # pixels of the page, for the image and where the models differ

PICTURE: dict[str, Any] = {
    "format": "png",
    "interactive": False,
    "buttons": ["download", "fullscreen"],
}
"""Options of a picture on the page."""

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


def add_models(models: Mapping[str, Model], examples: Sequence[Image.Image]) -> gradio.Image:
    """Adds the tab of the masks to the page that is being built. Returns its input for an image."""
    shipped = all(name.startswith(PREFIX) for name in models)
    gradio.Markdown(SHIPPED if shipped else OWN)
    image = add_examples(examples)
    with gradio.Row(elem_classes="pictures"):
        image.render()
        differences = add_differences(several=len(models) > 1)
    answers = add_answers(models)
    answered = image.change(
        partial(answer, models),
        image,
        [*differences, *answers],
        api_name="predict",
        show_progress="minimal",
    )
    sliders = add_sliders()
    moved = add_columns(models, "moved")
    shift = partial(answer_shift, models)
    # One after the other, so that the times are measured undisturbed.
    answered.success(
        shift,
        [image, *sliders],
        moved,
        api_name="move",
        show_progress="minimal",
    )
    for slider in sliders:
        slider.change(
            shift,
            [image, *sliders],
            moved,
            api_visibility="private",
            trigger_mode="always_last",
            show_progress="minimal",
        )
    return image


def add_inside(models: Mapping[str, Model], image: gradio.Image, tab: gradio.Tab) -> None:
    """Adds what models do inside to their tab, which computes it when it is opened."""
    gradio.Markdown(INSIDE)
    steps = add_columns(models, "steps")
    shown = gradio.State(None)  # the image whose steps are on the page
    tab.select(
        partial(update_steps, models),
        [image, shown],
        [*steps, shown],
        api_name="steps",
        show_progress="hidden",
    )


def add_examples(examples: Sequence[Image.Image]) -> Any:
    """Images to click. Returns where they go, the input for an image, which is yet to be placed."""
    image: Any = gradio.Image(
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


def uploaded_path(upload: Any) -> str | None:
    """Where gradio put an uploaded file."""
    return upload.path if upload else None


def add_differences(several: bool) -> list[gradio.Image]:
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


def add_answers(models: Mapping[str, Model]) -> list[Any]:
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


def add_sliders() -> list[gradio.Slider]:
    """By how many pixels the image is moved."""
    gradio.Markdown(MOVING)
    with gradio.Row():
        return [
            gradio.Slider(0, MAX_SHIFT, 1, step=1, label="dx, to the right", elem_id="dx"),
            gradio.Slider(0, MAX_SHIFT, 0, step=1, label="dy, down", elem_id="dy"),
        ]


def add_columns(models: Mapping[str, Model], kind: str) -> list[gradio.HTML]:
    """A column for each model, with an output."""
    outputs = []
    with gradio.Row(elem_classes="models"):
        for number, name in enumerate(models):
            with gradio.Column(min_width=0):
                gradio.Markdown(f"**{escape(name)}**")
                outputs.append(gradio.HTML(elem_id=f"{kind}-{number}"))
    return outputs


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
