"""Masks that are coded in two ways are refused; what may be a slip is named."""

import numpy as np
import pytest
from helpers import noise, save

from unetlite.data.doctor.coding import check_coding, find_depths, find_rare_values
from unetlite.data.folder import Folder
from unetlite.data.inspect import inspect_folder
from unetlite.data.labels import ClassTable
from unetlite.errors import UsageError


def values_of(*rows):
    return {f"{k}.png": row for k, row in enumerate(rows)}


@pytest.mark.parametrize(
    "rows",
    [
        ([0, 1], [0, 255], [0]),
        ([0, 1, 2], [0, 255]),
        ([0, 128], [0, 255]),
    ],
)
def test_two_codings_are_refused_with_a_file_of_each(rows):
    with pytest.raises(UsageError) as error:
        check_coding(values_of(*rows), [])
    message = str(error.value)
    for words in ("0.png holds", "1.png holds 255", "data.classes=foreground", "data.ignore=[255]"):
        assert words in message


@pytest.mark.parametrize(
    ("rows", "ignored"),
    [
        (([0, 1], [0, 255], [0, 1, 255]), []),  # one mask shows that they differ
        (([0, 1], [0, 255]), [255]),  # the user says so
        (([0, 1], [0, 2], [3]), []),  # classes in few masks each
        (([0, 255], [0], [255]), []),
        (([0, 1, 2], [0, 1, 2, 40], [0, 1]), []),  # numbers of objects
    ],
)
def test_classes_that_may_be_told_apart_are_no_two_codings(rows, ignored):
    check_coding(values_of(*rows), ignored)


@pytest.mark.parametrize("classes", [None, ["rest", "crack"]])
def test_folders_with_two_codings_are_not_read_until_the_meaning_is_said(tmp_path, classes):
    for k in range(6):
        save(tmp_path / "images" / f"{k}.png", noise(8, 9, seed=k))
        save(tmp_path / "masks" / f"{k}.png", (noise(8, 9, seed=k) % 2) * (1 if k < 3 else 255))
    options = {} if classes is None else {"classes": classes}
    with pytest.raises(UsageError, match="coded in two ways"):
        inspect_folder(tmp_path, options)
    with pytest.raises(UsageError, match="coded in two ways"):
        Folder(root=str(tmp_path), **options).samples()
    inspection = inspect_folder(tmp_path, {"classes": "foreground"})
    assert inspection.classes[1].share == pytest.approx(0.5, abs=0.1)
    assert inspect_folder(tmp_path, {"classes": ["rest", "crack"], "ignore": [255]})


def test_a_class_in_one_of_many_masks_is_named_with_the_mask():
    table = ClassTable(["a", "b", "c"])
    rows = [[0, 1]] * 40
    (warning,) = find_rare_values(values_of(*rows, [0, 2]), table)
    assert "c (the value 2) is in 1 of 41 masks only, such as 40.png" in warning
    assert find_rare_values(values_of(*rows, [0, 2], [2]), table) == []
    assert find_rare_values(values_of([0, 1], [2]), table) == []  # too few to tell


def test_masks_of_another_depth_are_named_unless_they_number_objects():
    masks = {f"{k}": np.zeros((2, 3), np.uint8) for k in range(3)}
    masks["deep"] = np.zeros((2, 3), np.uint16)
    (warning,) = find_depths(masks, ClassTable(["a", "b"]))
    assert "1 mask of 4" in warning
    assert "such as deep" in warning
    assert find_depths(masks, ClassTable(None)) == []
