"""Ways to lay out a folder of images and masks."""

import numpy as np
import pytest
from helpers import save, write_pairs

from unetlite.data import layouts
from unetlite.data.layouts import UNSPLIT, Naming, Pair, list_pairs
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError

PIXELS = np.zeros((2, 3), np.uint8)
PLAIN = Naming("", None)


def test_images_and_masks_are_paired_by_name(tmp_path):
    write_pairs(tmp_path, PIXELS, PIXELS, suffix=".jpg")
    pairs = list_pairs(tmp_path, PLAIN)[UNSPLIT]
    assert [pair.name for pair in pairs] == ["0", "1", "2"]
    assert pairs[1].image == tmp_path / "images" / "1.jpg"
    assert pairs[1].mask == tmp_path / "masks" / "1.png"
    assert pairs[1].group == "1"
    assert pairs[1].files() == [pairs[1].image, pairs[1].mask]


def test_masks_have_a_suffix_and_images_are_in_subfolders(tmp_path):
    for k in range(3):
        save(tmp_path / "images" / f"day{k}" / "a.png", PIXELS)
        save(tmp_path / "masks" / f"day{k}" / "a_mask.png", PIXELS)
    pairs = list_pairs(tmp_path, Naming("_mask", None))[UNSPLIT]
    assert [pair.name for pair in pairs] == ["day0/a", "day1/a", "day2/a"]
    assert pairs[0].mask.name == "a_mask.png"


def test_validity_masks_belong_to_their_images(tmp_path):
    write_pairs(tmp_path, PIXELS, PIXELS)
    for k in range(3):
        save(tmp_path / "valid" / f"{k}.png", PIXELS)
    pairs = list_pairs(tmp_path, PLAIN)[UNSPLIT]
    assert pairs[2].valid == tmp_path / "valid" / "2.png"
    assert pairs[2].files()[-1] == pairs[2].valid


def test_split_folders_say_the_split(tmp_path):
    for k, split in enumerate(SPLITS):
        write_pairs(tmp_path / split, PIXELS, PIXELS, count=k + 1)
    splits = list_pairs(tmp_path, PLAIN)
    assert [len(splits[split]) for split in SPLITS] == [1, 2, 3]
    for split, pairs in splits.items():
        assert all(split in pair.image.parts for pair in pairs)


def test_a_folder_of_object_masks_is_read_from_each_of_its_files(tmp_path):
    for name in ("b.png", "a.png"):
        save(tmp_path / "masks" / name, PIXELS)
    pair = Pair("x", tmp_path / "x.png", tmp_path / "masks", "x")
    assert [path.name for path in pair.files()] == ["x.png", "a.png", "b.png"]


def test_a_new_layout_is_one_function_in_the_list(tmp_path, monkeypatch):
    def side_by_side(directory, naming):
        if not (directory / "a_mask.png").exists():
            return None
        return {UNSPLIT: [Pair("a", directory / "a.png", directory / "a_mask.png", "a")]}

    monkeypatch.setattr(layouts, "LAYOUTS", (side_by_side, *layouts.LAYOUTS))
    save(tmp_path / "a_mask.png", PIXELS)
    assert list_pairs(tmp_path, PLAIN)[UNSPLIT][0].name == "a"


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", r"data\.group=\(: expected an expression"),
        ("[0-9]", r"data\.group=\[0-9\]: expected an expression"),
        (r"(\D)", r"data\.group=\(\\D\) finds no group in the name 0"),
    ],
)
def test_a_group_needs_an_expression_that_matches_one(tmp_path, group, message):
    write_pairs(tmp_path, PIXELS, PIXELS)
    with pytest.raises(UsageError, match=message):
        list_pairs(tmp_path, Naming("", group))


def test_a_group_is_the_first_of_the_expression(tmp_path):
    for name in ("patient1_0", "patient2_0", "patient2_1"):
        save(tmp_path / "images" / f"{name}.png", PIXELS)
        save(tmp_path / "masks" / f"{name}.png", PIXELS)
    pairs = list_pairs(tmp_path, Naming("", r"(patient\d+)_(\d)"))[UNSPLIT]
    assert [pair.group for pair in pairs] == ["patient1", "patient2", "patient2"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "has no folder images/; it needs images/ and masks/"),
        (["images/0.png"], "has no folder masks/; it needs images/ and masks/"),
        (["images/0.txt", "masks/0.png"], r"images holds no image \(.png"),
        (["images/0.png", "masks/1.png"], r"images/0.png has no mask: expected .*masks/0.png"),
        (["images/0.png", "images/1.png", "masks/2.png"], "0.png and 1 more has no mask"),
        (["images/d/0.png", "masks/0.png"], "images/d/0.png has no mask: expected .*masks/d/0.png"),
        (
            ["images/0.png", "images/1.png", "masks/0.png", "masks/1.png", "valid/0.png"],
            r"images/1\.png has no validity mask",
        ),
        (["train/images/0.png", "test/images/0.png"], "no folder val; it needs all of train, val"),
        (["train/images/0.png", "val/a", "test/a"], "train has no folder masks/"),
    ],
)
def test_what_is_missing_is_named(tmp_path, files, message):
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(UsageError, match=message):
        list_pairs(tmp_path, PLAIN)
