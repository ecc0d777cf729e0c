"""Cells of solar modules, in electroluminescence: background, dark, cross, crack, busbar.

    git clone https://github.com/hackingmaterials/pv-vision && git -C pv-vision checkout 9093c49a
    python docs/results/sets/solar.py SOURCE DIR

SOURCE is examples/crack_segmentation/img_label_for_training of it. BSD-3 licence.

1,272 images of 400 x 400 pixels. Many show one cell at several times of a test under load:
FSEC_2GC1_11 and FSEC_2GC8_11 are cell 11 of the module FSEC_2GC, with the same cracks. The
published split has both in training and test, so another one is drawn here, by modules.
"""

import csv
import hashlib
import re
import sys
from pathlib import Path

from PIL import Image

SHARES = {"test": 0.15, "val": 0.10}
"""Of the images, at least; the rest trains."""


def prepare(source: Path, target: Path) -> None:
    """Writes images/, masks/ and splits.csv."""
    masks = sorted(source.glob("*/ann/*.png"), key=lambda file: file.stem)
    for folder in ("images", "masks"):
        (target / folder).mkdir(parents=True)
    by_group: dict[str, list[str]] = {}
    for mask in masks:
        images = list((mask.parent.parent / "img").glob(f"{mask.stem}.*"))
        with Image.open(images[0]) as image:
            image.convert("L").save(target / "images" / f"{mask.stem}.png")
        with Image.open(mask) as labels:
            labels.getchannel("R").save(target / "masks" / f"{mask.stem}.png")
        by_group.setdefault(module_of(mask.stem), []).append(mask.stem)
    with (target / "splits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "group"])
        for group, split in draw_splits(by_group).items():
            for name in by_group[group]:
                writer.writerow([name, split, group])


def module_of(name: str) -> str:
    """The module that an image shows, whenever it was taken."""
    name = name.rpartition("_")[0]
    return re.sub(r"^(FSEC_\d*[A-Z]+)\d+$", r"\1", name)


def draw_splits(by_group: dict[str, list[str]]) -> dict[str, str]:
    """The split of each group, in the order of their hashes; groups of 3 % and more train.

    A large group would be most of what is tested, and count as one.
    """
    images = sum(map(len, by_group.values()))
    small = [name for name, members in by_group.items() if len(members) < 0.03 * images]
    small.sort(key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    splits = dict.fromkeys(by_group, "train")
    for split, share in SHARES.items():
        held_out = 0
        while held_out < share * images:
            group = small.pop()
            splits[group] = split
            held_out += len(by_group[group])
    return splits


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
