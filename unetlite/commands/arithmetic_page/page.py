"""The arithmetic on a page of gradio: a form in HTML, and the function that answers it."""

import gradio

from unetlite.commands.arithmetic_page.answer import answer
from unetlite.settings.paths import PACKAGE

TEMPLATES = PACKAGE / "commands" / "templates"
FRAME = (
    '<div class="arithmetic"><div data-part="controls"></div><div class="board">'
    '<div data-part="inputs"></div><div data-part="result" aria-live="polite"></div></div>'
    '<div data-part="sum" class="card"></div><div data-part="more"></div></div>'
)


def add_arithmetic() -> None:
    """Adds it to the page that is being built. The page's address holds its state."""
    script = (TEMPLATES / "arithmetic.js").read_text(encoding="utf-8")
    gradio.HTML(
        FRAME,
        elem_id="arithmetic",
        js_on_load=script,
        server_functions=[answer],
        apply_default_css=False,
    )
