"""`unetlite demo`: a web page on this machine that shows each model's mask of an image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from unetlite.arithmetic.words import say
from unetlite.commands.arithmetic_page.page import add_arithmetic
from unetlite.commands.demo_page.models import add_models
from unetlite.commands.demo_page.serving import import_gradio, new_page, serve
from unetlite.errors import UsageError
from unetlite.inference.model import Model, load

NO_MODELS = """No model was given. Train some and open them:

```
python train.py -m upsample=transpose,nearest,bilinear
unetlite demo outputs/coast/*/seed0
```

The page then shows the mask, the time and the decoder steps of each, side by side."""


def demo(
    models: Annotated[
        list[Path] | None,
        typer.Argument(help="Checkpoints, run directories or exports, to compare by eye."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines reach 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A web page on this machine: each model's mask of an image, and arithmetic to touch."""
    loaded = {str(path): load(path) for path in models or []}
    example = None
    if loaded:
        first_model = next(iter(loaded.values()))
        example = example_image(first_model)
    page = build(loaded, example)
    shows = ", ".join(loaded) or "arithmetic; `unetlite demo RUN` shows models, too"
    serve(page, host, port, shows)


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


def build(models: Mapping[str, Model], example: Image.Image | None) -> Any:
    """The page, a gradio.Blocks: the models with an example to try, and the arithmetic."""
    gradio = import_gradio()
    with new_page(gradio) as page:
        gradio.Markdown("# unetlite")
        first = "models" if models else "arithmetic"
        with gradio.Tabs(selected=first, elem_id="tabs") as tabs:
            with gradio.Tab("Models", id="models"):
                if example is None:
                    gradio.Markdown(NO_MODELS)
                else:
                    add_models(gradio, models, example)
            with gradio.Tab(f"{say('tab')} · {say('tab', 'zh')}", id="arithmetic"):
                add_arithmetic(gradio)

        def open_tab(request: gradio.Request) -> Any:  # type: ignore[name-defined]
            """A link to a state of the arithmetic opens that tab."""
            linked = {"example", "operation"} & set(request.query_params)
            return gradio.Tabs(selected="arithmetic" if linked else first)

        page.load(open_tab, None, tabs, api_visibility="private")
    return page
