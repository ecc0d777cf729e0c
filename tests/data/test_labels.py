"""From mask values to class indices."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unetlite.classes import IGNORE, palette
from unetlite.data.labels import ClassTable
from unetlite.errors import UsageError

MASK = Path("mask.png")
VALUES = np.random.default_rng(0).choice([0, 1, 2, 255], (6, 8)).astype(np.uint8)


def test_without_classes_nonzero_is_foreground():
    numbers = np.zeros((6, 8), np.uint16)
    numbers[1:3, 1:4], numbers[1:3, 4:6], numbers[4:, 3:] = 40, 1880, 300  # objects that touch
    table = ClassTable(None)
    assert table.names == ("background", "foreground")
    assert np.array_equal(table.indices(numbers, MASK), numbers > 0)
    assert np.array_equal(table.indices(VALUES, MASK), VALUES > 0)  # 255, too
    ignoring = ClassTable(None, ignore=255)
    assert np.array_equal(ignoring.indices(VALUES, MASK) == IGNORE, VALUES == 255)


def test_a_list_of_classes_names_indices_and_255_is_ignored():
    table = ClassTable(["sky", "sea", "sand"])
    assert np.array_equal(table.indices(VALUES, MASK), VALUES)
    assert table.colours == palette(3)


@pytest.mark.parametrize(
    ("classes", "ignore"),
    [
        (None, [7]),
        (["a", "b"], []),
        ({"a": 9, "b": 4}, [255]),
        ({"a": [1, 2, 3], "b": [0, 0, 0]}, []),
    ],
)
def test_a_table_is_made_again_from_its_settings(classes, ignore):
    table = ClassTable(classes, ignore)
    again = ClassTable(**json.loads(json.dumps(table.settings())))
    assert (again.names, again.index_of) == (table.names, table.index_of)
    assert again.foreground == table.foreground


def test_grey_values_by_table():
    values = np.random.default_rng(0).choice([0, 128, 255, 7], (6, 8)).astype(np.uint8)
    table = ClassTable({"background": 0, "road": 128, "house": 255}, ignore=[7])
    expected = np.select([values == 0, values == 128, values == 255], [0, 1, 2], IGNORE)
    assert np.array_equal(table.indices(values, MASK), expected)
    grey_rgb = np.repeat(values[..., None], 3, axis=2)
    assert np.array_equal(table.indices(grey_rgb, MASK), expected)


def test_rgb_values_by_table():
    colours = np.array([[0, 0, 0], [128, 64, 128], [70, 70, 70], [1, 2, 3]], np.uint8)
    indices = np.random.default_rng(0).integers(0, 4, (6, 8))
    classes = {"nothing": [0, 0, 0], "road": [128, 64, 128], "house": [70, 70, 70]}
    table = ClassTable(classes, ignore=[[1, 2, 3]])
    expected = np.where(indices == 3, IGNORE, indices)
    assert np.array_equal(table.indices(colours[indices], MASK), expected)
    assert table.colours[1] == (128, 64, 128)


@pytest.mark.parametrize(
    ("classes", "values", "message"),
    [
        (["a", "b"], [[9, 9, 0]], "value 9 at 2 pixels, but data.classes has 0, 1"),
        ({"a": [0, 0, 0], "b": [1, 1, 1]}, [[0]], "grey mask, but data.classes gives RGB"),
        (["a", "b"], [[[1, 2, 3]]], "is an RGB mask"),
        ({"a": [0, 0, 0], "b": [1, 1, 1]}, [[[9, 8, 7]]], r"value \[9, 8, 7\] at 1 pixels"),
    ],
)
def test_values_that_no_class_has_are_refused_with_the_file(classes, values, message):
    with pytest.raises(UsageError, match=rf"mask\.png .*{message}"):
        ClassTable(classes).indices(np.array(values, np.uint8), MASK)


@pytest.mark.parametrize(
    ("classes", "ignore", "message"),
    [
        ("ab", (), "data.classes=ab: expected a list"),
        ([], (), "names nothing"),
        (["one"], (), "names one; give two or more"),
        (["a", "a"], (), "different"),
        ([f"{k}" for k in range(256)], (), "names 256 classes; at most 255"),
        (["a", "<b>"], (), "the class name '<b>'"),
        ({"a": 0, "b": [1, 2, 3]}, (), "mix grey"),
        ({"a": 0, "b": 1}, [[1, 2, 3]], "mix grey"),
        ({"a": 0, "b": 0}, (), "value 0 to two"),
        ({"a": 0, "b": 1}, [1], "value 1 to two"),
        ({"a": 0, "b": "red"}, (), "data.classes.b=red"),
        ({"a": 0, "b": -1}, (), "data.classes.b=-1"),
        ({"a": 0, "b": True}, (), "data.classes.b=True"),
        ({"a": 0, "b": [1, 2, 300]}, (), "300"),
        (["a", "b"], "255", "data.ignore=255: expected a list"),
    ],
)
def test_tables_that_mean_nothing_are_refused(classes, ignore, message):
    with pytest.raises(UsageError, match=message):
        ClassTable(classes, ignore)


def discs(height=64, width=80):
    y, x = np.mgrid[:height, :width]
    return 255 * ((y - 30) ** 2 + (x - 35) ** 2 < 400).astype(np.uint8)


def smooth(mask, factor):
    height, width = mask.shape
    blocks = mask.reshape(height // factor, factor, width // factor, factor)
    return blocks.mean((1, 3)).round().astype(np.uint8)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_mask_that_was_scaled_with_smoothing_is_refused(factor):
    mask = discs()
    assert ClassTable(None).indices(mask[::factor, ::factor], MASK).any()  # nearest neighbour
    with pytest.raises(UsageError, match="values between 0 and 255 along edges"):
        ClassTable(None).indices(smooth(mask, factor), MASK)


def test_a_mask_that_was_a_jpeg_is_refused():
    buffer = io.BytesIO()
    Image.fromarray(discs()).save(buffer, "JPEG", quality=75)
    with pytest.raises(UsageError, match="along edges"):
        ClassTable(None).indices(np.asarray(Image.open(buffer)), MASK)


def test_one_value_between_two_others_may_be_a_border():
    mask = discs()
    border = np.where(smooth(np.kron(mask, np.ones((2, 2), np.uint8)), 2) % 255, 128, mask)
    border[10, 5:60] = 128
    assert ClassTable(None).indices(border.astype(np.uint8), MASK).any()
