"""The page of `unetlite demo`: the models, finished comparisons, and the arithmetic."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import gradio
from PIL import Image

from unetlite.arithmetic.words import say
from unetlite.commands.arithmetic_page.page import add_arithmetic
from unetlite.commands.demo_page.models import add_inside, add_models
from unetlite.commands.demo_page.serving import new_page
from unetlite.errors import UsageError
from unetlite.files import shell_path
from unetlite.inference.model import Model

REPORT = "report.html"

FRAME = '<iframe sandbox="allow-scripts" title="{title}" srcdoc="{document}"></iframe>'
"""Scripts of the report sort its tables. In a sandbox they reach neither page nor server."""


def build(
    models: Mapping[str, Model],
    examples: Sequence[Image.Image],
    reports: Sequence[Path] = (),
) -> gradio.Blocks:
    """The page: the models with examples to try, reports, and the arithmetic."""
    with new_page() as page:
        gradio.Markdown("# unetlite: which decoder upsampling should I use?")
        with gradio.Tabs(selected="models", elem_id="tabs") as tabs:
            with gradio.Tab("Models", id="models"):
                image = add_models(models, examples)
            with gradio.Tab("Decoder steps", id="steps") as inside:
                add_inside(models, image, inside)
            for directory in reports:
                with gradio.Tab(f"Report {directory.name}"):
                    add_report(directory)
            with gradio.Tab(f"{say('tab')} · {say('tab', 'zh')}", id="arithmetic"):
                add_arithmetic()
        page.load(open_tab, None, tabs, api_visibility="private")
    return page


def open_tab(request: gradio.Request) -> gradio.Tabs:
    """A link to a state of the arithmetic opens that tab."""
    linked = {"example", "operation"} & set(request.query_params)
    return gradio.Tabs(selected="arithmetic" if linked else "models")


def has_report(path: Path) -> bool:
    """True for the directory of a finished comparison, such as outputs/coast.

    Raises UsageError for a directory of runs that were not compared.
    """
    if (path / REPORT).is_file():
        return True
    runs = sorted(path.glob("*/seed*"))
    if runs:
        raise UsageError(
            f"{path} has no {REPORT}: `unetlite compare {shell_path(path)}` writes it. Or give "
            f"runs, such as {runs[0]}."
        )
    return False


def add_report(directory: Path) -> None:
    """Adds the report of a comparison, as `unetlite compare` wrote it."""
    document = (directory / REPORT).read_text(encoding="utf-8", errors="replace")
    title = escape(f"Report of {directory}")
    frame = FRAME.format(title=title, document=escape(document))
    gradio.HTML(frame, elem_classes="report")
