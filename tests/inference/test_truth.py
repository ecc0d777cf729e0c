"""A truth is read as its data set codes it."""

import numpy as np
import pytest
from helpers import as_trained, make_metadata, save
from PIL import Image

from unetlite import UsageError
from unetlite.data.raster import array_source
from unetlite.inference.model import Band
from unetlite.inference.truth import TruthMask

SOURCE = array_source(np.zeros((3, 2, 2), np.uint8))


@pytest.mark.parametrize(
    ("data", "values", "predicted", "expected"),
    [
        ("camvid", [[0, 11], [1, 1]], [[0, 0], [0, 1]], [[1, 1, 0], [1, 0, 1]]),  # ignores 11
        ("drive", [[0, 255], [0, 0]], [[0, 0], [0, 0]], [[3, 1, 0], [0, 0, 1]]),  # 255: vessel
        ("coast", [[0, 1], [0, 0]], [[0, 0], [0, 0]], [[3, 1, 0], [0, 0, 1]]),  # class indices
        ("folder", [[0, 7], [0, 0]], [[0, 0], [0, 0]], [[3, 1, 0], [0, 0, 1]]),  # not 0: foreground
    ],
)
def test_pixels_are_counted(tmp_path, data, values, predicted, expected):
    path = save(tmp_path / "a.png", np.array(values, np.uint8))
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    truth = TruthMask(path, make_metadata(network, config={"data": {"name": data}}), SOURCE)
    band = Band(0, np.array(predicted, np.uint8), np.empty((0, 2, 2), np.float32))
    assert truth.count(band).tolist() == expected


def test_classes_that_a_layout_named_are_known_to_the_network(tmp_path):
    path = save(tmp_path / "a.png", np.array([[9, 4], [7, 9]], np.uint8))
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    values = {"classes": {"a": 9, "b": 4}, "ignore": [7]}
    truth = TruthMask(path, make_metadata(network, mask_values=values), SOURCE)
    band = Band(0, np.array([[0, 1], [1, 1]], np.uint8), np.empty((0, 2, 2), np.float32))
    assert truth.count(band).tolist() == [[1, 0, 1], [1, 1, 0]]


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = save(tmp_path / "a.png", np.zeros((2, 3), np.uint8))
    metadata = make_metadata(as_trained({"name": "nearest"}, widths=(4, 6)))
    with pytest.raises(UsageError, match="3 x 2 pixels, but its image 2 x 2"):
        TruthMask(path, metadata, SOURCE)


@pytest.mark.parametrize(("orientation", "first"), [("stored", 0), ("viewed", 1)])
def test_a_turned_mask_is_read_as_the_images_were(tmp_path, orientation, first):
    exif = Image.Exif()
    exif[274] = 3  # half a turn
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 0], [0, 7]], np.uint8)).save(path, exif=exif)
    config = {"data": {"name": "folder", "orientation": orientation}}
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    truth = TruthMask(path, make_metadata(network, config=config), SOURCE)
    predicted = np.zeros((2, 2), np.uint8)
    predicted[0, 0] = 1
    counts = truth.count(Band(0, predicted, np.empty((0, 2, 2), np.float32)))
    assert counts[1, 0] == first
