"""What a folder of images and masks holds: its classes, and what would train nonsense."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.folder import Folder
from unetlite.data.labels import ClassTable
from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.names import MaskNamesError, format_names
from unetlite.errors import UsageError

MOST_MASKS = 300  # that are inspected, evenly spread over the folder
MOST_COLOURED_MASKS = 20  # whose colours are listed
MOST_CLASSES = 32  # a mask of more values is no mask of classes
FEW_IMAGES = 30

Masks = Mapping[Path, np.ndarray]  # mask values by file, as `read_mask` gives them


def inspect_folder(
    root: Path,
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """Settings of data=folder that fit, with those that the user chose, and a report by lines.

    Raises UsageError for what would train nonsense.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: there is no such folder, nor a data set of that name.")
    settings = {"root": str(root.resolve()), **options}
    folder = open_folder(settings)
    pairs = list(folder.all_pairs())
    masks = read_some_masks(pairs, folder.table.rgb)
    meaning = "as data.classes says"
    if settings.get("classes") is None and folder.layout_classes is not None:
        settings["classes"] = folder.layout_classes
        meaning = "as the layout says"
    elif "classes" not in settings:
        classes, meaning = infer_classes(masks)
        if classes is not None:
            settings["classes"] = classes
    table = ClassTable(settings.get("classes"), folder.table.ignored)
    shares = class_shares(masks, table)
    check_shares(root, shares, masks)

    balance = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    splits = ", ".join(f"{len(pairs)} {split}" for split, pairs in folder.pairs.items())
    groups = len({pair.group for pair in pairs})
    lines = [
        f"layout   {describe_layout(folder, settings)}",
        f"images   {describe_images(pairs, masks)}",
        f"classes  {balance} ({meaning})",
        f"splits   {splits}, {folder.origin}",
        f"groups   {groups if groups < len(pairs) else 'none; every image counts for itself'}",
    ]
    if any(pair.valid for pair in pairs):
        lines.append("valid    where a file of valid/ is zero is no truth")
    lines += [f"note     {note}" for note in folder.notes]
    return settings, lines + find_warnings(pairs, shares)


def open_folder(settings: dict[str, Any]) -> Folder:
    """The folder, with names of masks that fit if those of the settings do not.

    They are added to the settings. Raises UsageError if none or several fit.
    """
    try:
        return Folder(**settings)
    except MaskNamesError as error:
        if len(error.suggestions) != 1 or "mask_name" in settings:
            raise
        settings.update(error.suggestions[0])
        return Folder(**settings)


def describe_layout(folder: Folder, settings: Mapping[str, Any]) -> str:
    """What the layout is called, and how the masks are named if that was chosen."""
    mask_name = settings.get("mask_name")
    if mask_name is None:
        return folder.layout
    return f"{folder.layout}, with {format_names(settings.get('image_name'), mask_name)}"


def read_some_masks(pairs: Sequence[Pair], colours: bool) -> dict[Path, np.ndarray]:
    """The values of MOST_MASKS masks or fewer."""
    positions = np.linspace(0, len(pairs) - 1, MOST_MASKS).round().astype(int)
    masks = {}
    for position in np.unique(positions):
        mask = pairs[position].mask
        masks[mask.path] = mask.values(colours)
    return masks


def class_shares(masks: Masks, table: ClassTable) -> dict[str, float]:
    """The share of each class of the pixels with a truth, 0 to 1, by name."""
    counts = np.zeros(256, np.int64)
    for path, values in masks.items():
        indices = table.indices(values, path)
        counts += np.bincount(indices.ravel(), minlength=256)
    counts = counts[: len(table.names)]
    shares = counts / max(counts.sum(), 1)
    return dict(zip(table.names, shares.tolist(), strict=True))


def check_shares(
    root: Path,
    shares: Mapping[str, float],
    masks: Masks,
) -> None:
    """Raises UsageError if the masks hold one class only."""
    present = [name for name, share in shares.items() if share > 0]
    if len(present) > 1:
        return
    only = max(shares, key=shares.__getitem__)
    ignored = ""
    if any((values == IGNORE).any() for values in masks.values()):
        ignored = (
            "; they also hold 255, which is ignored unless a class has it, as in {a: 0, b: 255}"
        )
    raise UsageError(
        f"{root}: all masks hold the class {only} alone{ignored}; there is nothing to tell it from."
    )


