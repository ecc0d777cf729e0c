"""What `unetlite choose` reads from a folder, and what it refuses as it would train nonsense."""

import shlex

import numpy as np
import pytest
import tool_exports
from helpers import noise, save
from PIL import Image

from unetlite.data import inspect
from unetlite.data.folder import Folder
from unetlite.data.inspect import inspect_folder
from unetlite.errors import UsageError

SIZE = (12, 16)


def survey(root, options):
    inspection = inspect_folder(root, options)
    return inspection.settings, inspection.lines()


def make_folder(root, masks, suffix="", names=None, first=0):
    for k, mask in enumerate(masks):
        name = names[k] if names else f"{k}"
        save(root / "images" / f"{name}.png", np.full(mask.shape[:2], first + k, np.uint8))
        save(root / "masks" / f"{name}{suffix}.png", mask)
    return root


def masks_of(*values, count=4):
    """Masks that hold these values."""
    return [np.resize(np.array(values, np.uint8), SIZE) for _ in range(count)]


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ((0, 255), None),
        ((0, 1), None),
        ((0, 1, 2), ["class_0", "class_1", "class_2"]),
        ((0, 1, 2, 255), ["class_0", "class_1", "class_2"]),
        ((0, 3, 1), ["class_0", "class_1", "class_2", "class_3"]),
        ((0, 128, 255), {"class_0": 0, "class_128": 128, "class_255": 255}),
        ((1, 2), {"class_1": 1, "class_2": 2}),
    ],
)
def test_classes_are_inferred_from_the_values_of_the_masks(tmp_path, values, classes):
    settings, _ = survey(make_folder(tmp_path, masks_of(*values)), {})
    assert settings.get("classes") == classes


def test_numbers_of_objects_are_foreground(tmp_path):
    masks = []
    for k in range(4):
        mask = np.zeros((30, 30 + k), np.uint8)
        for number in range(40 + k):
            top, left = divmod(number, 7)
            mask[4 * top : 4 * top + 3, 4 * left : 4 * left + 3] = number
        masks.append(mask)
    settings, lines = survey(make_folder(tmp_path, masks), {})
    assert "classes" not in settings
    assert "numbers of objects up to 42" in lines[3]


def test_sizes_and_shares_are_reported(tmp_path):
    masks = [np.resize(np.array([0, 0, 0, 1], np.uint8), (8 + k, 16)) for k in range(4)]
    _, lines = survey(make_folder(tmp_path, masks), {"classes": ["sea", "land"]})
    assert lines[:6] == [
        "layout   images/ and masks/",
        "images   4 with a mask each, 16 x 8 to 16 x 11 pixels",
        "channels 1 of uint8, values 0 to 255",
        "classes  sea 75.0%, land 25.0% (as data.classes says)",
        "splits   2 train, 1 val, 1 test, drawn by name",
        "groups   none; every image counts for itself",
    ]


def test_some_masks_of_a_large_folder_are_inspected(tmp_path, monkeypatch):
    monkeypatch.setattr(inspect, "MAX_MASKS", 3)
    _, lines = survey(make_folder(tmp_path, masks_of(0, 1, count=9)), {})
    assert lines[1] == "images   9 with a mask each, 16 x 12 pixels (3 were inspected)"


def test_splits_are_reported_with_their_origin(tmp_path):
    make_folder(tmp_path / "a", masks_of(0, 1))
    (tmp_path / "a" / "splits.csv").write_text("id,split\n0,test\n1,train\n2,val\n3,train\n")
    _, lines = survey(tmp_path / "a", {})
    assert "splits   2 train, 1 val, 1 test, from splits.csv" in lines
    for k, split in enumerate(("train", "val", "test")):
        make_folder(tmp_path / "b" / split, masks_of(0, 1), suffix="_m", first=10 * k)
    settings, lines = survey(tmp_path / "b", {})
    assert settings["mask_name"] == "{stem}_m.png"
    assert "splits   4 train, 4 val, 4 test, from the layout" in lines


