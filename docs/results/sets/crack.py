"""Cracks in asphalt: background, crack. 117 photographs of 480 x 320 pixels.

    git clone https://github.com/cuilimeng/CrackForest-dataset
    python docs/results/sets/crack.py CrackForest-dataset DIR

For non-commercial research only (README.md of the repository); measured, not redistributed.

Photographs that are near in number are alike: a group is six numbers in a row. The masks' values 3
and 4 (in 22 images) are described nowhere, and have no truth here. Photograph 042 has the mask of
065 by mistake, and is left out.
"""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.io import loadmat
from source import Item, Repository, choose_split, main, sort_by_hash

COMMIT = "ed57c2d"
LEFT_OUT = "042"
IN_A_ROW = 6
TEST_GROUPS, VAL_GROUPS = 6, 2
MEANING = np.array([255, 0, 1, 255, 255], np.uint8)  # of the values in the masks


def list_items(repository: Repository) -> Iterator[Item]:
    """Every photograph that has a mask of its own."""
    names = []
    for path in repository.list_files("groundTruth"):
        name = path.removeprefix("groundTruth/").removesuffix(".mat")
        if name != LEFT_OUT:
            names.append(name)
    order = sort_by_hash({group_of(name) for name in names})
    test = order[:TEST_GROUPS]
    val = order[TEST_GROUPS : TEST_GROUPS + VAL_GROUPS]
    for name in names:
        group = group_of(name)
        split = choose_split(group, test, val)
        truth = loadmat(io.BytesIO(repository.read(f"groundTruth/{name}.mat")))["groundTruth"]
        values = truth["Segmentation"][0, 0]
        mask = Image.fromarray(MEANING[values])
        yield Item(name, split, group, repository.open_image(f"image/{name}.jpg"), mask)


def group_of(name: str) -> str:
    """The numbers in a row that a photograph is one of, by the first."""
    number = int(name) - 1
    return f"{number - number % IN_A_ROW + 1:03d}"


if __name__ == "__main__":
    main(list_items, COMMIT)
