"""What `unetlite choose` finds in a folder, and what it refuses because it would train nonsense."""

import numpy as np
import pytest
from helpers import save
from PIL import Image

from unetlite.data.survey import survey
from unetlite.errors import UsageError

SIZE = (12, 16)


def folder(root, masks, suffix="", names=None):
    for k, mask in enumerate(masks):
        name = names[k] if names else f"{k}"
        save(root / "images" / f"{name}.png", np.full(SIZE, k, np.uint8))
        save(root / "masks" / f"{name}{suffix}.png", mask)
    return root


def of(*values, count=4, dtype=np.uint8):
    """Masks that hold these values."""
    return [np.resize(np.array(values, dtype), SIZE) for _ in range(count)]


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
    settings, _ = survey(folder(tmp_path, of(*values)), {})
    assert settings.get("classes") == classes


def test_numbers_of_objects_are_foreground(tmp_path):
    masks = [np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) % (40 + k) for k in range(4)]
    settings, said = survey(folder(tmp_path, [mask.astype(np.uint8) for mask in masks]), {})
    assert "classes" not in settings
    assert any("numbers of objects" in line for line in said)


def test_a_suffix_of_the_masks_and_series_of_names_are_found(tmp_path):
    names = [f"patient{k % 3}_{k}" for k in range(12)]
    settings, said = survey(folder(tmp_path, of(0, 1, count=12), "_mask", names), {})
    assert settings["mask_suffix"] == "_mask"
    (pattern,) = (line.split("'")[1] for line in said if "data.group=" in line)
    _, said = survey(tmp_path, {"group": pattern})
    assert "groups   3" in said
    assert not any("data.group=" in line for line in said)


def test_few_images_and_absent_classes_are_warned_of(tmp_path):
    _, said = survey(folder(tmp_path, of(0, 1)), {"classes": ["a", "b", "c"]})
    assert any(line.startswith("mind     c is nowhere") for line in said)
    assert any(line.startswith("mind     4 images are few") for line in said)


def test_colours_of_palettes_and_validity_masks_are_understood(tmp_path):
    folder(tmp_path, of(0, 1))
    for k in range(4):
        mask = Image.fromarray(of(0, 1)[0])
        mask.putpalette([9, 9, 9, 200, 10, 30])
        mask.save(tmp_path / "masks" / f"{k}.png")
        save(tmp_path / "valid" / f"{k}.png", of(0, 255)[0])
    _, said = survey(tmp_path, {"classes": {"a": [9, 9, 9], "b": [200, 10, 30]}})
    assert any("a 50.0%, b 50.0%" in line for line in said)
    assert any(line.startswith("valid ") for line in said)


def rgb(root):
    folder(
        root, [np.random.default_rng(k).choice([0, 200], (*SIZE, 1)).repeat(3, 2).astype(np.uint8) for k in range(4)]
    )
    save(root / "masks" / "0.png", np.resize(np.array([[0, 0, 0], [200, 10, 30]], np.uint8), (*SIZE, 3)))


def jpeg(root):
    folder(root, of(0, 255))
    (root / "masks" / "1.png").unlink()
    Image.fromarray(of(0, 255)[0]).save(root / "masks" / "1.jpg")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (rgb, ["0.png is a coloured mask", "data.classes={class_0: [0, 0, 0], class_1: [200, 10, 30]}"]),
        (jpeg, ["1.jpg is a JPEG", "PNG"]),
        (lambda root: folder(root, of(7)), ["hold 7 alone"]),
        (lambda root: folder(root, of(*range(3, 200))), ["different values", "like an image"]),
        (lambda root: root.joinpath("images").mkdir(), ["holds no image"]),
        (lambda root: root.rmdir(), ["no such folder"]),
    ],
)
def test_what_would_train_nonsense_is_refused_with_the_remedy(tmp_path, make, words):
    root = tmp_path / "data"
    root.mkdir()
    make(root)
    with pytest.raises(UsageError) as error:
        survey(root, {})
    assert all(word in str(error.value) for word in words), error.value
