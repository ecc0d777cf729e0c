"""Decoded samples on disk: what was decoded is read back, once and exactly."""

import pickle
from itertools import count

import numpy as np
import pytest
import torch

from unetlite.classes import IGNORE, palette
from unetlite.data import cache
from unetlite.data.cache import Crop, open_decoded, open_folder
from unetlite.data.samples import Sample
from unetlite.errors import UsageError


@pytest.fixture(autouse=True)
def _new_process():
    """No test finds what an earlier one has opened."""
    open_folder.cache_clear()


def test_decoded_samples_are_those_of_the_source(in_memory, decoded):
    for split, samples in in_memory().samples().items():
        for k, sample in enumerate(samples):
            stored = decoded.splits[split]
            image, mask = stored[stored.full_crop(k)]
            assert np.array_equal(image, sample.image)
            assert np.array_equal(mask, sample.mask)
            assert (stored.names[k], stored.groups[k]) == (sample.name, sample.group)


def test_mean_std_and_labels_are_counted_over_all_pixels(in_memory, decoded):
    samples = list(in_memory().samples()["train"])
    pixels = np.concatenate([sample.image.reshape(2, -1) for sample in samples], axis=1)
    np.testing.assert_allclose(decoded.mean, pixels.mean(1), rtol=1e-6)
    np.testing.assert_allclose(decoded.std, pixels.std(1), rtol=1e-6)
    masks = np.concatenate([sample.mask.ravel() for sample in samples])
    expected = np.bincount(masks, minlength=256).tolist()
    assert decoded.splits["train"].labels == expected


def test_a_crop_over_the_edge_repeats_it_and_is_ignored_there(decoded):
    split = decoded.splits["train"]
    image, mask = split[Crop(0, 2, 4, 6, 8)]  # of a 5 x 9 image
    whole, truth = split[split.full_crop(0)]
    assert torch.equal(image[:, :3, :5], whole[:, 2:, 4:])
    assert torch.equal(mask[:3, :5], truth[2:, 4:])
    assert (image[:, 3:, :5] == whole[:, 4:5, 4:]).all()
    assert (image[:, :3, 5:] == whole[:, 2:, 8:9]).all()
    assert (mask[3:] == IGNORE).all()
    assert (mask[:, 5:] == IGNORE).all()


def test_a_worker_maps_the_files_and_copies_nothing(in_memory, tmp_path):
    split = open_decoded(in_memory(sizes=((300, 400),)), tmp_path, "test").splits["train"]
    sent = pickle.dumps(split)  # as `spawn` does
    assert len(sent) < 2000
    again = pickle.loads(sent)
    image, mask = split[split.full_crop(0)]
    same_image, same_mask = again[again.full_crop(0)]
    assert torch.equal(image, same_image)
    assert torch.equal(mask, same_mask)


def test_samples_are_decoded_once_and_again_only_if_they_changed(in_memory, tmp_path):
    open_decoded(in_memory(), tmp_path, "test")
    open_folder.cache_clear()
    again, other = in_memory(), in_memory(sizes=((4, 4),))
    open_decoded(again, tmp_path, "test")
    open_decoded(other, tmp_path, "test")
    assert (again.decoded, other.decoded) == (0, 3)


def test_a_process_verifies_a_folder_once(in_memory, tmp_path, monkeypatch):
    first = open_decoded(in_memory(), tmp_path, "test")
    monkeypatch.setattr(cache, "checksums", None)  # a call would fail
    second = open_decoded(in_memory(), tmp_path, "test")
    assert second.splits["train"] is first.splits["train"]


def test_names_and_colours_of_classes_are_those_of_the_source(in_memory, tmp_path):
    """They are no part of the folder's name, so it may be one that was opened before."""
    open_decoded(in_memory(), tmp_path, "test")
    renamed = in_memory()
    renamed.classes = ("sea", "land")
    renamed.colours = palette(3)[1:]
    data = open_decoded(renamed, tmp_path, "test")
    assert renamed.decoded == 0
    assert (data.classes, data.colours) == (renamed.classes, renamed.colours)


@pytest.mark.parametrize("file", ["train.images", "val.masks", "index.json"])
@pytest.mark.parametrize("damage", ["changed", "cut", "missing"])
def test_a_damaged_cache_is_rebuilt(in_memory, tmp_path, capsys, file, damage):
    open_decoded(in_memory(), tmp_path, "test")
    open_folder.cache_clear()
    (path,) = tmp_path.glob(f"*/{file}")
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-3])
    else:
        path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    source = in_memory()
    open_decoded(source, tmp_path, "test")
    assert source.decoded == 12
    assert "cache corrupt, rebuilding" in capsys.readouterr().err
    assert path.read_bytes() == content