def test_the_name_of_the_masks_and_series_of_names_are_noticed(tmp_path):
    names = [f"patient{k % 3}_{k}" for k in range(12)]
    make_folder(tmp_path, masks_of(0, 1, count=12), "_mask", names)
    settings, lines = survey(tmp_path, {})
    assert settings["mask_name"] == "{stem}_mask.png"
    assert lines[0] == "layout   images/ and masks/, with \"data.mask_name='{stem}_mask.png'\""
    (word,) = (shlex.split(line)[-1] for line in lines if "data.group=" in line)
    pattern = word.removeprefix("data.group=")
    _, lines = survey(tmp_path, {"group": pattern})
    assert "groups   3" in lines
    assert not any("data.group=" in line for line in lines)


def test_names_that_could_be_two_are_not_chosen(tmp_path):
    make_folder(tmp_path, masks_of(0, 1), "_ids")
    make_folder(tmp_path, masks_of(0, 1), "_train")
    message = r"Did you mean \"data.mask_name='{stem}_ids.png'\" or \"data.mask_name='{stem}_train"
    with pytest.raises(UsageError, match=message):
        survey(tmp_path, {})
    settings, _ = survey(tmp_path, {"mask_name": "{stem}_ids.png"})
    assert settings["mask_name"] == "{stem}_ids.png"


def test_what_a_layout_says_is_reported(tmp_path):
    tool_exports.coco_roboflow(tmp_path)
    settings, lines = survey(tmp_path, {})
    assert "classes" not in settings  # which training would record
    assert lines[0] == "layout   COCO JSON"
    assert "dog 4.7% (as the layout says)" in lines[3]
    assert "splits   5 train, 2 val, 2 test, from the layout" in lines
    assert any(line.startswith("note     the category animal") for line in lines)
    _, lines = survey(tmp_path, {"classes": {"Grund": "background", "Hund": "dog", "x": "cat"}})
    assert "Hund 4.7%" in lines[3]
    assert "(as data.classes says)" in lines[3]


def test_few_images_and_absent_classes_are_warned_of(tmp_path):
    make_folder(tmp_path, masks_of(0, 1))
    _, lines = survey(tmp_path, {"classes": ["a", "b", "c"]})
    assert "warning: c is nowhere in the masks" in lines
    assert "warning: 4 images are few: a verdict about others will be wide" in lines


def test_colours_of_palettes_and_validity_masks_are_understood(tmp_path):
    make_folder(tmp_path, masks_of(0, 1))
    for k in range(4):
        mask = Image.fromarray(masks_of(0, 1)[0])
        mask.putpalette([9, 9, 9, 200, 10, 30])
        mask.save(tmp_path / "masks" / f"{k}.png")
        save(tmp_path / "valid" / f"{k}.png", masks_of(0, 255, 255)[0])
    _, lines = survey(tmp_path, {"classes": {"a": [9, 9, 9], "b": [200, 10, 30]}})
    assert "a 50.0%, b 50.0%" in lines[3]
    for k in range(4):
        save(tmp_path / "valid" / f"{k}.png", masks_of(0, 255, 255, 255)[0])
    _, lines = survey(tmp_path, {"classes": {"a": [9, 9, 9], "b": [200, 10, 30]}})
    assert "a 33.3%, b 66.7%" in lines[3]
    assert "valid    where a file of valid/ is zero is no truth" in lines


def make_coloured(root):
    grey = masks_of(0, 200, count=3)
    colours = np.array([[0, 0, 0], [200, 10, 30]], np.uint8)
    make_folder(root, [np.resize(colours, (*SIZE, 3)), *[np.stack([x] * 3, -1) for x in grey]])


def make_jpeg(root):
    make_folder(root, masks_of(0, 255))
    (root / "masks" / "1.png").unlink()
    save(root / "masks" / "1.jpg", masks_of(0, 255)[0])


def make_shades(root):
    row = np.array([0] * 6 + [60, 120, 180, 220] + [255] * 6, np.uint8)
    make_folder(root, [np.tile(row, (12, 1))] * 4)


