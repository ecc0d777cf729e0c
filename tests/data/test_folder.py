"""A user's own folder: how options, layout, splits and classes come together."""

import os

import numpy as np
import pytest
from helpers import noise, save, write_pairs
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.data.folder import FilePairs, Folder
from unetlite.data.labels import ClassTable
from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.masks import ObjectMasks
from unetlite.data.samples import DATASETS, SPLITS
from unetlite.errors import UsageError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY + 50, GREY + 100], axis=-1)
INDICES = np.random.default_rng(0).integers(0, 3, (6, 8), np.uint8)
CLASSES = ["a", "b", "c"]


def read(source):
    return {sample.name: sample for samples in source.samples().values() for sample in samples}


def test_samples_have_the_pixels_and_the_classes_of_their_files(tmp_path):
    source = Folder(root=write_pairs(tmp_path, GREY, INDICES), classes=CLASSES)
    assert source.classes == ("a", "b", "c")
    samples = read(source)
    assert set(samples) == {"0", "1", "2"}
    assert np.array_equal(samples["0"].image, GREY[None])
    assert np.array_equal(samples["0"].mask, INDICES)
    assert samples["0"].group == "0"


def test_grey_and_rgb_images_in_one_set_become_rgb(tmp_path):
    root = write_pairs(tmp_path, RGB, INDICES)
    save(tmp_path / "images" / "0.png", GREY)
    assert {sample.image.shape for sample in read(Folder(root=root, classes=CLASSES)).values()} == {
        (3, 6, 8)
    }
    assert Folder(root=root, channels=1).kind.channels == 1


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (GREY.astype(np.uint16), "has pixels of the type uint(16|8), but .* uint(16|8)"),
        (np.dstack([RGB, GREY, GREY]), r"has channels: [35], but .*0.* data\.channels="),
    ],
)
def test_images_of_different_kinds_in_one_set_are_refused(tmp_path, other, message):
    root = write_pairs(tmp_path, RGB, INDICES)
    (tmp_path / "images" / "0.png").unlink()
    if other.ndim == 2:
        save(tmp_path / "images" / "0.png", other)
    else:
        np.save(tmp_path / "images" / "0.npy", other)
    with pytest.raises(UsageError, match=message):
        read(Folder(root=root, classes=CLASSES))


def test_pixels_without_data_are_not_scored(tmp_path):
    image = GREY.astype(np.float32)
    image[2, 3] = np.nan
    sample = read(Folder(root=write_pairs(tmp_path, image, INDICES, ".tif"), classes=CLASSES))["0"]
    assert np.argwhere(sample.mask == IGNORE).tolist() == [[2, 3]]
    assert sample.image.dtype == np.float32
    assert not sample.valid[2, 3]


def numbered(k):
    """GREY, with a pixel that makes it another image."""
    image = GREY.copy()
    image[0, 0] = k
    return image


