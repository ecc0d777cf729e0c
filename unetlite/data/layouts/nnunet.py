"""nnU-Net's data sets of 2-D images."""

from functools import partial
from pathlib import Path
from typing import Any

from unetlite.data.image_files import list_files, list_images
from unetlite.data.layouts.base import (
    UNSPLIT,
    Layout,
    Naming,
    Pair,
    Reader,
)
from unetlite.data.layouts.json_files import expect_export, read_json
from unetlite.data.layouts.masks import MaskFile
from unetlite.errors import UsageError
from unetlite.wording import counted

TOOL = "nnU-Net"
DATASET = "dataset.json"
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
CHANNEL_DIGITS = 4


def nnunet(directory: Path) -> Reader | None:
    """imagesTr/, labelsTr/ and dataset.json."""
    if not (directory / "imagesTr").is_dir() or not (directory / "labelsTr").is_dir():
        return None
    return partial(read_nnunet, directory)


def read_nnunet(directory: Path, naming: Naming) -> Layout:
    """The pairs of imagesTr/ and labelsTr/, and of imagesTs/ if there is a labelsTs/.

    Images a_0000.png, a_0001.png are the channels of one image. Raises UsageError for 3-D volumes,
    or if a channel or a mask is missing.
    """
    check_2d(directory / "imagesTr")
    file = directory / DATASET
    if not file.is_file():
        raise UsageError(f"{directory} has no {DATASET}, which names the classes; add it.")
    with expect_export(file, TOOL):
        classes, ignore = read_labels(read_json(file), file)
    train = read_part(directory, "Tr", naming)
    untested: list[Path] = []
    if (directory / "labelsTs").is_dir():
        splits = {"train": train, "test": read_part(directory, "Ts", naming)}
    else:
        splits = {UNSPLIT: train}
        untested += list_images(directory / "imagesTs").values()
    return Layout(
        splits,
        classes,
        classes_from=DATASET,
        ignore=ignore,
        untested=untested,
    )


def check_2d(folder: Path) -> None:
    """Raises UsageError if there are volumes in a folder."""
    for path in list_files(folder):
        if path.name.lower().endswith(VOLUMES):
            raise UsageError(
                f"{path} is a 3-D volume; unetlite takes 2-D images. Save its slices as PNG or "
                "TIFF, and give a volume's slices one group."
            )


def read_labels(content: dict[str, Any], file: Path) -> tuple[dict[str, int], list[int]]:
    """The values of classes by name, in their order, and those without a truth.

    Up to nnU-Net 1 labels are {"0": "background"}, since then {"background": 0}. Raises UsageError
    for regions, which are lists of values.
    """
    values: dict[str, int] = {}
    for key, value in content["labels"].items():
        if isinstance(value, list):
            raise UsageError(
                f"{file}: the label {key} is a region of several values {value}, but a pixel has "
                "one class here. Give each value a label of its own."
            )
        if isinstance(value, str):
            key, value = value, key
        values[key] = int(value)
    ignored = []
    if "ignore" in values:
        ignored.append(values.pop("ignore"))
    ordered = dict(sorted(values.items(), key=lambda item: item[1]))
    return ordered, ignored


def read_part(directory: Path, part: str, naming: Naming) -> list[Pair]:
    """The pairs of a part, Tr or Ts."""
    masks = list_images(directory / f"labels{part}")
    channels: dict[str, list[Path]] = {}
    for name, path in list_images(directory / f"images{part}").items():
        case, _, number = name.rpartition("_")
        if not case or not number.isdecimal() or len(number) != CHANNEL_DIGITS:
            raise UsageError(f"{path}: expected a name with its channel, such as {name}_0000.png.")
        files = channels.setdefault(case, [])
        if int(number) != len(files):
            raise UsageError(f"{path} has no channel {len(files):04} before it; add it.")
        files.append(path)
    pairs = []
    for case, files in channels.items():
        if case not in masks:
            raise UsageError(
                f"{files[0]} has no mask {case} in {directory / f'labels{part}'}; add it."
            )
        pairs.append(
            Pair(
                case,
                tuple(files),
                MaskFile(masks[case]),
                naming.group_of(case),
            )
        )
    counts = {len(pair.images) for pair in pairs}
    if len(counts) > 1:
        fewest = min(pairs, key=lambda pair: len(pair.images))
        raise UsageError(
            f"{fewest.image} has {counted(len(fewest.images), 'channel')}, others have "
            f"{max(counts)}; "
            "give each image all channels."
        )
    return pairs
