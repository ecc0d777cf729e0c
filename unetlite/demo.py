"""A web page on this machine: drop an image, see what each model makes of it, side by side."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich import get_console

from unetlite.bench import in_turn
from unetlite.data.coast import example as earth
from unetlite.data.module import data_of_run
from unetlite.errors import UsageError
from unetlite.pictures import WRONG
from unetlite.predict.model import Model, Prediction, load

LOOPBACK = "127.0.0.1"
ROUNDS, MEASURED_PIXELS = 3, 2**20  # larger images are predicted twice only


def demo(paths: Sequence[Path], *, host: str, port: int) -> None:
    """Serves the page until it is interrupted.

    Raises:
        UsageError: a model cannot be opened, gradio is not installed, or the port is taken.
    """
    models = named([load(path) for path in paths], paths)
    page = build(models, example_image(next(iter(models.values()))))
    console = get_console()
    try:
        _, address, _ = page.launch(
            server_name=host, server_port=port, share=False, quiet=True, prevent_thread_lock=True, footer_links=[],
            ssr_mode=False, theme=theme(), show_error=True,
        )  # fmt: skip
    except OSError:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there, is the port taken? Choose another."
        ) from None
    console.print(f"{', '.join(models)}: {address}   (Ctrl+C ends it)", highlight=False, markup=False)
    page.block_thread()


def named(models: Sequence[Model], paths: Sequence[Path]) -> dict[str, Model]:
    """The models by a name that tells them apart: the operator, and where needed the seed, the runtime or the path."""
    ways = (
        lambda model, path: model.card.network.upsample["name"],
        lambda model, path: f"{model.card.network.upsample['name']}, seed {model.card.config.get('seed')}",
        lambda model, path: f"{model.card.network.upsample['name']}, {model.runtime.name}, {model.card.precision}",
        lambda model, path: str(path),
    )
    for way in ways:
        names = [way(model, path) for model, path in zip(models, paths, strict=True)]
        if max(Counter(names).values()) == 1:
            break
    return dict(zip(names, models, strict=True))


def example_image(model: Model) -> Image.Image:
    """A test image of the model's data set where that is on this machine, else a piece of the Earth."""
    if model.card.config["data"]["name"] == "coast":
        return earth()
    try:
        split = data_of_run(model.card.config).store.splits["test"]
    except UsageError:
        return earth()
    largest = max(range(len(split)), key=lambda k: split.sizes[k])
    image = split[split.whole(largest)][0].permute(1, 2, 0).numpy()
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def import_gradio() -> Any:
    """Gradio, kept from asking the internet anything.

    Raises:
        UsageError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError:
        raise UsageError("the page needs the package gradio: pip install gradio") from None
    return gradio


def theme() -> Any:
    """Gradio's looks with the system's fonts: its own come from the internet."""
    return import_gradio().themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def build(models: Mapping[str, Model], example: Image.Image) -> Any:
    """The page, a gradio.Blocks."""
    gradio = import_gradio()
    # Without the button that would share a picture through the internet.
    picture = {"format": "png", "interactive": False, "buttons": ["download", "fullscreen"]}
    with gradio.Blocks(title="unetlite", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gradio.Markdown("# unetlite\nDrop an image: what does each model make of it, and how fast?")
        with gradio.Row():
            image = gradio.Image(
                type="pil", image_mode=None, format="png", label="image", sources=["upload", "clipboard"]
            )
            if len(models) > 1:
                differences = gradio.Image(label="where the models differ", elem_id="differences", **picture)
        gradio.Examples([[example]], image, label="example")
        outputs: list[Any] = []
        with gradio.Row():
            for number, (name, model) in enumerate(models.items()):
                with gradio.Column(min_width=240):
                    gradio.Markdown(f"### {escape(name)}\n{describe(model)}")
                    outputs += [
                        gradio.Image(label="overlay", elem_id=f"overlay-{number}", **picture),
                        gradio.Image(label="mask", elem_id=f"mask-{number}", **picture),
                        gradio.HTML(elem_id=f"result-{number}"),
                    ]
        if len(models) > 1:
            outputs.append(differences)
        image.change(lambda pixels: answer(models, pixels), image, outputs, api_name="predict", show_progress="minimal")
    return page


def describe(model: Model) -> str:
    """What runs the model, and how well it did."""
    card = model.card
    score = card.metrics.get("test/miou") or card.metrics.get("val/miou")
    quality = (
        "" if score is None else f" · {'test' if card.metrics.get('test/miou') else 'validation'} mIoU {score:.3f}"
    )
    return f"{model.runtime.name}, {card.precision}{quality}"


def answer(models: Mapping[str, Model], image: Image.Image | None) -> list[Any]:
    """The values of the page's outputs; nothing for no image."""
    if image is None:
        return [None] * (3 * len(models) + (len(models) > 1))
    predictions: dict[str, Prediction] = {}

    def predict(name: str) -> None:
        predictions[name] = models[name].predict(image)

    rounds = ROUNDS if image.width * image.height <= MEASURED_PIXELS else 1
    seconds = in_turn({name: partial(predict, name) for name in models}, rounds, warm_up=0)
    columns = [
        (prediction.overlay, prediction.mask.convert("RGB"), summary(prediction, float(np.median(seconds[name]))))
        for name, prediction in predictions.items()
    ]
    found = list(chain.from_iterable(columns))
    return [*found, disagreement(list(predictions.values()))] if len(models) > 1 else found


def summary(prediction: Prediction, seconds: float) -> str:
    """Time and areas as HTML, each class with its colour."""
    height, width = prediction.classes.shape
    items = "".join(
        f'<li><span style="background:rgb{colour};display:inline-block;width:.8em;height:.8em"></span> '
        f"{escape(name)} {prediction.areas[name]:.1%}</li>"
        for name, colour in zip(prediction.card.classes, prediction.card.colours, strict=True)
    )
    list_style = "list-style:none;padding:0;margin:0"
    return f"<b>{1000 * seconds:.0f} ms</b> for {width} x {height} pixels<ul style='{list_style}'>{items}</ul>"


def disagreement(predictions: Sequence[Prediction]) -> Image.Image:
    """The image in grey, with the pixels in colour where not all models give the class of the same name."""
    names = [np.array(prediction.card.classes)[prediction.classes] for prediction in predictions]
    differ = np.any([other != names[0] for other in names[1:]], axis=0)
    grey = predictions[0].image.mean(0, dtype=np.float32) / 3 + 170  # pale, so that single pixels stand out
    picture = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    picture[differ] = WRONG
    return Image.fromarray(picture)
