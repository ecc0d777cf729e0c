"""Cells of solar modules, in electroluminescence: background, dark, cross, crack, busbar.

    git clone https://github.com/hackingmaterials/pv-vision
    python docs/results/sets/solar.py pv-vision DIR

BSD-3 licence.

1,272 images of 400 x 400 pixels. Many show one cell at several times of a test under load:
FSEC_2GC1_11 and FSEC_2GC8_11 are cell 11 of the module FSEC_2GC, with the same cracks. The
published split has both in training and test, so another one is drawn here, by modules.
"""

import re
from collections.abc import Iterator

from source import Item, Repository, main, sort_by_hash

COMMIT = "9093c49a"
FOLDER = "examples/crack_segmentation/img_label_for_training"
SHARES = {"test": 0.15, "val": 0.10}
"""Of the images, at least; the rest trains."""


def list_items(repository: Repository) -> Iterator[Item]:
    """All images, module by module."""
    files = {}
    names = []
    for path in repository.list_files(FOLDER):
        folder, _, file = path.rpartition("/")
        name = file.rpartition(".")[0]
        if folder.endswith("/ann"):
            names.append(name)
        files[folder.rpartition("/")[2], name] = path
    by_group: dict[str, list[str]] = {}
    for name in sorted(names):
        by_group.setdefault(module_of(name), []).append(name)
    for group, split in draw_splits(by_group).items():
        for name in by_group[group]:
            image = repository.open_image(files["img", name]).convert("L")
            mask = repository.open_image(files["ann", name]).getchannel("R")
            yield Item(name, split, group, image, mask)


def module_of(name: str) -> str:
    """The module that an image shows, whenever it was taken."""
    name = name.rpartition("_")[0]
    return re.sub(r"^(FSEC_\d*[A-Z]+)\d+$", r"\1", name)


def draw_splits(by_group: dict[str, list[str]]) -> dict[str, str]:
    """The split of each group, in the order of their hashes; groups of 3 % and more train.

    A large group would be most of what is tested, and count as one.
    """
    images = sum(map(len, by_group.values()))
    names = [name for name, members in by_group.items() if len(members) < 0.03 * images]
    small = sort_by_hash(names)
    splits = dict.fromkeys(by_group, "train")
    for split, share in SHARES.items():
        held_out = 0
        while held_out < share * images:
            group = small.pop()
            splits[group] = split
            held_out += len(by_group[group])
    return splits


if __name__ == "__main__":
    main(list_items, COMMIT)
