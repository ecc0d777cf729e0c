"""The page of an inspection: what was read from a folder, with pictures."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader

from unetlite.data.inspect import Inspection
from unetlite.files import write_text
from unetlite.visualize import Pictures, data_uri


def write_page(
    inspection: Inspection,
    file: Path,
    suspects: Mapping[str, Pictures] | None = None,
) -> None:
    """Writes a page that needs no other file. `suspects` has pictures of images to look at."""
    environment = Environment(loader=PackageLoader("unetlite.compare"), autoescape=True)
    environment.filters["address"] = data_uri
    template = environment.get_template("inspection.html")
    write_text(file, template.render(inspection=inspection, suspects=suspects or {}))