def save_turned(path, image, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(image).save(path, exif=exif)


def test_a_turned_photograph_and_its_mask_are_one(tmp_path):
    root = write_pairs(tmp_path, GREY, INDICES)
    for k in range(3):
        save_turned(tmp_path / "images" / f"{k}.png", numbered(k), 6)
    with pytest.raises(UsageError, match=r"fits it as it is stored\. Say data\.orientation=stored"):
        read(Folder(root=root, classes=CLASSES))
    sample = read(Folder(root=root, classes=CLASSES, orientation="stored"))["0"]
    assert np.array_equal(sample.image[0], GREY)
    assert np.array_equal(sample.mask, INDICES)
    for k in range(3):
        save(tmp_path / "masks" / f"{k}.png", np.rot90(INDICES, -1))
    sample = read(Folder(root=root, classes=CLASSES))["0"]  # as viewed
    assert np.array_equal(sample.image[0], np.rot90(GREY, -1))
    assert np.array_equal(sample.mask, np.rot90(INDICES, -1))


def test_a_turned_photograph_whose_mask_fits_both_ways_is_refused(tmp_path):
    root = write_pairs(tmp_path, GREY, INDICES)
    for k in range(3):
        save_turned(tmp_path / "images" / f"{k}.png", numbered(k), 3)
    with pytest.raises(
        UsageError, match=r"images/.*\.png says by EXIF .* data\.orientation=stored"
    ):
        read(Folder(root=root, classes=CLASSES))
    stored = read(Folder(root=root, classes=CLASSES, orientation="stored"))["0"]
    assert np.array_equal(stored.image[0], GREY)
    viewed = read(Folder(root=root, classes=CLASSES, orientation="viewed"))["0"]
    assert np.array_equal(viewed.image[0], GREY[::-1, ::-1])
    assert np.array_equal(viewed.mask, INDICES)  # which does not say that it is turned


def test_resize_keeps_the_shape_and_the_labels(tmp_path):
    mask = np.random.default_rng(0).choice([0, 2, 255], (60, 80)).astype(np.uint8)
    source = Folder(root=write_pairs(tmp_path, noise(60, 80, 3), mask), classes=CLASSES, resize=30)
    sample = read(source)["0"]
    assert sample.image.shape == (3, 30, 40)
    assert sample.mask.shape == (30, 40)
    assert set(np.unique(sample.mask)) == {0, 2, 255}


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp"])
def test_where_a_validity_mask_is_zero_there_is_no_truth(tmp_path, suffix):
    root = write_pairs(tmp_path, GREY, INDICES)
    for k in range(3):
        valid = np.where(GREY < 20, 0, 255).astype(np.uint8)
        save(tmp_path / "valid" / f"{k}{suffix}", valid)
    source = Folder(root=root, classes=CLASSES)
    assert np.array_equal(read(source)["0"].mask, np.where(GREY < 20, IGNORE, INDICES))
    save(tmp_path / "valid" / f"1{suffix}", np.ones((6, 9), np.uint8))
    with pytest.raises(UsageError, match=rf"valid/1\{suffix} is 9 x 6 pixels"):
        read(source)


def test_a_folder_of_masks_is_the_union_of_its_objects(tmp_path):
    image = save(tmp_path / "a.png", GREY)
    expected = np.zeros((6, 8), np.uint8)
    for k in range(3):
        mask = np.zeros((6, 8), np.uint8)
        mask[k : k + 2, k] = 255
        expected[k : k + 2, k] = 1
        save(tmp_path / "masks" / f"{k}.png", mask)
    pair = Pair("a", (image,), ObjectMasks(tmp_path / "masks"), "a")
    source = FilePairs({"train": [pair]}, ClassTable(["nothing", "object"]), None, channels=1)
    assert np.array_equal(source.read(pair).mask, expected)


@pytest.mark.parametrize("part", ["images", "masks", "valid"])
def test_the_key_changes_with_every_file(tmp_path, part):
    root = write_pairs(tmp_path, GREY, INDICES)
    for k in range(3):
        save(tmp_path / "valid" / f"{k}.png", GREY)
    source = Folder(root=root, classes=CLASSES)
    before = source.key()
    assert Folder(root=root, classes=CLASSES).key() == before
    os.utime(tmp_path / part / "1.png", ns=(1, 1))
    assert source.key() != before
    (tmp_path / part / "1.png").unlink()
    with pytest.raises(UsageError, match=rf"{part}/1\.png is missing"):
        source.key()


@pytest.mark.parametrize(
    "options",
    [
        {"classes": ["x", "y"], "ignore": [7]},
        {"channels": 3},
        {"resize": 4},
        {"orientation": "stored"},
        {"nodata": 7.0},
    ],
    ids=str,
)
def test_the_key_changes_with_every_option_that_changes_samples(tmp_path, options):
    root = write_pairs(tmp_path, GREY, INDICES)
    assert Folder(root=root, **options).key() != Folder(root=root).key()


def test_splits_are_from_folders_a_table_or_a_draw(tmp_path):
    drawn = Folder(root=write_pairs(tmp_path / "a", GREY, INDICES, count=20), split_seed=3)
    assert [len(drawn.pairs[split]) for split in SPLITS] == [14, 3, 3]
    root = write_pairs(tmp_path / "b", GREY, INDICES)
    (tmp_path / "b" / "splits.csv").write_text("id,split\n0,test\n1,train\n2,val\n")
    assert Folder(root=root).pairs["val"][0].name == "2"
    for k, split in enumerate(SPLITS):
        write_pairs(tmp_path / "c" / split, GREY + 100 * k, INDICES, count=k + 1)
    by_folder = Folder(root=str(tmp_path / "c"))
    assert [len(by_folder.pairs[split]) for split in SPLITS] == [1, 2, 3]


def test_a_group_of_the_table_or_of_the_names_is_not_cut(tmp_path):
    root = write_pairs(tmp_path, GREY, INDICES, count=4)
    table = tmp_path / "splits.csv"
    table.write_text("id,split,group\n0,test,a\n1,train,b\n2,val,c\n3,test,b\n")
    with pytest.raises(UsageError, match="its group b is in train and in test"):
        Folder(root=root)
    table.write_text("id,split\n0,test\n1,train\n2,val\n3,test\n")
    assert Folder(root=root).pairs["test"][1].group == "3"
    for part in ("images", "masks"):
        (tmp_path / part / "3.png").rename(tmp_path / part / "13.png")
    table.write_text("id,split\n0,test\n1,train\n2,val\n13,test\n")
    with pytest.raises(UsageError, match="its group 1 is in train and in test"):
        Folder(root=root, group="^([0-9])")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("masks/2.png", np.zeros((5, 8), np.uint8), ["8 x 5", "images/2.png is 8 x 6"]),
        ("masks/2.png", np.full((6, 8), 9, np.uint8), ["value 9 at 48 pixels", "0, 1, 2"]),
        ("images/2.png", b"\x89PNG\r\n\x1a\n", ["Repair it, or leave it out"]),
    ],
)
def test_a_pair_that_cannot_be_used_is_named(tmp_path, file, content, words):
    root = write_pairs(tmp_path, GREY, INDICES)
    if isinstance(content, bytes):
        (tmp_path / file).write_bytes(content)
    else:
        save(tmp_path / file, content)
    with pytest.raises(UsageError) as error:
        read(Folder(root=root, classes=CLASSES))
    assert all(word in str(error.value) for word in [file, *words]), error.value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, r"data\.channels=0"),
        ({"orientation": "up"}, r"data\.orientation=up"),
        ({"classes": ["one"]}, "two or more"),
        ({"root": "nowhere"}, r"data\.root=nowhere: there is no such directory"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    root = write_pairs(tmp_path, GREY, INDICES)
    with pytest.raises(UsageError, match=message):
        DATASETS.build({"name": "folder", "root": root, **options})
