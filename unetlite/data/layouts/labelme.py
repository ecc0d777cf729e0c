"""labelme: a JSON file of shapes beside each image."""

import os
from functools import partial
from math import dist
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.image_files import image_name, is_image, nfc
from unetlite.data.layouts.base import (
    BACKGROUND,
    Layout,
    Naming,
    Pair,
    Reader,
    list_folders,
    split_by_folder,
)
from unetlite.data.layouts.drawing import Part, fill_circle, fill_polygon
from unetlite.data.layouts.json_files import expect_export, peek_json, read_json
from unetlite.data.layouts.left_out import shown
from unetlite.data.layouts.masks import DrawnMask, Shape, read_size
from unetlite.data.layouts.rare_labels import describe_rare_labels
from unetlite.errors import UsageError
from unetlite.wording import counted

TOOL = "labelme"
RESERVED = {"_background_": 0, BACKGROUND: 0, "__ignore__": IGNORE}
"""Labels with a meaning of their own, as in labelme's examples."""


def labelme(directory: Path) -> Reader | None:
    """JSON files with shapes, beside the images that they name, in whatever folders."""
    folders = [directory, *list_folders(directory)]
    for folder in list_folders(directory):
        folders += list_folders(folder)
    if not peek_json(folders).matching(is_labelme):
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
    contents = read_contents(directory)
    labels_of = {}
    for file, content in contents.items():
        with expect_export(file, TOOL):
            labels = {shape_label(shape) for shape in content["shapes"]}
            labels_of[shown(file, directory)] = labels - RESERVED.keys()
    names = sorted(set().union(*labels_of.values()))
    indices = {name: index for index, name in enumerate(names, start=1)} | RESERVED
    pairs = []
    file_of: dict[str, Path] = {}
    for file, content in contents.items():
        with expect_export(file, TOOL):
            image = find_image(file, content["imagePath"], directory)
            mask = read_mask(file, content, image.name, indices)
        name = image_name(image.relative_to(directory))
        other = file_of.setdefault(name, file)
        if other != file:
            raise UsageError(f"{file} and {other} name one image, {image}; keep one.")
        pairs.append(Pair(name, (image,), mask, naming.group_of(name)))
    notes = describe_rare_labels(labels_of, "file")
    empty = sum(not content["shapes"] for content in contents.values())
    if empty:
        notes.append(f"only background: {counted(empty, 'image')} without a shape")
    return Layout(
        split_by_folder(pairs, directory),
        [BACKGROUND, *names],
        classes_from="the list of labels",
        notes=notes,
    )


def read_contents(directory: Path) -> dict[Path, dict[str, Any]]:
    """The files of labelme below a directory. Raises UsageError for a damaged one."""
    contents = {}
    for file in sorted(directory.rglob("*.json")):
        content = read_json(file)
        if is_labelme(content):
            contents[file] = content
    return contents


def find_image(file: Path, image_path: str, directory: Path) -> Path:
    """The image below a directory that a file names, or else the one of its own name beside it.

    Raises UsageError if there is none.
    """
    named = Path(os.path.normpath(file.parent / image_path.replace("\\", "/")))
    candidates = [named, file.parent / named.name]
    for path in sorted(file.parent.glob("*")):
        same_name = nfc(path.name) == nfc(named.name)
        if is_image(path) and (same_name or nfc(path.stem) == nfc(file.stem)):
            candidates.append(path)
    for path in candidates:
        if path.is_file() and is_image(path) and path.is_relative_to(directory):
            return path
    raise UsageError(f"{file} names the image {image_path}, which is not there; put it beside it.")


def read_mask(
    file: Path,
    content: dict[str, Any],
    image: str,
    indices: dict[str, int],
) -> DrawnMask:
    """The mask of an image of this name."""
    shapes = [read_shape(file, shape, indices) for shape in content["shapes"]]
    size = read_size(
        file,
        image,
        content.get("imageHeight"),
        content.get("imageWidth"),
    )
    return DrawnMask(
        file,
        image,
        size,
        "imageWidth and imageHeight",
        shapes,
    )


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
    return Shape(indices[shape_label(shape)], [part])


def shape_label(shape: dict[str, Any]) -> str:
    """The label of a shape, in Unicode NFC."""
    return nfc(str(shape["label"]))
