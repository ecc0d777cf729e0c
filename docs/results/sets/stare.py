"""Vessels in fundus photographs: background, vessel. 20 of 700 x 605 pixels.

    git clone https://github.com/PhamDuy204/Retinal-vessels-segmentation
    python docs/results/sets/stare.py Retinal-vessels-segmentation DIR

STARE (Hoover et al. 2000) with the second observer's truth, V. Kouznetsova's. No licence; measured,
not redistributed.

Each photograph is its own group: whose eyes they are is not published. The splits are drawn by
name.
"""

from collections.abc import Iterator

from source import Item, Repository, choose_split, main, sort_by_hash

COMMIT = "5ed22734"
FOLDER = "data/STARE"
TEST_IMAGES, VAL_IMAGES = 8, 2


def list_items(repository: Repository) -> Iterator[Item]:
    """All photographs."""
    folders = {}
    for path in repository.list_files(FOLDER):
        folder, _, file = path.rpartition("/")
        if file.endswith(".vk.ppm"):
            folders[file.removesuffix(".vk.ppm")] = folder.removesuffix("/mask")
    order = sort_by_hash(folders)
    test = order[:TEST_IMAGES]
    val = order[TEST_IMAGES : TEST_IMAGES + VAL_IMAGES]
    for name, folder in folders.items():
        split = choose_split(name, test, val)
        image = repository.open_image(f"{folder}/images/{name}.ppm")
        labels = repository.open_image(f"{folder}/mask/{name}.vk.ppm")
        yield Item(name, split, name, image, labels.point(lambda value: value // 255))


if __name__ == "__main__":
    main(list_items, COMMIT)
