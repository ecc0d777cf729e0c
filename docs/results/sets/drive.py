"""Vessels in fundus photographs: background, vessel. 20 + 20 of 565 x 584 pixels.

    git clone https://github.com/PhamDuy204/Retinal-vessels-segmentation
    python docs/results/sets/drive.py Retinal-vessels-segmentation DIR

DRIVE (Staal et al. 2004) with the first observer's truth, in its two parts. On the terms of its
publisher, who registers users; measured, not redistributed. Registered users have `data=drive`.

Each photograph is of a person, and its own group. This copy has no field of view, so that the
black border counts as background. Three of the first part validate.
"""

from collections.abc import Iterator

from source import Item, Repository, main, sort_by_hash

COMMIT = "5ed22734"
FOLDER = "data/DRIVE"
VAL_IMAGES = 3


def list_items(repository: Repository) -> Iterator[Item]:
    """All photographs."""
    training = [f"{number}_training" for number in range(21, 41)]
    testing = [f"{number:02d}_test" for number in range(1, 21)]
    val = sort_by_hash(training)[:VAL_IMAGES]
    for name in training + testing:
        number, part = name.split("_")
        split = "val" if name in val else part.removesuffix("ing")
        image = repository.open_image(f"{FOLDER}/{part}/images/{name}.tif")
        labels = repository.open_image(f"{FOLDER}/{part}/mask/{number}_manual1.gif")
        mask = labels.convert("L").point(lambda value: value // 255)
        yield Item(name, split, name, image, mask)


if __name__ == "__main__":
    main(list_items, COMMIT)