def make_photographs(root):
    make_folder(root, [noise(*SIZE, seed=k) for k in range(4)])


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (
            make_coloured,
            {},
            [
                "0.png is a coloured mask",
                "data.classes={class_0: [0, 0, 0], class_1: [200, 10, 30]}",
            ],
        ),
        (make_jpeg, {}, ["1.jpg is a JPEG", "PNG"]),
        (lambda root: make_folder(root, masks_of(7)), {}, ["hold 7 alone"]),
        (
            lambda root: make_folder(root, masks_of(0, 255)),
            {"classes": ["a", "b"]},
            ["all masks hold the class a alone; they also hold 255, which is ignored"],
        ),
        (make_shades, {}, ["values between", "was a JPEG"]),
        (make_photographs, {}, ["looks like a photograph and not like a mask (4 of 4"]),
        (lambda root: root.joinpath("images").mkdir(), {}, ["no layout fits", "It has images/."]),
        (lambda root: root.rmdir(), {}, ["no such folder"]),
    ],
)
def test_what_would_train_nonsense_is_refused_with_the_remedy(tmp_path, make, options, words):
    root = tmp_path / "data"
    root.mkdir()
    make(root)
    with pytest.raises(UsageError) as error:
        inspect_folder(root, options)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_a_value_far_from_all_others_is_noticed_and_can_be_no_data(tmp_path, share):
    root = make_folder(tmp_path, masks_of(0, 1))
    for k in range(4):
        (root / "images" / f"{k}.png").unlink()
        values = np.random.default_rng(k).random(SIZE).astype(np.float32)
        values.flat[: round(share * values.size)] = -9999
        save(root / "images" / f"{k}.tif", values)
    _, lines = survey(root, {})
    assert any("data.nodata=-9999" in line for line in lines) == (share > 0)
    inspection = inspect_folder(root, {"nodata": -9999.0})
    assert inspection.channels[0].low >= 0
    assert not any("nodata" in line for line in inspection.lines())


def test_pixels_without_data_are_counted_and_left_out_of_shares_and_histograms(tmp_path):
    root = make_folder(tmp_path, [np.repeat(np.uint8([[0], [0], [1], [1]]), 8, axis=1)] * 4)
    for k in range(4):
        (root / "images" / f"{k}.png").unlink()
        values = noise(4, 8, dtype=np.uint16, seed=k) | 1
        if k < 2:
            values[:2] = 0
        save(root / "images" / f"{k}.tif", values)
    _, lines = survey(root, {})
    assert "background 50.0%, foreground 50.0%" in lines[3]
    assert not any(line.startswith("no data") for line in lines)
    inspection = inspect_folder(root, {"nodata": 0.0})
    assert "background 33.3%, foreground 66.7%" in inspection.lines()[3]
    assert any(
        line.startswith("no data  2 of 4 images lack data, at 25.0% of all pixels")
        for line in inspection.lines()
    )
    assert sum(inspection.channels[0].histogram) <= 4 * 32 - 2 * 16


def test_pictures_show_the_channels_that_were_chosen(tmp_path):
    root = make_folder(tmp_path, masks_of(0, 1))
    for k in range(4):
        (root / "images" / f"{k}.png").unlink()
        np.save(root / "images" / f"{k}.npy", noise(*SIZE, 5, seed=k))
    sheets = {}
    for display in (None, [1, 2, 3], [5, 4, 2], [4]):
        sheets[str(display)] = inspect_folder(root, {}, display).contact_sheet.tobytes()
    assert sheets["None"] == sheets["[1, 2, 3]"]
    assert len(set(sheets.values())) == 3
    with pytest.raises(UsageError, match=r"data\.display=\[6\]: the images have 5 channel"):
        inspect_folder(root, {}, [6])


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("a.zip", "unzip it"), ("a.json", "holds it and the images"), ("a.png", "give the folder")],
)
def test_a_file_in_place_of_a_folder_is_refused_with_the_remedy(tmp_path, name, remedy):
    (tmp_path / name).touch()
    for read in (inspect_folder, lambda root, options: Folder(root=str(root), **options)):
        with pytest.raises(UsageError, match=f"{name} is a file; expected a folder.*{remedy}"):
            read(tmp_path / name, {})
