"""`unetlite demo`: a web page on this machine that shows each model's mask of an image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from unetlite.errors import UsageError, require_extra
from unetlite.inference.demo_networks import (
    PREFIX,
    PRETRAINED,
    demo_names,
    example_files,
    missing_timm,
)
from unetlite.inference.model import Model, load


def demo(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Checkpoints, run directories, exports or demo:NAME, to compare by eye; and "
            "directories of finished comparisons. By default the networks of the package."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines reach 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A web page on this machine: each model's mask of an image, and arithmetic to touch."""
    with require_extra("demo"):  # before anything is loaded
        from unetlite.commands.demo_page.page import build, has_report
        from unetlite.commands.demo_page.serving import serve

    reports = []
    loaded = {}
    for path in models or []:
        if has_report(path):
            reports.append(path)
        else:
            loaded[str(path)] = load(path)
    if not loaded:
        loaded = load_shipped()
    page = build(loaded, example_images(loaded), reports)
    shows = ", ".join([*loaded, *map(str, reports)])
    serve(page, host, port, shows)


def load_shipped() -> dict[str, Model]:
    """The networks of the package by name. One whose encoder is not installed is left out."""
    names = demo_names()
    if missing_timm():
        names.remove(PREFIX + PRETRAINED)
        print(
            f"{PREFIX}{PRETRAINED} is left out: its encoder needs the package timm: "
            'pip install "unetlite[encoders]"'
        )
    return {name: load(name) for name in names}


def example_images(models: Mapping[str, Model]) -> list[Image.Image]:
    """Images to try: one of the data of the first model, or those of the package's networks."""
    images = []
    own = [name for name in models if not name.startswith(PREFIX)]
    if own:
        images.append(example_image(models[own[0]]))
    if len(own) < len(models):
        images += [Image.open(file) for file in example_files()]
    return images


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
