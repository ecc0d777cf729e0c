"""Nuclei in stained tissue of seven organs: background, nucleus. 44 images of 1000 x 1000 pixels.

    git clone https://github.com/davidlane23/MonuSeg2018_Computer_Vision
    python docs/results/sets/monuseg.py MonuSeg2018_Computer_Vision DIR

MoNuSeg 2018 (Kumar et al. 2017, 2020), CC BY-NC-SA 4.0 by its publisher; the repository states no
licence; measured, not redistributed.

The masks are the repository's, drawn from the outlines. The test images are the challenge's, of 14
patients. Seven of its 37 training images were not in the copy that was trained on.
"""

from collections.abc import Iterator

from source import Item, Repository, main, sort_by_hash

COMMIT = "421a4fd3"
LEFT_OUT = (
    "TCGA-BC-A217-01Z-00-DX1",
    "TCGA-F9-A8NY-01Z-00-DX1",
    "TCGA-FG-A87N-01Z-00-DX1",
    "TCGA-MH-A561-01Z-00-DX1",
    "TCGA-UZ-A9PJ-01Z-00-DX1",
    "TCGA-UZ-A9PN-01Z-00-DX1",
    "TCGA-XS-A8TJ-01Z-00-DX1",
)
VAL_IMAGES = 4


def list_items(repository: Repository) -> Iterator[Item]:
    """The images of the two published parts; some of the first validate."""
    training = list_names(repository, "data/MoNuSegTrainData")
    val = sort_by_hash(training)[:VAL_IMAGES]
    for name in training:
        split = "val" if name in val else "train"
        yield read_item(repository, "data/MoNuSegTrainData", name, split)
    for name in list_names(repository, "data/MoNuSegTestData"):
        yield read_item(repository, "data/MoNuSegTestData", name, "test")


def list_names(repository: Repository, part: str) -> list[str]:
    """The names of the images that have a mask."""
    folder = f"{part}/masks"
    names = []
    for path in repository.list_files(folder):
        name = path.removeprefix(f"{folder}/").removesuffix(".png")
        if name not in LEFT_OUT:
            names.append(name)
    return names


def read_item(repository: Repository, part: str, name: str, split: str) -> Item:
    """An image; its group is the patient."""
    image = repository.open_image(f"{part}/tissue_image/{name}.tif")
    labels = repository.open_image(f"{part}/masks/{name}.png").getchannel("L")
    mask = labels.point(lambda value: value // 255)
    patient = name[: len("TCGA-18-5592")]
    return Item(name, split, patient, image.convert("RGB"), mask)


if __name__ == "__main__":
    main(list_items, COMMIT)
