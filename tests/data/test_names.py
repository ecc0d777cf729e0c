"""Which mask belongs to which image, and what is suggested if names say it otherwise."""

from pathlib import Path

import pytest

from unetlite.data.layouts.base import Naming
from unetlite.data.layouts.names import (
    MaskNamesError,
    NamePattern,
    match_masks,
    match_some_masks,
)
from unetlite.errors import UsageError


def files(*names):
    """As `list_images` gives them."""
    return {str(Path(name).with_suffix("")): Path(name) for name in names}


def match(images, masks, **naming):
    matched = match_masks(files(*images), files(*masks), Naming(**naming), Path("masks"))
    return [str(path) for path in matched.values()]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["a.jpg", "d/b.png"], ["a.png", "d/b.gif"]),
        (["a.jpg", "b.png"], ["a.jpg.png", "b.png.png"]),
        (["IMG_1.JPG", "IMG_2.JPG"], ["img_1.png", "img_2.png"]),
        (["1.2.3.jpg"], ["1.2.3.png"]),
    ],
)
def test_a_mask_has_the_name_of_its_image_or_of_the_file(images, masks):
    assert match(images, [*masks, "other.png"]) == masks


def test_names_that_differ_in_case_alone_are_not_mixed_up():
    assert match(["a.png", "A.png"], ["A.png", "a.png"]) == ["a.png", "A.png"]
    with pytest.raises(UsageError, match=r"a\.png has no mask"):
        match(["a.png"], ["A.png", "A.png.png"])
    with pytest.raises(UsageError, match=r"A\.png has no mask"):
        match(["a.png", "A.png"], ["a.png"])


SUGGESTIONS = [
    (["a", "b"], ["a_mask", "b_mask"], [(None, "{stem}_mask.png")]),
    (["image_01", "image_02"], ["mask_01", "mask_02"], [("image_{stem}.png", "mask_{stem}.png")]),
    (["d/x1", "e/x2"], ["d/m_x1", "e/m_x2"], [(None, "m_{stem}.png")]),
    (
        ["aachen_01_leftImg8bit", "ulm_02_leftImg8bit"],
        ["aachen_01_gtFine_labelIds", "ulm_02_gtFine_labelIds"],
        [("{stem}_leftImg8bit.png", "{stem}_gtFine_labelIds.png")],
    ),
    (["case_1_0000", "case_2_0000"], ["case_1", "case_2"], [("{stem}_0000.png", "{stem}.png")]),
    (
        ["a", "b"],
        ["a_ids", "a_train", "b_ids", "b_train"],
        [(None, "{stem}_ids.png"), (None, "{stem}_train.png")],
    ),
    (["a", "b"], ["a_mask", "c_mask"], []),
    (["3f2a-photo", "4f2b-photo"], ["task-1", "task-2"], []),
]


@pytest.mark.parametrize(("images", "masks", "expected"), SUGGESTIONS)
def test_a_pattern_is_suggested_that_gives_each_image_its_own_mask(images, masks, expected):
    images = [f"{name}.png" for name in images]
    masks = [f"{name}.png" for name in masks]
    with pytest.raises(MaskNamesError) as error:
        match(images, masks)
    suggestions = error.value.suggestions
    found = [(each.get("image_name"), each["mask_name"]) for each in suggestions]
    assert found == expected
    for suggestion in suggestions:
        assert len(set(match(images, masks, **suggestion))) == len(images)
        assert f"\"data.mask_name='{suggestion['mask_name']}'\"" in str(error.value)


@pytest.mark.parametrize(
    ("naming", "message"),
    [
        ({"mask_name": "mask.png"}, r"data\.mask_name=mask\.png: expected .* {stem} in it once"),
        ({"mask_name": "{stem}{stem}"}, "in it once"),
        ({"mask_name": "m/{stem}"}, "in it once"),
        ({"image_name": "{stem}"}, r"needs data\.mask_name"),
        ({"mask_name": "{stem}_m.gif"}, r"expected one by \"data.mask_name='{stem}_m.gif'\""),
        ({"mask_name": "{stem}_m", "image_name": "x{stem}"}, r"a\.png has no mask"),
    ],
)
def test_patterns_that_fit_nothing_are_refused(naming, message):
    with pytest.raises(UsageError, match=message):
        match(["a.png"], ["a_m.png"], **naming)


def test_a_pattern_of_no_type_takes_any_and_types_are_compared_in_any_case():
    assert match(["a.png"], ["a_m.tif"], mask_name="{stem}_m") == ["a_m.tif"]
    assert match(["a.png"], ["a_m.TIF"], mask_name="{stem}_m.tif") == ["a_m.TIF"]
    assert NamePattern.parse("{stem}_v1.2", "x").type == ""


def test_some_images_may_have_no_mask():
    images = {"a": Path("a.png"), "b": Path("b.jpg"), "c": Path("c.png")}
    masks = match_some_masks(images, files("a.png", "b.jpg.png"), Naming())
    assert masks == {"a": Path("a.png"), "b": Path("b.jpg.png")}
