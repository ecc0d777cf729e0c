"""Slices of a sandstone in X-ray tomography: pore, clay, quartz, pyrite. 256 of 256 x 256 pixels.

    git clone https://github.com/limyunn/ConvNeXt-Semi-Segmentation
    python docs/results/sets/rock.py ConvNeXt-Semi-Segmentation DIR

No licence; measured, not redistributed.

The first 256 of the 756 images are the slices of one volume, in the order of their numbers as
texts (0, 1, 10, 100, 101, ...). The other 500 were drawn by a network, with masks by another one
(they are synthetic/mask too), and are left out. A slice is like the next 16; so the splits are
whole parts of the depth with 16 slices between them, and a group is 16 slices in a row.
"""

from collections.abc import Iterator

from source import Item, Repository, main

COMMIT = "af0cfcd7"
FOLDER = "VOCdevkit/VOC2007"
SLICES = 256
IN_A_ROW = 16
PARTS = {"train": range(0, 128), "val": range(144, 160), "test": range(176, 256)}


def list_items(repository: Repository) -> Iterator[Item]:
    """The slices of the three splits."""
    order = sorted(str(depth) for depth in range(SLICES))
    for split, depths in PARTS.items():
        for depth in depths:
            file = f"{order.index(str(depth)) + 1:06d}"
            image = repository.open_image(f"{FOLDER}/JPEGImages/{file}.jpg")
            mask = repository.open_image(f"{FOLDER}/SegmentationClass/{file}.png")
            group = f"{depth - depth % IN_A_ROW:03d}"
            yield Item(f"{depth:03d}", split, group, image, mask)


if __name__ == "__main__":
    main(list_items, COMMIT)
