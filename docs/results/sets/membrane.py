"""Membranes of neurons in electron microscopy: membrane, cell. 30 slices of 512 x 512 pixels.

    git clone https://github.com/zhixuhao/unet
    python docs/results/sets/membrane.py unet DIR

The training images of the ISBI challenge 2012 (Cardona et al. 2010). The repository is under MIT,
which says nothing about the images; measured, not redistributed.

All slices are of one volume. Masks of neighbours correlate by 0.18, of every third by 0.06. So the
splits are whole parts of the depth with a slice or more between them, and a group is two slices.
"""

from collections.abc import Iterator

from source import Item, Repository, main

COMMIT = "b45af4d4"
FOLDER = "data/membrane/train"
IN_A_ROW = 2
PARTS = {"train": range(0, 15), "val": range(16, 19), "test": range(20, 30)}


def list_items(repository: Repository) -> Iterator[Item]:
    """The slices of the three splits."""
    for split, depths in PARTS.items():
        for depth in depths:
            image = repository.open_image(f"{FOLDER}/image/{depth}.png")
            labels = repository.open_image(f"{FOLDER}/label/{depth}.png")
            mask = labels.point(lambda value: value // 255)
            group = f"{depth - depth % IN_A_ROW:02d}"
            yield Item(f"{depth:02d}", split, group, image, mask)


if __name__ == "__main__":
    main(list_items, COMMIT)
