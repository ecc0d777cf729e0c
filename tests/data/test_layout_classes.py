"""Classes by the labels that a layout names: by their names, never by their order."""

import numpy as np
import pytest
import tool_exports as exports

from unetlite.data.folder import Folder
from unetlite.errors import UsageError

WITH_LABELS = [
    exports.cvat,
    exports.roboflow,
    exports.nnunet,
    exports.coco_single,
    exports.labelme,
    exports.label_studio,
]


def read_first(root, **options):
    """The classes of a folder, and the mask of its first training image with their names."""
    folder = Folder(root=str(root), **options)
    mask = folder.read(folder.pairs["train"][0]).mask
    return folder, np.array([*folder.classes, *["-"] * (256 - len(folder.classes))])[mask]


@pytest.mark.parametrize("write", WITH_LABELS, ids=lambda write: write.__name__)
def test_a_list_is_matched_by_name_and_a_table_renames(tmp_path, write):
    write(tmp_path)
    _, expected = read_first(tmp_path)
    folder, names = read_first(tmp_path, classes=["dog", "background", "cat"])
    assert folder.classes == ("dog", "background", "cat")
    assert np.array_equal(names, expected)
    renamed = {"Hund": "dog", "Katze": "cat", "Grund": "background"}
    folder, names = read_first(tmp_path, classes=renamed)
    assert folder.classes == tuple(renamed)
    assert np.array_equal(np.vectorize(renamed.get)(names), expected)
    for twice in (["background", "cat", "cat"], {"a": "cat", "b": "cat"}):
        with pytest.raises(UsageError, match=r"different classes|to two classes"):
            Folder(root=str(tmp_path), classes=twice)
    with pytest.raises(UsageError, match="called kat; it has background, cat, dog"):
        Folder(root=str(tmp_path), classes=["background", "kat", "dog"])
    with pytest.raises(UsageError, match=r"data\.classes\.Hund: no label .* called dgo"):
        Folder(root=str(tmp_path), classes={"Hund": "dgo", "Grund": "background"})


@pytest.mark.parametrize("write", WITH_LABELS, ids=lambda write: write.__name__)
def test_a_label_that_is_left_out_is_refused_by_its_name_or_ignored(tmp_path, write):
    write(tmp_path)
    _, expected = read_first(tmp_path)
    message = (
        r"\d.* has the label dog at 36 pixels, but data\.classes has background, cat\. Correct"
    )
    with pytest.raises(UsageError, match=message):
        read_first(tmp_path, classes=["background", "cat"])
    folder, names = read_first(tmp_path, ignore=["dog"])
    assert folder.classes == ("background", "cat")
    assert np.array_equal(names, np.where(expected == "dog", "-", expected))
    with pytest.raises(UsageError, match=r"data\.ignore: no label of the folder is called dgo"):
        Folder(root=str(tmp_path), ignore="dgo")
    with pytest.raises(UsageError, match=r"data\.ignore=None: expected a list"):
        Folder(root=str(tmp_path), ignore=None)


def test_numbers_are_those_of_the_files_and_outlines_have_none(tmp_path):
    exports.labelme(tmp_path / "a")
    with pytest.raises(UsageError, match=r"data\.classes\.background=0: outlines have labels"):
        Folder(root=str(tmp_path / "a"), classes={"background": 0, "dog": 1, "cat": 2})
    exports.nnunet(tmp_path / "b")
    with pytest.raises(UsageError, match=r"data\.classes\.dog=1, but dataset\.json says 2"):
        Folder(root=str(tmp_path / "b"), classes={"background": 0, "dog": 1, "cat": 2})
    folder, _ = read_first(tmp_path / "b", classes={"nothing": 0, "Katze": 1, "dog": 2})
    assert folder.classes == ("nothing", "Katze", "dog")


def test_a_message_names_what_says_the_classes(tmp_path):
    exports.cvat(tmp_path)
    table = tmp_path / "labelmap.txt"
    text = table.read_text()
    table.write_text(text.replace("dog:0,128,0::\n", ""))
    with pytest.raises(UsageError, match=r"but labelmap\.txt has background \[0, 0, 0\], cat"):
        read_first(tmp_path)
    table.write_text(text.replace("dog:", "cat:"))
    with pytest.raises(UsageError, match=r"labelmap\.txt names the label cat twice"):
        read_first(tmp_path)
