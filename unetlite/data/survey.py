"""What is in a folder of images and masks: which classes its masks hold, and what would train nonsense."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.folders import Folder
from unetlite.data.images import read_values
from unetlite.data.labels import ClassTable
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError
from unetlite.files import image_files

LOOKED_AT = 300  # masks, evenly spread over the folder
MOST_CLASSES = 32  # more values than that are no classes
FEW = 30  # images


def survey(root: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings of data=folder that fit, with those that the user has `given`; and what was found there, in words.

    Raises UsageError for what trains nonsense.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: there is no such folder, nor a data set of that name.")
    places = [root / split for split in SPLITS] if (root / "train").is_dir() else [root]
    settings = {"root": str(root.resolve()), **given}
    if "mask_suffix" not in settings and (suffix := find_suffix(places[0])):
        settings["mask_suffix"] = suffix
    source = Folder(**settings)  # finds what is missing
    pairs = source.pairs
    every = [pair for each in pairs.values() for pair in each]
    chosen = [every[k] for k in np.unique(np.linspace(0, len(every) - 1, LOOKED_AT).round().astype(int))]
    masks = {pair.mask: read_values(pair.mask, source.table.rgb) for pair in chosen}
    meaning = "as data.classes says"
    if "classes" not in settings:
        classes, meaning = find_classes(masks)
        settings |= {} if classes is None else {"classes": classes}
    table = ClassTable(settings.get("classes"), settings.get("ignore", ()))
    indices = (table.indices(values, path) for path, values in masks.items())
    counts = np.sum([np.bincount(each.ravel(), minlength=256) for each in indices], axis=0)
    shares = counts[: len(table.names)] / max(counts[: len(table.names)].sum(), 1)
    balance = dict(zip(table.names, shares.tolist(), strict=True))
    if (shares > 0).sum() < 2:
        only = max(balance, key=lambda name: balance[name])
        ignored = "; they also hold 255, which is ignored unless a class has it, as in {a: 0, b: 255}"
        also = ignored if any((values == IGNORE).any() for values in masks.values()) else ""
        raise UsageError(f"{root}: all masks hold the class {only} alone{also}; there is nothing to tell it from.")
    sizes = [values.shape[:2] for values in masks.values()]
    (low, high), groups = (min(sizes), max(sizes)), {pair.group for pair in every}
    extent = f"{low[1]} x {low[0]}" + (f" to {high[1]} x {high[0]}" if low != high else "")
    drawn = "drawn by name" if len(places) == 1 and not (root / "splits.csv").exists() else "as given"
    part = f" ({len(chosen)} were looked at)" if len(chosen) < len(every) else ""
    said = [
        f"images   {len(every)} with a mask each, {extent} pixels{part}",
        f"classes  {', '.join(f'{name} {share:.1%}' for name, share in balance.items())} ({meaning})",
        f"splits   {', '.join(f'{len(each)} {split}' for split, each in pairs.items())}, {drawn}",
        f"groups   {len(groups)}" if len(groups) < len(every) else "groups   none; every image counts for itself",
    ]
    if any(pair.valid for pair in every):
        said.append("valid    where a file of valid/ is zero is no truth")
    said += [f"mind     {name} is nowhere in the masks" for name, share in balance.items() if share == 0]
    if len(every) < FEW:
        said.append(f"mind     {len(every)} images are few: a verdict about others will be wide")
    series = {pair.name.rstrip("0123456789").rstrip("_-. ") for pair in every}  # what names have before a last number
    if len(groups) == len(every) and "" not in series and 3 <= len(series) <= len(every) / 3:
        kinds, pattern = "if one is a patient, place or video", r"^(.+?)[-_. ]*\d+$"
        said.append(f"mind     names look like series; {kinds}, give \"data.group='{pattern}'\"")
    return settings, said


def find_suffix(directory: Path) -> str:
    """What the masks' names have after the images' names, such as "_mask"; empty if nothing."""
    names, masks = list(image_files(directory / "images")), set(image_files(directory / "masks"))
    if not names or names[0] in masks:
        return ""
    suffixes = [mask.removeprefix(names[0]) for mask in masks if mask.startswith(names[0])]
    return next((suffix for suffix in sorted(suffixes) if all(name + suffix in masks for name in names)), "")


def find_classes(masks: Mapping[Path, np.ndarray]) -> tuple[Any, str]:
    """`data.classes` by the values of the masks, and how they were understood. Raises UsageError for no classes."""
    coloured = [path for path, values in masks.items() if values.ndim == 3 and (values != values[..., :1]).any()]
    if coloured:
        present = (np.unique(masks[path].reshape(-1, 3), axis=0).tolist() for path in coloured[:20])
        colours = Counter(tuple(colour) for each in present for colour in each)
        common = enumerate(colours.most_common(MOST_CLASSES))
        table = ", ".join(f"class_{k}: {list(colour)}" for k, (colour, _) in common)
        remedy = f"say which is which class, and leave out what is none: 'data.classes={{{table}}}'"
        raise UsageError(f"{coloured[0]} is a coloured mask, with {len(colours)} colours in those looked at; {remedy}")
    values = {path: np.unique(each) for path, each in masks.items()}
    present = np.unique(np.concatenate(list(values.values()))).tolist()
    listed = ", ".join(map(str, present[:8])) + (", ..." if len(present) > 8 else "")
    if len(present) == 1:
        raise UsageError(f"{next(iter(masks))} and all other masks hold {present[0]} alone; there is nothing to learn.")
    if len(present) == 2 and present[0] == 0:
        return None, f"the masks hold {listed}; what is not 0 is foreground"
    indices = [value for value in present if value != 255]
    if indices[-1] < MOST_CLASSES and indices[0] == 0 and len(indices) > 1:
        return [f"class_{k}" for k in range(indices[-1] + 1)], f"the masks hold the indices {listed}"
    if all(each.tolist() == list(range(len(each))) for each in values.values()):
        return None, f"the masks hold numbers of objects up to {present[-1]}; what is not 0 is foreground"
    if len(present) <= MOST_CLASSES:
        return {f"class_{value}": value for value in present}, f"the masks hold {listed}"
    found = f"{next(iter(masks))} and other masks hold {len(present)} different values ({listed}), like an image"
    remedy = "Say which is which class by 'data.classes={a: 0, b: 128}'."
    raise UsageError(f"{found}; a mask has a value a class, without shades between. {remedy}")
