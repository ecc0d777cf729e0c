"""What masks mean where nothing says it: training and `unetlite inspect` agree."""

import re

import numpy as np
import pytest
from helpers import save

from unetlite.classes import IGNORE
from unetlite.data.folder import Folder
from unetlite.data.inspect import inspect_folder
from unetlite.data.mask_values import infer_classes
from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run


def write_folder(root, *masks):
    for k, values in enumerate(masks):
        save(root / "images" / f"{k}.png", np.full((18, 24), k, np.uint8))
        mask = np.resize(np.array(values, np.uint8), (6, 8))
        save(root / "masks" / f"{k}.png", np.kron(mask, np.ones((3, 3), np.uint8)))  # blocks
    return str(root)


def decode(root, **options):
    """The samples, as training reads them."""
    folder = Folder(root=root, **options)
    return folder, [sample for samples in folder.samples().values() for sample in samples]


@pytest.mark.parametrize(
    "masks",
    [
        [(0, 1), (0, 2), (0, 1, 255)],
        [(0, 128, 255), (0, 128), (0, 255)],
        [(1, 2), (1,), (2,)],
        [(0, 3), (0, 5), (0,)],
    ],
    ids=str,
)
def test_training_refuses_to_merge_the_classes_that_inspect_sees(tmp_path, masks):
    root = write_folder(tmp_path, *masks)
    inspection = inspect_folder(tmp_path, {})
    with pytest.raises(UsageError, match=r"and data\.classes does not name them") as error:
        decode(root)
    typed = re.search(r"'(data\.classes=.*?)'", str(error.value))[1]
    dataset = compose_run(["data=folder", f"data.root={root}", typed]).data.dataset
    assert dataset["classes"] == inspection.settings["classes"]
    folder, _ = decode(root, classes=dataset["classes"])
    assert list(folder.classes) == [entry.name for entry in inspection.classes]
    folder, _ = decode(root, classes="foreground")
    assert folder.classes == ("background", "foreground")
    assert folder.key() != Folder(root=root).key()  # else decoded data would answer for it


@pytest.mark.parametrize(
    ("masks", "options"),
    [
        ([(0, 255)] * 3, {}),
        ([(0, 1)] * 3, {}),
        ([(0, 1, 7)] * 3, {"ignore": [7]}),
        ([(*range(40 + k), 0) for k in range(3)], {}),
    ],
    ids=["0 and 255", "0 and 1", "one is ignored", "numbers of objects"],
)
def test_what_is_not_0_is_foreground_for_both(tmp_path, masks, options):
    root = write_folder(tmp_path, *masks)
    inspection = inspect_folder(tmp_path, options)
    assert "classes" not in inspection.settings
    folder, samples = decode(root, **options)
    assert folder.classes == ("background", "foreground")
    assert [entry.name for entry in inspection.classes] == ["background", "foreground"]
    assert set(np.unique([sample.mask.max() for sample in samples])) <= {1, IGNORE}


def test_a_class_in_one_mask_of_many_is_not_merged(tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.data.inspect.MAX_MASKS", 2)
    root = write_folder(tmp_path, (0, 1), (0, 1, 2), (0, 1))
    assert "classes" not in inspect_folder(tmp_path, {}).settings  # which has not seen it
    with pytest.raises(UsageError, match="the indices 0, 1, 2, and"):
        decode(root)


def test_values_without_a_truth_are_said():
    masks = {"a": np.array([[0, 1, 2, 255]])}
    assert (
        infer_classes(masks.items(), [])[1] == "the masks hold the indices 0, 1, 2; 255 is ignored"
    )
    classes, meaning = infer_classes({"a": np.array([[0, 1, 2, 3]])}.items(), [1])
    assert classes == {"class_0": 0, "class_2": 2, "class_3": 3}
    assert meaning.endswith("; 1 is ignored")
