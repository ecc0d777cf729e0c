"""Images that are nearly the same are found, however they were saved; others are not."""

import io

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data.doctor.near_duplicates import (
    find_near_duplicates,
    make_thumbnail,
    orient,
)
from unetlite.data.inspect import inspect_folder


def scene(seed):
    """Grey (96, 120): blobs on a dark ground, in the style of a micrograph."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:96, :120]
    image = np.full((96, 120), 20.0)
    for top, left, radius in generator.uniform((0, 0, 3), (96, 120, 9), (14, 3)):
        distance = (rows - top) ** 2 + (columns - left) ** 2
        image = np.maximum(image, 200 * np.exp(-distance / radius**2))
    return (image + generator.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)


def as_jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=40)
    return np.array(Image.open(buffer))


COPIES = {
    "saved as JPEG": as_jpeg,
    "brighter": lambda image: (image * 0.6 + 40).astype(np.uint8),
    "smaller": lambda image: np.array(Image.fromarray(image).resize((60, 48))),
    "moved": lambda image: np.pad(image, ((3, 0), (0, 4)), "edge")[:96, 4:],
    "flipped": lambda image: image[:, ::-1],
    "turned": lambda image: np.rot90(image),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_found_and_nothing_else(copy):
    images = [scene(seed) for seed in range(20)]
    thumbnails = [make_thumbnail(image[None]) for image in [*images, copy(images[7])]]
    (pair,) = find_near_duplicates(thumbnails)
    assert (pair.first, pair.second) == (7, 20)


def without_border(image, width):
    """The image, and where it has data: not in a border, which is 0."""
    valid = np.ones(image.shape, bool)
    valid[:, :width] = False
    valid[:width] = False
    return image * valid, valid


def test_borders_without_data_do_not_make_images_alike():
    images = [without_border(scene(seed) // 4 + 150, 30) for seed in range(8)]
    with_border = [make_thumbnail(image[None]) for image, _ in images]
    assert find_near_duplicates(with_border)
    thumbnails = [make_thumbnail(image[None], valid) for image, valid in images]
    assert find_near_duplicates(thumbnails) == []
    copy, valid = without_border(scene(3) // 4 + 150, 10)
    thumbnails.append(make_thumbnail(copy[None, :, ::-1], valid[:, ::-1]))
    thumbnails.append(make_thumbnail(copy[None], np.zeros_like(valid)))
    (pair,) = find_near_duplicates(thumbnails)
    assert (pair.first, pair.second) == (3, 8)


def test_constant_images_are_no_copies_and_orientations_are_eight():
    thumbnails = [make_thumbnail(np.full((1, 70, 90), k, np.uint8)) for k in range(3)]
    assert find_near_duplicates(thumbnails) == []
    assert find_near_duplicates(thumbnails[:1]) == []
    assert len({orient(noise(3, 3), number).tobytes() for number in range(8)}) == 8


def test_leaks_between_splits_are_told_from_copies_within_one(tmp_path):
    for k in range(10):
        save(tmp_path / "images" / f"{k}.png", scene(k))
    save(tmp_path / "images" / "leak.png", as_jpeg(scene(0)))
    save(tmp_path / "images" / "copy.png", as_jpeg(scene(1)))
    rows = ["id,split", *(f"{k},train" for k in range(8)), "8,val", "9,test"]
    (tmp_path / "splits.csv").write_text("\n".join([*rows, "leak,test", "copy,train"]))
    for file in (tmp_path / "images").iterdir():
        save(tmp_path / "masks" / file.name, (scene(5) > 99).astype(np.uint8))
    warnings = inspect_folder(tmp_path, {}).warnings
    (leak,) = [warning for warning in warnings if "in two splits" in warning]
    assert "0 in train and leak in test" in leak
    (copies,) = [warning for warning in warnings if "images of one split" in warning]
    assert "1 and copy" in copies