def test_the_hash_is_that_of_the_content_wherever_and_whenever_it_was_decoded(in_memory, tmp_path):
    first = open_decoded(in_memory(), tmp_path / "a", "test").content_hash
    assert open_decoded(in_memory(), tmp_path / "b", "test").content_hash == first

    def changed(**values):
        source = in_memory()
        read = source.read

        def read_changed(split):
            for sample in read(split):
                if sample.name == "val1":
                    sample = sample._replace(**values)
                yield sample

        source.read = read_changed
        return source

    sample = list(in_memory().samples()["val"])[1]
    changes = [
        {"name": "another"},
        {"group": "another"},
        {"image": sample.image[:, ::-1]},
        {"mask": sample.mask[::-1]},
        {"image": sample.image.reshape(2, 7, 12), "mask": sample.mask.reshape(7, 12)},
    ]
    hashes = {first}
    for k, change in enumerate(changes):
        hashes.add(open_decoded(changed(**change), tmp_path / str(k), "test").content_hash)
    assert len(hashes) == 1 + len(changes)


@pytest.mark.parametrize("broken_after", [0, 5])
def test_a_source_that_fails_leaves_nothing_behind(in_memory, tmp_path, broken_after):
    with pytest.raises(UsageError, match="broken"):
        open_decoded(in_memory(broken_after=broken_after), tmp_path / "cache", "test")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_sample_of_another_type_or_size_is_a_defect(in_memory, tmp_path):
    for image, mask in (
        (np.zeros((2, 4, 4), np.uint8), np.zeros((4, 4), np.int64)),
        (np.zeros((2, 4, 4), np.uint8), np.zeros((4, 5), np.uint8)),
    ):
        source = in_memory()
        source.read = lambda split, pair=(image, mask): [Sample("a", *pair, "a")]
        with pytest.raises(TypeError, match="a: image"):
            open_decoded(source, tmp_path, "test")


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({}, "val split is empty"),
        ({"val": 255}, "val split are ignored"),
        ({"val": 1, "test": 1}, "the training masks hold only a"),
    ],
)
def test_splits_without_anything_to_learn_or_to_score_are_refused(
    in_memory, tmp_path, masks, message
):
    def read(split):
        value = {"train": 0, **masks}.get(split)
        if value is not None:
            mask = np.full((4, 4), value, np.uint8)
            yield Sample("a", np.zeros((2, 4, 4), np.uint8), mask, "a")

    source = in_memory()
    source.read = read
    with pytest.raises(UsageError, match=message):
        open_decoded(source, tmp_path, "test")


def test_the_folder_of_a_cache_is_that_of_earlier_versions(in_memory, tmp_path):
    """Otherwise everybody's data sets would be decoded again. What needs that raises FORMAT."""
    open_decoded(in_memory(sizes=((4, 4),)), tmp_path, "test")
    assert [path.name for path in tmp_path.iterdir()] == ["170ffa1f3a40f4cc"]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_pixels_of_any_type_come_back_and_pictures_show_three_channels(in_memory, tmp_path, dtype):
    source = in_memory()
    read = source.read

    def read_deep(split):
        for sample in read(split):
            image = sample.image.astype(dtype) * 3
            yield sample._replace(image=np.concatenate([image, image + 1]))

    source.read = read_deep
    data = open_decoded(source, tmp_path, "test", display=[4, 1, 3])
    expected = list(read_deep("val"))
    split = data.splits["val"]
    for index, sample in enumerate(expected):
        image, mask = split[split.full_crop(index)]
        assert np.array_equal(image, sample.image)
        assert np.array_equal(mask, sample.mask)
    assert (data.channels, data.pixel_type) == (4, np.dtype(dtype).name)
    assert data.display.channels == (4, 1, 3)
    picture = data.display.rgb(expected[0].image)
    order = picture[..., 1].ravel().argsort(kind="stable")
    assert (np.diff(expected[0].image[0].ravel()[order].astype(int)) >= -3).all()
    with pytest.raises(UsageError, match=r"data\.display=\[5\]: the images have 4"):
        open_decoded(source, tmp_path, "test", display=[5])


def test_an_image_in_two_splits_is_refused_unless_it_is_empty(in_memory, tmp_path):
    def read(split):
        for name, value in (("a", 0), (f"copy in {split}", 200)):
            image = np.full((2, 4, 4), 7, np.uint8)
            image[0, 0, 0] += value
            yield Sample(name, image, np.eye(4, dtype=np.uint8), name)

    source = in_memory()
    source.read = read
    with pytest.raises(UsageError, match="copy in train in train and copy in val in val are the"):
        open_decoded(source, tmp_path, "test")
    source.read = lambda split: [sample for sample in read(split) if sample.name == "a"]
    assert open_decoded(source, tmp_path, "test").splits["val"].names == ["a"]


def test_the_content_hash_is_that_of_pixels_names_groups_and_splits(in_memory, tmp_path):
    hashes = set()
    numbers = count()

    def add(change):
        source = in_memory()
        read = source.read
        source.read = lambda split: map(change, read(split))
        number = next(numbers)
        source.key = lambda: {"number": number}
        hashes.add(open_decoded(source, tmp_path, "test").content_hash)

    add(lambda sample: sample)
    open_folder.cache_clear()
    add(lambda sample: sample)
    assert len(hashes) == 1
    add(lambda sample: sample._replace(mask=1 - sample.mask))
    add(lambda sample: sample._replace(image=sample.image[:, ::-1]))
    add(lambda sample: sample._replace(group="one"))
    add(lambda sample: sample._replace(name=sample.name + "x"))
    assert len(hashes) == 5
