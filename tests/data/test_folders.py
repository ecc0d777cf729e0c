"""A user's own images and masks: what is understood, and what is refused with which words."""

import shutil

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.data.cache import open_store
from unetlite.data.folders import Folder
from unetlite.data.images import read_values
from unetlite.data.samples import DATASETS
from unetlite.errors import UsageError


def read(source):
    return {sample.name: sample for samples in source.samples().values() for sample in samples}


def one_pair(tmp_path, image, mask, suffix=".png", copies=3):
    for k in range(copies):
        save(tmp_path / "images" / f"{k}{suffix}", image)
        save(tmp_path / "masks" / f"{k}.png", mask)
    return str(tmp_path)


GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY + 50, GREY + 100], axis=-1)
ZERO = np.zeros((6, 8), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
@pytest.mark.parametrize("image", [GREY, RGB], ids=["grey", "rgb"])
def test_image_files(tmp_path, suffix, image):
    source = Folder(root=one_pair(tmp_path, image, ZERO, suffix))
    decoded = read(source)["0"].image
    expected = np.atleast_3d(image).transpose(2, 0, 1)
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).max() <= (12 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_images(tmp_path, suffix):
    image = GREY.astype(np.uint16) * 1000 + 500
    root = one_pair(tmp_path, image, ZERO, suffix)
    stretched = read(Folder(root=root))["0"].image[0]
    assert np.array_equal(stretched, np.round(GREY * (255 / 47)).astype(np.uint8))
    fixed = read(Folder(root=root, value_range=(0, 65535)))["0"].image[0]
    assert np.abs(fixed.astype(float) - image / 257).max() <= 0.51


def test_grey_and_rgb_images_in_one_set_become_rgb(tmp_path):
    root = one_pair(tmp_path, RGB, ZERO)
    save(tmp_path / "images" / "0.png", GREY)
    assert {sample.image.shape for sample in read(Folder(root=root)).values()} == {(3, 6, 8)}


def test_without_classes_nonzero_is_foreground(tmp_path):
    instances = (np.arange(48).reshape(6, 8) * 40).astype(np.uint16)  # labels up to 1880
    source = Folder(root=one_pair(tmp_path, GREY, instances))
    assert source.classes == ("background", "foreground")
    assert np.array_equal(read(source)["0"].mask, instances > 0)


def test_class_indices(tmp_path):
    mask = np.random.default_rng(0).choice([0, 1, 2, 255], (6, 8)).astype(np.uint8)
    source = Folder(root=one_pair(tmp_path, GREY, mask), classes=["sky", "sea", "sand"])
    assert np.array_equal(read(source)["0"].mask, mask)


def test_palette_masks_hold_indices(tmp_path):
    root = one_pair(tmp_path, GREY, ZERO)
    mask = Image.fromarray((GREY % 3).astype(np.uint8)).convert("P")
    mask.putdata((GREY % 3).ravel().tolist())
    mask.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    for k in range(3):
        mask.save(tmp_path / "masks" / f"{k}.png")
    assert np.array_equal(read(Folder(root=root, classes=["a", "b", "c"]))["0"].mask, GREY % 3)


INDICES = np.random.default_rng(0).integers(0, 3, (6, 8), np.uint8)
COLOURS = np.array([[0, 0, 0], [128, 64, 128], [70, 70, 70]], np.uint8)
BY_COLOUR = {"nothing": [0, 0, 0], "road": [128, 64, 128], "house": [70, 70, 70]}
BY_GREY = {"nothing": 0, "road": 128, "house": 255}


def with_palette(colours):
    image = Image.fromarray(INDICES, "L")
    image.putpalette(colours.ravel().tolist())  # a palette image from now on
    return image


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize(
    ("image", "classes"),
    [
        (with_palette(COLOURS), BY_COLOUR),
        (with_palette(COLOURS), ["nothing", "road", "house"]),
        (Image.fromarray(INDICES), ["nothing", "road", "house"]),
        (Image.fromarray(np.array([0, 128, 255], np.uint8)[INDICES]), BY_GREY),
    ],
    ids=["colours of a palette", "indices of a palette", "indices in grey", "values in grey"],
)
def test_a_mask_means_the_same_in_every_format(tmp_path, suffix, image, classes):
    for k in range(3):
        save(tmp_path / "images" / f"{k}.png", GREY)
        (tmp_path / "masks").mkdir(exist_ok=True)
        image.save(tmp_path / "masks" / f"{k}{suffix}")
    assert np.array_equal(read(Folder(root=str(tmp_path), classes=classes))["0"].mask, INDICES)


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp"])
def test_where_a_validity_mask_is_zero_there_is_no_truth(tmp_path, suffix):
    root = one_pair(tmp_path, GREY, INDICES)
    for k in range(3):
        save(tmp_path / "valid" / f"{k}{suffix}", np.where(GREY < 20, 0, 255).astype(np.uint8))
    source = Folder(root=root, classes=["a", "b", "c"])
    assert np.array_equal(read(source)["0"].mask, np.where(GREY < 20, IGNORE, INDICES))
    before = source.key()
    save(tmp_path / "valid" / f"1{suffix}", np.zeros((6, 8), np.uint8))
    assert source.key() != before
    save(tmp_path / "valid" / f"1{suffix}", np.ones((6, 9), np.uint8))
    with pytest.raises(UsageError, match=rf"valid/1\{suffix} is 9 x 6 pixels"):
        read(source)
    (tmp_path / "valid" / f"1{suffix}").unlink()
    with pytest.raises(UsageError, match=r"images/1\.png has no validity mask"):
        Folder(root=root)


def test_grey_values_by_table(tmp_path):
    mask = np.random.default_rng(0).choice([0, 128, 255, 7], (6, 8)).astype(np.uint8)
    table = {"background": 0, "road": 128, "house": 255}
    source = Folder(root=one_pair(tmp_path, GREY, mask), classes=table, ignore=[7])
    expected = np.select([mask == 0, mask == 128, mask == 255], [0, 1, 2], IGNORE)
    assert np.array_equal(read(source)["0"].mask, expected)


def test_rgb_values_by_table(tmp_path):
    colours = np.array([[0, 0, 0], [128, 64, 128], [70, 70, 70]], np.uint8)
    indices = np.random.default_rng(0).integers(0, 3, (6, 8))
    table = {"nothing": [0, 0, 0], "road": [128, 64, 128], "house": [70, 70, 70]}
    source = Folder(root=one_pair(tmp_path, GREY, colours[indices]), classes=table)
    assert np.array_equal(read(source)["0"].mask, indices)
    assert source.colours[1] == (128, 64, 128)


def test_resize_keeps_the_shape_and_the_labels(tmp_path):
    mask = np.random.default_rng(0).choice([0, 1, 2], (60, 80)).astype(np.uint8)
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    sample = read(Folder(root=one_pair(tmp_path, image, mask), classes=["a", "b", "c"], resize=30))["0"]
    assert sample.image.shape == (3, 30, 40)
    assert set(np.unique(sample.mask)) <= {0, 1, 2}


def test_splits_by_fraction_are_disjoint_repeatable_and_follow_their_seed(tmp_path):
    root = one_pair(tmp_path, GREY, ZERO, copies=40)
    names = {split: [p.name for p in pairs] for split, pairs in Folder(root=root).pairs.items()}
    assert {split: len(members) for split, members in names.items()} == {"train": 28, "val": 6, "test": 6}
    assert len({name for members in names.values() for name in members}) == 40
    assert names == {split: [p.name for p in pairs] for split, pairs in Folder(root=root).pairs.items()}
    assert names["test"] != [p.name for p in Folder(root=root, split_seed=1).pairs["test"]]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_every_split_of_a_small_set_has_an_image(tmp_path, count):
    pairs = Folder(root=one_pair(tmp_path, GREY, ZERO, copies=count), val_fraction=0.45, test_fraction=0.45).pairs
    assert min(map(len, pairs.values())) >= 1
    assert sum(map(len, pairs.values())) == count


def test_splits_by_a_table(tmp_path):
    root = one_pair(tmp_path, GREY, ZERO, copies=4)
    (tmp_path / "splits.csv").write_text("id,split\n0,test\n1.png,train\n2,val\n3,train\n")
    assert {s: [p.name for p in pairs] for s, pairs in Folder(root=root).pairs.items()} == {
        "train": ["1", "3"], "val": ["2"], "test": ["0"],
    }  # fmt: skip


def test_groups_are_never_cut_by_a_split_that_is_drawn(tmp_path):
    for k in range(24):
        save(tmp_path / "images" / f"patient{k % 6}_{k}.png", GREY)
        save(tmp_path / "masks" / f"patient{k % 6}_{k}.png", ZERO)
    for seed in range(5):
        pairs = Folder(root=str(tmp_path), group=r"(patient\d+)_", split_seed=seed).pairs
        groups = {split: {pair.group for pair in members} for split, members in pairs.items()}
        assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 6
        assert {split: len(members) for split, members in pairs.items()} == {"train": 16, "val": 4, "test": 4}
        assert {sample.group for sample in Folder(root=str(tmp_path), group=r"(patient\d+)_").samples()["test"]}
    huge = Folder(root=str(tmp_path), group=r"(patient\d+)_", val_fraction=0.49, test_fraction=0.49).pairs
    assert all(huge.values())


def test_a_table_of_splits_may_name_groups(tmp_path):
    root = one_pair(tmp_path, GREY, ZERO, copies=4)
    table = tmp_path / "splits.csv"
    table.write_text("id,split,group\n0,test,a\n1,train,b\n2,val,c\n3,train,b\n")
    assert [pair.group for pair in Folder(root=root).pairs["train"]] == ["b", "b"]
    for line, words in (
        ("3,test,b", "its group b is in train and in test"),
        ("3,train,", "line 5: the group of 3 is empty"),
    ):
        table.write_text(f"id,split,group\n0,test,a\n1,train,b\n2,val,c\n{line}\n")
        with pytest.raises(UsageError, match=words):
            Folder(root=root)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("(", r"data\.group=\("),
        ("[0-9]", r"data\.group=\[0-9\]"),
        (r"(\D)", "finds no group in the name 0"),
        ("([0-9])x?", None),
    ],
)
def test_a_group_needs_an_expression_that_finds_one(tmp_path, group, words):
    root = one_pair(tmp_path, GREY, ZERO)
    if words is None:
        assert all(Folder(root=root, group=group).pairs.values())
        return
    with pytest.raises(UsageError, match=words):
        DATASETS.build({"name": "folder", "root": root, "group": group})


