"""The data set of a request: inspected, opened, and shown."""

from pathlib import Path
from typing import Any

import numpy as np

from unetlite.compare.planning.inspection_page import write_page
from unetlite.compare.planning.request import Request
from unetlite.compare.planning.user_data import compose_folder, fit_crop, folder_options
from unetlite.data.inspect import inspect_folder
from unetlite.data.loader import SegmentationData
from unetlite.files import relative_path
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CONFIGS
from unetlite.training.fit import open_data


def inspect_data(request: Request, directory: Path) -> tuple[list[str], dict[str, Any]]:
    """Overrides that choose the data, and settings by what is in a folder, by dotted key.

    What is read from a folder is printed, and a page of it written to the directory.
    """
    public_sets = {file.stem for file in (CONFIGS / "data").glob("*.yaml")} - {"folder"}
    if request.data in public_sets:
        return [f"data={request.data}", *request.overrides], {}
    options = folder_options(request.data, request.overrides)
    display = compose_folder(request.data, request.overrides).data.display
    inspection = inspect_folder(Path(request.data), options, display)
    print("\n".join(inspection.lines()))
    page = directory / "inspection.html"
    write_page(inspection, page)
    print(f"preview  {relative_path(page)}", flush=True)
    values = {}
    for key, value in inspection.settings.items():
        if f"data.{key}" not in request.fixed_keys:
            values[f"data.{key}"] = value
    return ["data=folder", *request.overrides], values


def open_fitted(request: Request, overrides: list[str], values: dict[str, Any]) -> SegmentationData:
    """Opens the data set, and adds a crop to the values that fits its images.

    A crop that a person chose stays.
    """
    settings = compose_run(overrides, values)
    data = open_data(settings)
    if "data.crop_size" not in request.fixed_keys:
        values.update(fit_crop(settings, data))
    return data


def print_classes(data: SegmentationData) -> None:
    """Prints classes with their shares of the training pixels, splits and groups."""
    classes = data.dataset.classes
    splits = data.dataset.splits
    counts = np.array(splits["train"].labels[: len(classes)])
    shares = [
        f"{name} {share:.1%}" for name, share in zip(classes, counts / counts.sum(), strict=True)
    ]
    sizes = [f"{len(split)} {name}" for name, split in splits.items()]
    groups = len(set(splits["test"].groups))
    print(f"classes  {', '.join(shares)}")
    print(f"splits   {', '.join(sizes)}; {groups} groups are tested")
