"""`unetlite demo`: a web page on this machine that shows each model's mask of an image."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from unetlite.data.formats import open_image_file
from unetlite.data.raster import PixelKind, check_kind, read_image
from unetlite.errors import UsageError, require_extra
from unetlite.inference.model import Model, Prediction, load
from unetlite.timing import interleaved_median
from unetlite.visualize import DIFFERENT

ROUNDS = 3
MEASURED_PIXELS = 2**20  # larger images are predicted twice only
LARGEST_UPLOAD = "100mb"
MAX_PIXELS = 2**26

PICTURE: dict[str, Any] = {
    "format": "png",
    "interactive": False,
    "buttons": ["download", "fullscreen"],
}
"""Options of a picture on the page."""

SWATCH = "display:inline-block;width:.8em;height:.8em"
LIST = "list-style:none;padding:0;margin:0"


def demo(
    models: Annotated[
        list[Path],
        typer.Argument(help="Checkpoints, run directories or exports, to compare by eye."),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines reach 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A web page on this machine: drop an image, see each model's mask and timing side by side."""
    loaded = {str(path): load(path) for path in models}
    first_model = next(iter(loaded.values()))
    page, theme = build(loaded, example_image(first_model))
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            ssr_mode=False,
            theme=theme,
            max_file_size=LARGEST_UPLOAD,
        )
    except OSError:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there, is the port taken?"
        ) from None
    print(f"{', '.join(loaded)}: {address}   (Ctrl+C ends it)")
    page.block_thread()


def example_image(model: Model) -> Image.Image:
    """A test image of the model's data set if that is on this machine, else a coastline."""
    from unetlite.data.coast import example
    from unetlite.data.provenance import load_run_data
    from unetlite.inference.agreement import spread_images

    metadata = model.metadata
    config = metadata.config
    if config["data"]["name"] == "coast":
        return example()
    try:
        splits = load_run_data(config, metadata.environment.get("data_hash")).dataset.splits
    except UsageError:
        return example()
    image = next(spread_images(splits["test"], 1))  # (C, H, W)
    return Image.fromarray(model.metadata.display.rgb(image))


def build(models: Mapping[str, Model], example: Image.Image) -> tuple[Any, Any]:
    """The page, a gradio.Blocks, and its theme. Nothing of it comes from the internet."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    with require_extra("demo"):
        import gradio
    theme = gradio.themes.Default(  # with the system's fonts
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    with gradio.Blocks(
        title="unetlite", analytics_enabled=False, delete_cache=(3600, 3600)
    ) as page:
        gradio.Markdown("# unetlite\nDrop an image: what does each model make of it, and how fast?")
        with gradio.Row():
            image = gradio.Image(type="filepath", label="image", sources=["upload", "clipboard"])
            # The file as it is: gradio would open it with whatever Pillow has for its content.
            image.preprocess = uploaded_path  # type: ignore[assignment, method-assign]
            outputs: list[Any] = [
                gradio.Image(
                    label="where the models differ",
                    elem_id="differences",
                    visible=len(models) > 1,
                    **PICTURE,
                )
            ]
        gradio.Examples([[example]], image, label="example")
        with gradio.Row():
            for number, (name, model) in enumerate(models.items()):
                with gradio.Column(min_width=240):
                    gradio.Markdown(f"### {escape(name)}\n{describe(model)}")
                    for kind in ("overlay", "mask"):
                        element = f"{kind}-{number}"
                        outputs.append(gradio.Image(label=kind, elem_id=element, **PICTURE))
                    outputs.append(gradio.HTML(elem_id=f"result-{number}"))
        image.change(
            partial(answer, models),
            image,
            outputs,
            api_name="predict",
            show_progress="minimal",
        )
    return page, theme


def uploaded_path(upload: Any) -> str | None:
    """Where gradio put an uploaded file."""
    return upload.path if upload else None


def describe(model: Model) -> str:
    """The operator, the runtime, and the test or validation score of a model."""
    metadata = model.metadata
    operator = metadata.network.upsample["name"]
    text = f"{operator} · {model.runtime.name}, {metadata.precision}"
    for split, key in (("test", "test/miou"), ("validation", "val/miou")):
        score = metadata.metrics.get(key)
        if score:
            return f"{text} · {split} mIoU {score:.3f}"
    return text


def answer(models: Mapping[str, Model], file: str | None) -> list[Any]:
    """The values of the page's outputs for an uploaded file; None each without a file.

    Raises gradio.Error if the file cannot be read.
    """
    import gradio

    if file is None:
        return [None] * (1 + 3 * len(models))
    try:
        image = read_upload(Path(file))
    except UsageError as error:
        message = str(error).replace(file, Path(file).name)  # a visitor need not see the folder
        raise gradio.Error(message, print_exception=False) from None
    predictions: dict[str, Prediction] = {}

    def predict(name: str) -> None:
        predictions[name] = models[name].predict(image)

    rounds = ROUNDS if image.shape[0] * image.shape[1] <= MEASURED_PIXELS else 1
    functions = {name: partial(predict, name) for name in models}
    times = interleaved_median(functions, rounds, warm_up=0)
    values: list[Any] = [disagreement(list(predictions.values()))]
    for name, prediction in predictions.items():
        values.append(prediction.overlay)
        values.append(prediction.mask.convert("RGB"))
        values.append(summary(prediction, times[name]))
    return values


def read_upload(file: Path) -> np.ndarray:
    """The pixels of a photograph, uint8 (H, W, C). Raises UsageError for any other file."""
    header = open_image_file(file)
    if header.width * header.height > MAX_PIXELS:
        raise UsageError(
            f"{file} has {header.width} x {header.height} pixels; "
            f"at most {MAX_PIXELS} are taken here."
        )
    check_kind(header, PixelKind(header.colour_channels, "uint8"))
    return read_image(file).values.transpose(1, 2, 0)


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


def disagreement(predictions: Sequence[Prediction]) -> Image.Image:
    """The image in grey, with the pixels in colour whose class names differ between models."""
    first, *others = [class_names(prediction) for prediction in predictions]
    differ = np.zeros(first.shape, bool)
    for names in others:
        differ |= names != first
    grey = predictions[0].image.mean(0, dtype=np.float32)
    pale = grey / 3 + 170  # so that single pixels stand out
    picture = np.where(differ[..., None], DIFFERENT, pale[..., None]).astype(np.uint8)
    return Image.fromarray(picture)


def class_names(prediction: Prediction) -> np.ndarray:
    """The name of the class of each pixel, (H, W)."""
    names = np.array(prediction.metadata.classes)
    return names[prediction.classes]
