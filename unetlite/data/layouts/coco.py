"""COCO's JSON: categories, images, and annotations with polygons or run lengths."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from unetlite.classes import IGNORE
from unetlite.data.image_files import image_name, nfc
from unetlite.data.layouts.base import (
    BACKGROUND,
    SPLIT_WORDS,
    UNSPLIT,
    Layout,
    Naming,
    Pair,
    Reader,
    Splits,
    folders_named,
    located_pairs,
    split_of_words,
)
from unetlite.data.layouts.drawing import Part, Size, fill_polygon, fill_runs
from unetlite.data.layouts.file_index import FileIndex, FoundImages
from unetlite.data.layouts.json_files import JsonFiles, expect_export, peek_json
from unetlite.data.layouts.left_out import shown
from unetlite.data.layouts.masks import DrawnMask, Shape, read_size
from unetlite.data.layouts.rare_labels import describe_rare_labels
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError
from unetlite.wording import counted

TOOL = "COCO"
KEYS = {"images", "annotations", "categories"}

Contents = dict[Path, dict[str, Any]]  # of JSON files


def coco(directory: Path) -> Reader | None:
    """A JSON file with images, annotations and categories, or one for each split."""
    folders = [
        directory,
        *folders_named(directory, ("annotations", "images")),
        *folders_named(directory, SPLIT_WORDS),
    ]
    files = peek_json(folders)
    if not files.matching(is_coco):
        return None
    return partial(read_coco, directory, files)


def is_coco(content: Any) -> bool:
    """True for the content of a file of images, annotations and categories."""
    return isinstance(content, dict) and content.keys() >= KEYS


def read_coco(directory: Path, json_files: JsonFiles, naming: Naming) -> Layout:
    """The images of the files, with masks to draw.

    Class indices are 1, 2, ... in the order of the categories' numbers, and 0 is the background.
    Where objects overlap, the one of fewer pixels lies on top, of equal ones the later. Crowd
    regions are ignored, also over objects. Raises UsageError for what is missing or unclear.
    """
    json_files.check()
    contents = json_files.matching(is_coco)
    files, notes = files_by_split(directory, contents)
    classes, indices, more = read_categories(contents, list(files.values()))
    notes += more
    index = FileIndex(directory)
    splits: Splits = {}
    untested: list[Path] = []
    for split, file in files.items():
        with expect_export(file, TOOL):
            content = contents[file]
            images = index.find_images(file, [image["file_name"] for image in content["images"]])
            if split == "test" and not content["annotations"]:
                untested += images.paths.values()
                continue
            if images.by_name:
                notes.append(
                    f"the paths of {file.name} are not here; images are found by their file names"
                )
            pairs = read_pairs(file, content, images, indices, naming)
        splits[split] = pairs
        empty = sum(not shapes_of(pair) for pair in pairs)
        if empty:
            notes.append(f"only background: {counted(empty, 'image')} of {file} without an object")
    parents = {pairs[0].image.parent.parent for pairs in splits.values() if pairs}
    labels_of = {}
    for _, pair in located_pairs(splits):
        values = {shape.value for shape in shapes_of(pair)} - {IGNORE}
        labels_of[shown(pair.image, directory)] = {classes[value] for value in values}
    notes += describe_rare_labels(labels_of, "image")
    return Layout(
        splits,
        classes,
        classes_from="the list of categories",
        notes=notes,
        untested=untested,
        parents=[parent for parent in sorted(parents) if parent.is_relative_to(directory)],
    )


def shapes_of(pair: Pair) -> list[Shape]:
    """The objects of an image."""
    return pair.mask.shapes if isinstance(pair.mask, DrawnMask) else []


def read_pairs(
    file: Path,
    content: dict[str, Any],
    images: FoundImages,
    indices: dict[int, int],
    naming: Naming,
) -> list[Pair]:
    """The pairs of a file, whose images were found."""
    sizes = read_sizes(file, content)
    shapes = read_annotations(file, content, indices, sizes)
    pairs = []
    for image in content["images"]:
        name = image["file_name"]
        mask = DrawnMask(
            file,
            name,
            sizes[image["id"]],
            "width and height",
            shapes[image["id"]],
            by_area=True,
        )
        path = images.paths[name]
        place = Path(path.name if images.by_name else name.replace("\\", "/"))
        name = image_name(place)
        pairs.append(Pair(name, (path,), mask, naming.group_of(name)))
    return pairs


def files_by_split(directory: Path, contents: Contents) -> tuple[dict[str, Path], list[str]]:
    """The file of each split, or one under UNSPLIT, and a note about files that are left out.

    A file says its split by its name, as instances_val2017.json, or by its folder. Of COCO's own
    files only instances_*.json are outlines. Raises UsageError for two files of one split.
    """
    outlines = [file for file in contents if file.name.startswith("instances_")]
    others = [file.name for file in contents if outlines and file not in outlines]
    notes = []
    if others:
        notes.append(f"{', '.join(others)} beside instances_*.json are not read")
    files: dict[str, Path] = {}
    for file in outlines or contents:
        folder = file.parent.relative_to(directory).as_posix()
        split = split_of_words(file.stem) or split_of_words(folder) or UNSPLIT
        other = files.setdefault(split, file)
        if other != file:
            raise UsageError(
                f"{other} and {file} are both of the {split} split; keep one of them, or call "
                "them train.json, val.json and test.json."
            )
    if UNSPLIT in files and len(files) > 1:
        raise UsageError(
            f"{files[UNSPLIT]} is of no split, but {next(iter(files.values()))} is; "
            "call them train.json, val.json and test.json."
        )
    ordered = {split: files[split] for split in (*SPLITS, UNSPLIT) if split in files}
    return ordered, notes


def read_categories(
    contents: Contents, files: Sequence[Path]
) -> tuple[list[str], dict[int, int], list[str]]:
    """Class names, class indices by the numbers of categories, and notes.

    A category that only stands above others, as Roboflow writes it, is left out. Raises UsageError
    if two files differ.
    """
    by_file = []
    used: set[int] = set()
    for file in files:
        with expect_export(file, TOOL):
            by_file.append(
                {each["id"]: nfc(str(each["name"])) for each in contents[file]["categories"]}
            )
            used.update(each["category_id"] for each in contents[file]["annotations"])
    names = by_file[0]
    for file, other in zip(files, by_file, strict=True):
        if other != names:
            raise UsageError(
                f"{file} has the categories {list_categories(other)}, but {files[0]} "
                f"{list_categories(names)}; export them together."
            )
    above = {str(each.get("supercategory")) for each in contents[files[0]]["categories"]}
    classes = [BACKGROUND]
    indices = {}
    notes = []
    for number in sorted(names):
        name = names[number]
        if number not in used and name in above:
            notes.append(f"the category {name} stands above others, has no object and is no class")
        elif name.casefold() == BACKGROUND:
            indices[number] = 0
        else:
            indices[number] = len(classes)
            classes.append(name)
    return classes, indices, notes


def list_categories(names: dict[int, str]) -> str:
    """Categories with their numbers, such as "1 cat, 2 dog"."""
    return ", ".join(f"{number} {name}" for number, name in sorted(names.items())) or "none"


def read_sizes(file: Path, content: dict[str, Any]) -> dict[int, Size]:
    """The sizes of images by their numbers. Raises UsageError if one is none, or is there twice."""
    sizes: dict[int, Size] = {}
    for image in content["images"]:
        number = image["id"]
        if number in sizes:
            raise UsageError(f"{file}: two images have the id {number}; export it again.")
        sizes[number] = read_size(
            file,
            image["file_name"],
            image.get("height"),
            image.get("width"),
        )
    return sizes


def read_annotations(
    file: Path,
    content: dict[str, Any],
    indices: dict[int, int],
    sizes: dict[int, Size],
) -> dict[int, list[Shape]]:
    """The objects by the numbers of images. Raises UsageError for what cannot be drawn."""
    shapes: dict[int, list[Shape]] = {number: [] for number in sizes}
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for annotation in content["annotations"]:
        number = annotation["id"]
        for key, known in (("image_id", shapes), ("category_id", indices)):
            if annotation[key] not in known:
                raise UsageError(
                    f"{file}: annotation {number} has the {key} {annotation[key]}, which the "
                    "file does not describe; export it again."
                )
        outline = annotation.get("segmentation")
        if not outline:
            raise UsageError(
                f"{file}: annotation {number} has a box and no outline, and a box is no mask. "
                "Export polygons or masks, or take it out."
            )
        value = indices[annotation["category_id"]]
        if annotation.get("iscrowd"):
            value = IGNORE
        image_id = annotation["image_id"]
        size = sizes[image_id]
        if isinstance(outline, dict) and outline["size"] != list(size):
            raise UsageError(
                f"{file}: annotation {number} has run lengths of height and width "
                f"{outline['size']}, but its image {names[image_id]} has {list(size)}; export it "
                "again."
            )
        shapes[image_id].append(Shape(value, read_outline(outline)))
    return shapes


def read_outline(outline: Any) -> list[Part]:
    """The parts of a segmentation: polygons, or run lengths of the whole image."""
    if not isinstance(outline, dict):
        return [partial(fill_polygon, polygon) for polygon in outline]
    return [partial(fill_runs, outline["counts"])]
