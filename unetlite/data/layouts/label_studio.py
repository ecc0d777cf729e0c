"""Label Studio's JSON export: tasks with polygons, rectangles and brushes."""

from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.image_files import IMAGE_SUFFIXES, image_name, nfc
from unetlite.data.layouts.base import (
    BACKGROUND,
    Layout,
    Naming,
    Pair,
    Reader,
    split_by_folder,
)
from unetlite.data.layouts.drawing import Part, Size, fill_brush, fill_polygon
from unetlite.data.layouts.file_index import FileIndex, file_name
from unetlite.data.layouts.json_files import JsonFiles, expect_export, peek_json
from unetlite.data.layouts.masks import DrawnMask, Shape, read_size
from unetlite.data.layouts.rare_labels import describe_rare_labels
from unetlite.data.raster import read_geometry
from unetlite.errors import UsageError
from unetlite.wording import counted

TOOL = "Label Studio"
KINDS = ("polygonlabels", "rectanglelabels", "brushlabels")
WITHOUT_REGION = (
    "choices",
    "textarea",
    "rating",
    "number",
    "taxonomy",
    "datetime",
    "relation",
    "pairwise",
)


def label_studio(directory: Path) -> Reader | None:
    """A JSON file with a list of tasks, beside or above the images."""
    files = peek_json([directory])
    if not files.matching(is_task_list):
        return None
    return partial(read_label_studio, directory, files)


def is_task_list(content: Any) -> bool:
    """True for the content of Label Studio's JSON export."""
    if not isinstance(content, list) or not content:
        return False
    task = content[0]
    return isinstance(task, dict) and task.keys() >= {"data", "annotations"}


def read_label_studio(directory: Path, json_files: JsonFiles, naming: Naming) -> Layout:
    """The tasks that have an annotation, with masks to draw; later regions lie over earlier ones.

    Class indices are 1, 2, ... in the alphabetical order of the labels. Raises UsageError for a
    missing image, for two annotations of a task, or for a region without an area.
    """
    json_files.check()
    files = json_files.matching(is_task_list)
    if len(files) > 1:
        exports = " and ".join(file.name for file in files)
        raise UsageError(f"{directory} has the exports {exports}; keep one of them.")
    ((file, tasks),) = files.items()
    with expect_export(file, TOOL):
        index = FileIndex(directory)
        results = {}
        unlabelled = 0
        for task in tasks:
            result = task_result(file, task)
            if result is None:
                unlabelled += 1
            else:
                results[find_image(file, task, index)] = result
        if len(results) + unlabelled < len(tasks):
            raise UsageError(f"{file} has two tasks of one image; keep one of them.")
        labels_of = {}
        for image, result in results.items():
            labels_of[image.name] = {region_label(region) for region in result} - {BACKGROUND}
        names = sorted(set().union(*labels_of.values()))
        indices = {name: number for number, name in enumerate([BACKGROUND, *names])}
        pairs = []
        for image, result in results.items():
            pairs.append(make_pair(directory, file, image, result, indices, naming))
    notes = []
    if unlabelled:
        count = counted(unlabelled, "task")
        notes.append(f"left out: {count} of {file.name} without an annotation")
    empty = sum(not result for result in results.values())
    if empty:
        notes.append(f"only background: {counted(empty, 'image')} without a region")
    notes += describe_rare_labels(labels_of, "image")
    return Layout(
        split_by_folder(pairs, directory),
        [BACKGROUND, *names],
        classes_from="the list of labels",
        notes=notes,
    )


def task_result(file: Path, task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The regions of a task, or None if it has no annotation. Raises UsageError if it has two."""
    finished = [each for each in task["annotations"] if not each.get("was_cancelled")]
    if len(finished) > 1:
        raise UsageError(
            f"{file}: task {task.get('id')} has {len(finished)} annotations; keep one of them."
        )
    if not finished:
        return None
    regions = []
    for region in finished[0]["result"]:
        if region["type"] in WITHOUT_REGION:
            continue
        if region["type"] not in KINDS:
            raise UsageError(
                f"{file}: task {task.get('id')} has a region of type {region['type']}; expected "
                f"{', '.join(KINDS)}. Draw it as one of them, or take it out."
            )
        regions.append(region)
    return regions


def region_label(region: dict[str, Any]) -> str:
    """The label of a region. Raises ValueError unless it has one."""
    (label,) = region["value"][region["type"]]
    return nfc(str(label))


def find_image(file: Path, task: dict[str, Any], index: FileIndex) -> Path:
    """The image of a task, with or without what an upload puts before its name.

    Raises UsageError if there is none, or if several files have the name.
    """
    names = []
    for value in task["data"].values():  # addresses or paths, and other texts and numbers
        name = file_name(str(value))
        if name.lower().endswith(IMAGE_SUFFIXES):
            names.append(name)
    matches = set(chain.from_iterable(map(index.find_by_name, names)))
    if len(matches) == 1:
        return matches.pop()
    if not matches:
        raise UsageError(
            f"{file}: task {task.get('id')} has the image {' or '.join(names) or '(none)'}, which "
            f"is not below {index.directory}; put the images there."
        )
    paths = " and ".join(sorted(map(str, matches)))
    raise UsageError(f"{file}: task {task.get('id')} may have the image {paths}; keep one of them.")


def make_pair(
    directory: Path,
    file: Path,
    image: Path,
    result: list[dict[str, Any]],
    indices: dict[str, int],
    naming: Naming,
) -> Pair:
    """The pair of an image. Without regions the mask has the size of the image's own file."""
    name = image_name(image.relative_to(directory))
    sizes = {(region["original_height"], region["original_width"]) for region in result}
    if len(sizes) > 1:
        raise ValueError(f"{image.name} has regions of two sizes")
    height, width = sizes.pop() if sizes else read_geometry(image).viewed_size
    size = read_size(file, image.name, height, width)
    shapes = []
    for region in result:
        if region.get("image_rotation"):
            raise UsageError(
                f"{file}: {image.name} was turned by {region['image_rotation']} degrees while it "
                "was labelled; turn the image itself, and label that."
            )
        shapes.append(Shape(indices[region_label(region)], [read_region(region, size)]))
    mask = DrawnMask(
        file,
        image.name,
        size,
        "original_width and original_height",
        shapes,
    )
    return Pair(name, (image,), mask, naming.group_of(name))


def read_region(region: dict[str, Any], size: Size) -> Part:
    """A region to draw. Coordinates are per cent of the image, angles degrees clockwise."""
    value = region["value"]
    if region["type"] == "brushlabels":
        if value.get("format") != "rle":
            raise ValueError(f"a brush of the format {value.get('format')}")
        return partial(fill_brush, value["rle"])
    scale = np.array([size.width, size.height]) / 100
    if region["type"] == "polygonlabels":
        points = np.array(value["points"], np.float64).reshape(-1, 2) * scale
    else:
        left_top = np.array([value["x"], value["y"]]) * scale
        width, height = np.array([value["width"], value["height"]]) * scale
        angle = np.deg2rad(value.get("rotation") or 0)
        along = np.array([np.cos(angle), np.sin(angle)])
        down = np.array([-np.sin(angle), np.cos(angle)])
        right_top = left_top + width * along
        points = np.stack(
            [left_top, right_top, right_top + height * down, left_top + height * down]
        )
    return partial(fill_polygon, points)
