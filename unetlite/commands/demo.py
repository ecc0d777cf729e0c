"""`unetlite demo`: a web page on this machine. Drop an image, see what each model makes of it, side by side."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from unetlite.data.images import open_image
from unetlite.errors import UsageError, needs
from unetlite.inference.model import Model, Prediction, load
from unetlite.pictures import WRONG
from unetlite.timing import in_turn

ROUNDS, MEASURED_PIXELS = 3, 2**20  # larger images are predicted twice only
LARGEST_UPLOAD, MOST_PIXELS = "100mb", 2**26


def demo(
    models: Annotated[list[Path], typer.Argument(help="Checkpoints, run directories or exports, to compare by eye.")],
    host: Annotated[str, typer.Option(help="Address to listen on; other machines reach 0.0.0.0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A web page on this machine: drop an image, see each model's mask and timing side by side."""
    loaded = {str(path): load(path) for path in models}
    page, theme = build(loaded, example_image(next(iter(loaded.values()))))
    try:
        _, address, _ = page.launch(
            server_name=host, server_port=port, share=False, quiet=True, prevent_thread_lock=True, footer_links=[],
            ssr_mode=False, theme=theme, max_file_size=LARGEST_UPLOAD,
        )  # fmt: skip
    except OSError:
        raise UsageError(f"--host {host} --port {port}: cannot listen there, is the port taken?") from None
    print(f"{', '.join(loaded)}: {address}   (Ctrl+C ends it)")
    page.block_thread()


def example_image(model: Model) -> Image.Image:
    """A test image of the model's data set where that is on this machine, else a piece of the Earth."""
    from unetlite.data.batches import data_of_run
    from unetlite.data.coast import example as earth
    from unetlite.inference.export import some_images

    if model.metadata.config["data"]["name"] == "coast":
        return earth()
    try:
        (image,) = some_images(data_of_run(model.metadata.config).store.splits["test"], 1)  # (C, H, W)
    except UsageError:
        return earth()
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def build(models: Mapping[str, Model], example: Image.Image) -> tuple[Any, Any]:
    """The page, a gradio.Blocks, and its theme. Nothing of it comes from the internet."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    with needs("demo"):
        import gradio
    # With the system's fonts, and without the button that would share a picture through the internet.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    picture: dict[str, Any] = {"format": "png", "interactive": False, "buttons": ["download", "fullscreen"]}
    with gradio.Blocks(title="unetlite", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gradio.Markdown("# unetlite\nDrop an image: what does each model make of it, and how fast?")
        with gradio.Row():
            image = gradio.Image(type="filepath", label="image", sources=["upload", "clipboard"])
            # The file as it is: gradio would open it with whatever Pillow has for its content.
            image.preprocess = lambda payload: payload.path if payload else None  # type: ignore[method-assign]
            several = {**picture, "visible": len(models) > 1}
            outputs: list[Any] = [gradio.Image(label="where the models differ", elem_id="differences", **several)]
        gradio.Examples([[example]], image, label="example")
        with gradio.Row():
            for number, (name, model) in enumerate(models.items()):
                with gradio.Column(min_width=240):
                    gradio.Markdown(f"### {escape(name)}\n{describe(model)}")
                    kinds = "overlay", "mask"
                    outputs += [gradio.Image(label=kind, elem_id=f"{kind}-{number}", **picture) for kind in kinds]
                    outputs.append(gradio.HTML(elem_id=f"result-{number}"))
        image.change(partial(answer, models), image, outputs, api_name="predict", show_progress="minimal")
    return page, theme


def describe(model: Model) -> str:
    """The operator, what runs the model, and how well it did."""
    metadata = model.metadata
    text = f"{metadata.network.upsample['name']} · {model.runtime.name}, {metadata.precision}"
    scores = {"test": metadata.metrics.get("test/miou"), "validation": metadata.metrics.get("val/miou")}
    return next((f"{text} · {split} mIoU {score:.3f}" for split, score in scores.items() if score), text)


def answer(models: Mapping[str, Model], file: str | None) -> list[Any]:
    """The values of the page's outputs for an uploaded file; nothing for none. Raises gradio.Error, in words."""
    import gradio

    if file is None:
        return [None] * (1 + 3 * len(models))
    try:
        with open_image(Path(file), MOST_PIXELS) as opened:
            image = opened.copy()
    except UsageError as error:
        words = str(error).replace(file, Path(file).name)  # where it lies here is nobody's business
        raise gradio.Error(words, print_exception=False) from None
    predictions: dict[str, Prediction] = {}

    def predict(name: str) -> None:
        predictions[name] = models[name].predict(image)

    rounds = ROUNDS if image.width * image.height <= MEASURED_PIXELS else 1
    times = in_turn({name: partial(predict, name) for name in models}, rounds, warm_up=0)
    found: list[Any] = [disagreement(list(predictions.values()))]
    for name, prediction in predictions.items():
        found += [prediction.overlay, prediction.mask.convert("RGB"), summary(prediction, times[name])]
    return found


def summary(prediction: Prediction, milliseconds: float) -> str:
    """Time and areas as HTML, each class with its colour."""
    height, width = prediction.classes.shape
    items = "".join(
        f'<li><span style="background:rgb{colour};display:inline-block;width:.8em;height:.8em"></span> '
        f"{escape(name)} {prediction.areas[name]:.1%}</li>"
        for name, colour in zip(prediction.metadata.classes, prediction.metadata.colours, strict=True)
    )
    list_style = "list-style:none;padding:0;margin:0"
    return f"<b>{milliseconds:.0f} ms</b> for {width} x {height} pixels<ul style='{list_style}'>{items}</ul>"


def disagreement(predictions: Sequence[Prediction]) -> Image.Image:
    """The image in grey, with the pixels in colour where not all models give the class of the same name."""
    names = [np.array(prediction.metadata.classes)[prediction.classes] for prediction in predictions]
    differ = np.any([other != names[0] for other in names], axis=0)
    grey = predictions[0].image.mean(0, dtype=np.float32) / 3 + 170  # pale, so that single pixels stand out
    picture = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    picture[differ] = WRONG
    return Image.fromarray(picture)
