"""The tab of a finished comparison: its report, as `unetlite compare` wrote it."""

from html import escape
from pathlib import Path
from typing import Any

from unetlite.errors import UsageError
from unetlite.files import shell_path

FILE = "report.html"

FRAME = '<iframe sandbox="allow-scripts" title="{title}" srcdoc="{document}"></iframe>'
"""Scripts of the report sort its tables. In a sandbox they reach neither page nor server."""


def has_report(path: Path) -> bool:
    """True for the directory of a finished comparison, such as outputs/coast.

    Raises UsageError for a directory of runs that were not compared.
    """
    if (path / FILE).is_file():
        return True
    runs = sorted(path.glob("*/seed*"))
    if runs:
        raise UsageError(
            f"{path} has no {FILE}: `unetlite compare {shell_path(path)}` writes it. Or give runs, "
            f"such as {runs[0]}."
        )
    return False


def add_report(gradio: Any, directory: Path) -> None:
    """Adds the report of a comparison to the page of gradio that is being built."""
    document = (directory / FILE).read_text(encoding="utf-8", errors="replace")
    title = escape(f"Report of {directory}")
    frame = FRAME.format(title=title, document=escape(document))
    gradio.HTML(frame, elem_classes="report")