def test_too_few_groups_are_refused(tmp_path):
    for k in range(6):
        save(tmp_path / "images" / f"a_{k}.png", GREY)
        save(tmp_path / "masks" / f"a_{k}.png", ZERO)
    with pytest.raises(UsageError, match=r"6 image\(s\) in 1 group\(s\): at least 3"):
        Folder(root=str(tmp_path), group="(a)_")


def test_splits_by_folders(tmp_path):
    for k, split in enumerate(("train", "val", "test")):
        one_pair(tmp_path / split, GREY + k, ZERO, copies=k + 1)
    pairs = Folder(root=str(tmp_path)).pairs
    assert [len(pairs[split]) for split in ("train", "val", "test")] == [1, 2, 3]
    assert all(split in pair.image.parts for split, members in pairs.items() for pair in members)


def test_masks_with_a_suffix_and_images_in_subfolders(tmp_path):
    for k in range(3):
        save(tmp_path / "images" / f"day{k}" / "a.png", GREY)
        save(tmp_path / "masks" / f"day{k}" / "a_mask.png", ZERO)
    assert len(read(Folder(root=str(tmp_path), mask_suffix="_mask"))) == 3


def test_hidden_files_and_folders_are_no_images(tmp_path):
    root = one_pair(tmp_path / ".hidden", GREY, ZERO)  # what lies above does not matter
    for hidden in (".thumbnails/0.png", ".0.png"):
        save(tmp_path / ".hidden" / "images" / hidden, GREY)
    assert set(read(Folder(root=root))) == {"0", "1", "2"}