def describe_images(pairs: Sequence[Pair], masks: Masks) -> str:
    """How many there are, and the smallest and the largest size."""
    sizes = [values.shape[:2] for values in masks.values()]
    low, high = min(sizes), max(sizes)
    extent = f"{low[1]} x {low[0]}"
    if low != high:
        extent += f" to {high[1]} x {high[0]}"
    text = f"{len(pairs)} with a mask each, {extent} pixels"
    if len(masks) < len(pairs):
        text += f" ({len(masks)} were inspected)"
    return text


def find_warnings(pairs: Sequence[Pair], shares: Mapping[str, float]) -> list[str]:
    """Warnings of what makes a verdict weak, by lines."""
    warnings = []
    for name, share in shares.items():
        if share == 0:
            warnings.append(f"warning: {name} is nowhere in the masks")
    if len(pairs) < FEW_IMAGES:
        warnings.append(
            f"warning: {len(pairs)} images are few: a verdict about others will be wide"
        )
    # What names have before a last number.
    series = {pair.name.rstrip("0123456789").rstrip("_-. ") for pair in pairs}
    has_groups = len({pair.group for pair in pairs}) < len(pairs)
    if "" not in series and 3 <= len(series) <= len(pairs) / 3 and not has_groups:
        pattern = r"^(.+?)[-_. ]*\d+$"
        warnings.append(
            "warning: names look like series; if one is a patient, place or video, "
            f"give \"data.group='{pattern}'\""
        )
    return warnings


def infer_classes(masks: Masks) -> tuple[Any, str]:
    """`data.classes` by the values of the masks, and how they were understood.

    Raises UsageError if the values are not those of classes.
    """
    check_is_grey(masks)
    distinct = [np.unique(values) for values in masks.values()]
    present = np.unique(np.concatenate(distinct)).tolist()
    shown = ", ".join(map(str, present[:8]))
    if len(present) > 8:
        shown += ", ..."
    first = next(iter(masks))
    if len(present) == 1:
        raise UsageError(
            f"{first} and all other masks hold {present[0]} alone; there is nothing to learn."
        )
    if len(present) == 2 and present[0] == 0:
        return None, f"the masks hold {shown}; what is not 0 is foreground"
    indices = [value for value in present if value != IGNORE]
    if len(indices) > 1 and indices[0] == 0 and indices[-1] < MOST_CLASSES:
        classes = [f"class_{k}" for k in range(indices[-1] + 1)]
        return classes, f"the masks hold the indices {shown}"
    # They are sorted, so these are 0, 1, 2, ... without a gap.
    if all(values[0] == 0 and values[-1] == len(values) - 1 for values in distinct):
        meaning = f"the masks hold numbers of objects up to {present[-1]}"
        return None, f"{meaning}; what is not 0 is foreground"
    if len(present) <= MOST_CLASSES:
        return {f"class_{value}": value for value in present}, f"the masks hold {shown}"
    raise UsageError(
        f"{first} and other masks hold {len(present)} different values ({shown}), like an image; "
        "a mask has a value a class, without shades between. "
        "Say which is which class by 'data.classes={a: 0, b: 128}'."
    )


def check_is_grey(masks: Masks) -> None:
    """Raises UsageError, with the colours to choose from, if some masks have colours."""
    coloured = []
    for path, values in masks.items():
        if values.ndim == 3 and (values != values[..., :1]).any():
            coloured.append(path)
    if not coloured:
        return
    colours: Counter[tuple[int, ...]] = Counter()
    for path in coloured[:MOST_COLOURED_MASKS]:
        distinct = np.unique(masks[path].reshape(-1, 3), axis=0)
        colours.update(map(tuple, distinct.tolist()))
    classes = []
    for k, (colour, _) in enumerate(colours.most_common(MOST_CLASSES)):
        classes.append(f"class_{k}: {list(colour)}")
    raise UsageError(
        f"{coloured[0]} is a coloured mask; those inspected have {len(colours)} colours. "
        "Say which is which class, and leave out what is none: "
        f"'data.classes={{{', '.join(classes)}}}'"
    )
