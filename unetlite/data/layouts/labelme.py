"""labelme: a JSON file of shapes beside each image."""

from functools import partial
from math import dist
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.image_files import is_image, nfc
from unetlite.data.layouts.base import (
    Layout,
    Naming,
    Pair,
    Reader,
    list_folders,
    match_group,
    split_by_folder,
)
from unetlite.data.layouts.drawing import Part, fill_circle, fill_polygon
from unetlite.data.layouts.json_files import expect_export, peek_json, read_json
from unetlite.data.layouts.masks import DrawnMask, Shape, check_size
from unetlite.errors import UsageError

TOOL = "labelme"
BACKGROUND = "background"
RESERVED = {"_background_": 0, BACKGROUND: 0, "__ignore__": IGNORE}
"""Labels with a meaning of their own, as in labelme's examples."""


def labelme(directory: Path) -> Reader | None:
    """JSON files with shapes, beside the images that they name, in whatever folders."""
    folders = [directory, *list_folders(directory)]
    for folder in list_folders(directory):
        folders += list_folders(folder)
    if not any(is_labelme(content) for folder in folders for _, content in peek_json(folder)):
        return None
    return partial(read_labelme, directory)


def is_labelme(content: Any) -> bool:
    """True for the content of a file that labelme wrote."""
    return isinstance(content, dict) and content.keys() >= {"shapes", "imagePath"}


def read_labelme(directory: Path, naming: Naming) -> Layout:
    """The images that have a JSON file, with masks to draw; later shapes lie over earlier ones.

    Class indices are 1, 2, ... in the alphabetical order of the labels. Splits are folders named
    train, val and test, if there are any. Raises UsageError for a missing image, or for a shape
    without an area.
    """
    contents = {}
    for file in sorted(directory.rglob("*.json")):
        content = read_json(file)
        if is_labelme(content):
            contents[file] = content
    labels: set[str] = set()
    for file, content in contents.items():
        with expect_export(file, TOOL):
            labels.update(str(shape["label"]) for shape in content["shapes"])
    names = sorted(labels - RESERVED.keys())
    indices = {name: index for index, name in enumerate(names, start=1)} | RESERVED
    pairs = []
    empty = 0
    file_of: dict[str, Path] = {}
    for file, content in contents.items():
        with expect_export(file, TOOL):
            image = find_image(file, content["imagePath"], directory)
            shapes = [read_shape(file, shape, indices) for shape in content["shapes"]]
            size = check_size(
                file,
                image.name,
                content.get("imageHeight"),
                content.get("imageWidth"),
            )
        empty += not shapes
        name = nfc(image.relative_to(directory).with_suffix("").as_posix())
        if name in file_of:
            raise UsageError(f"{file} and {file_of[name]} name one image, {image}; keep one.")
        file_of[name] = file
        mask = DrawnMask(
            file,
            image.name,
            size,
            shapes,
        )
        pairs.append(
            Pair(
                name,
                (image,),
                mask,
                match_group(name, naming.group),
            )
        )
    notes: tuple[str, ...] = ()
    if empty:
        notes = (f"{empty} images have no shape, only background",)
    return Layout(split_by_folder(pairs, directory), [BACKGROUND, *names], notes=notes)


def find_image(file: Path, image_path: str, directory: Path) -> Path:
    """The image below a directory that a file names, or else the one of its own name beside it.

    Raises UsageError if there is none.
    """
    named = Path(*normal_parts(file.parent / image_path.replace("\\", "/")))
    candidates = [named, file.parent / named.name]
    for path in sorted(file.parent.glob("*")):
        same_name = nfc(path.name) == nfc(named.name)
        if is_image(path) and (same_name or nfc(path.stem) == nfc(file.stem)):
            candidates.append(path)
    for path in candidates:
        if path.is_file() and is_image(path) and path.is_relative_to(directory):
            return path
    raise UsageError(f"{file} names the image {image_path}, which is not there; put it beside it.")


def normal_parts(path: Path) -> list[str]:
    """The parts of a path without a/.. in it."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


def read_shape(file: Path, shape: dict[str, Any], indices: dict[str, int]) -> Shape:
    """A shape to draw. Raises UsageError for a type without an area."""
    kind = shape.get("shape_type") or "polygon"
    points = np.array(shape["points"], np.float64).reshape(-1, 2)
    part: Part
    if kind == "polygon" and len(points) > 2:
        part = partial(fill_polygon, points)
    elif kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        part = partial(fill_polygon, corners)
    elif kind == "rectangle" and len(points) == 4:
        part = partial(fill_polygon, points)
    elif kind == "circle" and len(points) == 2:
        centre, edge = points
        part = partial(fill_circle, tuple(centre), dist(centre, edge))
    else:
        raise UsageError(
            f"{file} has the label {shape['label']} as a {kind} of {len(points)} points; expected "
            "a polygon, a rectangle or a circle. Draw it as one, or take it out."
        )
    return Shape(indices[str(shape["label"])], [part])