def break_missing_mask(root):
    (root / "masks" / "2.png").unlink()


def break_size(root):
    save(root / "masks" / "2.png", np.zeros((5, 8), np.uint8))


def break_value(root):
    mask = ZERO.copy()
    mask[0, :7] = 9
    save(root / "masks" / "2.png", mask)


def break_file(root):
    (root / "images" / "2.png").write_bytes((root / "images" / "2.png").read_bytes()[:40])


def break_twice(root):
    save(root / "images" / "2.jpg", GREY)


def break_table(root):
    (root / "splits.csv").write_text("id,split\n0,test\n1,train\n2,holdout\n")


def break_row(root):
    (root / "splits.csv").write_text("id,split\n0,test\n1,train\n")


def break_short_row(root):
    (root / "splits.csv").write_text("id,split\n0,test\n1\n2,val\n")


def break_name(root):
    (root / "splits.csv").write_text("id,split\n0,test\n1,train\n2,val\n7,val\n")


def break_mask_in_a_folder(root):
    save(root / "images" / "day" / "7.png", GREY)


def break_columns(root):
    (root / "splits.csv").write_text("picture,part\n0,test\n")


def break_encoding(root):
    (root / "splits.csv").write_bytes(b"id,split\n\xff,test\n")


def break_folder(root):
    shutil.rmtree(root / "masks")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing_mask, ["images/2.png", "masks/2.png"]),
        (break_size, ["masks/2.png", "8 x 5", "images/2.png", "8 x 6"]),
        (break_value, ["masks/2.png", "value 9 at 7 pixels", "0, 1"]),
        (break_file, ["images/2.png"]),
        (break_twice, ["2.jpg", "2.png"]),
        (break_table, ["splits.csv", "holdout", "train, val, test"]),
        (break_row, ["splits.csv", "2.png"]),
        (break_short_row, ["splits.csv, line 3", "shorter"]),
        (break_name, ["splits.csv, line 5", "no image 7"]),
        (break_mask_in_a_folder, ["images/day/7.png", "masks/day/7.png"]),
        (break_columns, ["picture", "id and split"]),
        (break_encoding, ["splits.csv", "UTF-8"]),
        (break_folder, ["masks/"]),
    ],
)
def test_refusals_name_the_file_and_the_value(tmp_path, damage, words):
    root = one_pair(tmp_path, GREY, ZERO)
    damage(tmp_path)
    with pytest.raises(UsageError) as error:
        read(Folder(root=root, classes=["a", "b"]))
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": ["one"]}, ["one", "two or more"]),
        ({"classes": ["a", "a"]}, ["different"]),
        ({"classes": {"a": 0, "b": [1, 2, 3]}}, ["mix grey"]),
        ({"classes": {"a": 0, "b": 0}}, ["value 0"]),
        ({"classes": {"a": 0, "b": "red"}}, ["data.classes.b=red"]),
        ({"classes": {"a": 0, "b": [1, 2, 300]}}, ["300"]),
        ({"classes": {"a": [0, 0, 0], "b": [1, 1, 1]}}, ["grey mask", "RGB"]),
        ({"val_fraction": 0.6, "test_fraction": 0.5}, ["0.6", "0.5"]),
        ({"channels": 2}, ["data.channels=2"]),
        ({"value_range": [5, 5]}, ["value_range"]),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, words):
    root = one_pair(tmp_path, GREY, ZERO)
    with pytest.raises(UsageError) as error:
        read(DATASETS.build({"name": "folder", "root": root, **options}))
    assert all(word in str(error.value) for word in words), error.value


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        Folder(root=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("kind", ["JPEG in a PNG's name", "JPEG in a TIFF", "numbers between", "no number"])
def test_masks_whose_values_are_not_what_was_drawn_are_refused(tmp_path, kind):
    path, drawn = tmp_path / "mask.png", np.zeros((16, 16), np.uint8)
    drawn[4:9, 4:9] = 1
    match kind:
        case "JPEG in a PNG's name":
            Image.fromarray(drawn).save(path, "JPEG")
        case "JPEG in a TIFF":
            Image.fromarray(drawn).save(path, "TIFF", compression="jpeg")
        case _:
            values = drawn.astype(np.float32)
            values[0, 0] = 0.9 if kind == "numbers between" else np.nan
            Image.fromarray(values).save(path, "TIFF")
    with pytest.raises(UsageError, match=r"mask\.png"):
        read_values(path)


def test_a_split_without_a_truth_is_refused(tmp_path):
    for split in ("train", "val", "test"):
        for k in range(2):
            mask = np.zeros((16, 16), np.uint8)
            mask[4:9, 4:9] = 1
            save(tmp_path / "d" / split / "images" / f"{k}.png", noise(16, 16))
            save(tmp_path / "d" / split / "masks" / f"{k}.png", np.full_like(mask, 255) if split == "val" else mask)
    with pytest.raises(UsageError, match="val split are ignored"):
        open_store(Folder(root=str(tmp_path / "d"), classes=["a", "b"]), tmp_path / "data", "d")
