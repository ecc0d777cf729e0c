"""Pictures of masks and of errors."""

import numpy as np
import pytest
from helpers import noise
from PIL import Image

from unetlite.classes import IGNORE, OKABE_ITO
from unetlite.visualize import (
    FALSE,
    FOUND,
    MISSED,
    UNLABELLED,
    WRONG,
    Display,
    colour_mask,
    default_channels,
    densest_window,
    enlarge,
    error_pictures,
    fit,
    overlay,
    palette_image,
    picture_grid,
    rarest_class,
    shows_most_classes,
)

COLOURS = ((0, 0, 0), (230, 159, 0))


def test_a_mask_has_the_colours_of_its_classes():
    mask = np.array([[0, 1, IGNORE]], np.uint8)
    assert colour_mask(mask, COLOURS).tolist() == [[[0, 0, 0], [230, 159, 0], list(UNLABELLED)]]
    image = palette_image(mask[:, :2], COLOURS)
    assert np.array_equal(np.asarray(image), mask[:, :2])
    assert np.array_equal(np.asarray(image.convert("RGB")), colour_mask(mask[:, :2], COLOURS))


def test_a_mask_file_keeps_what_is_ignored(tmp_path):
    mask = np.array([[0, 1, IGNORE]], np.uint8)
    palette_image(mask, COLOURS).save(tmp_path / "a.png")
    image = Image.open(tmp_path / "a.png")
    assert np.array_equal(np.asarray(image), mask)
    assert np.array_equal(np.asarray(image.convert("RGB")), colour_mask(mask, COLOURS))


def test_missed_and_false_pixels_of_a_class_are_marked_where_there_is_a_truth():
    truth = np.array([[0, 1, IGNORE], [1, 1, 0], [2, 2, 0]], np.uint8)
    prediction = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 2]], np.uint8)
    image = noise(3, 3, 3)
    pictures = error_pictures(image, truth, prediction, (*COLOURS, (1, 2, 3)), focus=1)
    marked = {}
    for name, colour in {"missed": MISSED, "false": FALSE, "other": WRONG}.items():
        marked[name] = np.argwhere((pictures["error"] == colour).all(-1)).tolist()
    assert marked == {"missed": [[1, 1]], "false": [[0, 0], [2, 1]], "other": [[2, 0], [2, 2]]}
    for place in ((0, 2), (1, 2)):  # without a truth, and right of another class: the image in grey
        assert len(set(pictures["error"][place].tolist())) == 1
    found = pictures["error"][0, 1].astype(int)
    assert found[2] > found[0] > found[1] + 20  # violet
    assert np.array_equal(pictures["image"], image)


# What a person without one kind of cones sees, of linear RGB (Machado et al. 2009, severity 1).
DICHROMATS = {
    "none": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab_colours(colours, vision):
    """CIELAB (N, 3) of sRGB (N, 3) from 0 to 255, as a person sees them."""
    colours = np.array(colours) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.transpose(DICHROMATS[vision])).clip(0, 1)
    xyz = seen @ np.array([[0.434, 0.219, 0.018], [0.376, 0.715, 0.109], [0.190, 0.072, 0.873]])
    f = np.where(xyz > 0.00886, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def test_what_is_found_has_the_colour_of_no_class():
    found, *classes = lab_colours([FOUND, *OKABE_ITO], "none")
    assert np.linalg.norm(np.array(classes) - found, axis=1).min() > 50


@pytest.mark.parametrize("vision", DICHROMATS)
def test_the_colours_of_errors_differ_for_the_colour_blind(vision):
    greys = [(90, 90, 90), (140, 140, 140), (192, 192, 192)]  # of the image behind
    lab = lab_colours([FOUND, MISSED, FALSE, WRONG, *greys], vision)
    for k in range(4):
        others = np.delete(lab, k, axis=0)
        assert np.linalg.norm(others - lab[k], axis=1).min() > 20  # 2.3 is just noticeable


@pytest.mark.parametrize(("height", "width"), [(40, 60), (10, 60), (7, 5)])
def test_the_densest_window_holds_at_least_as_much_as_any_other(height, width):
    weights = np.random.default_rng(height).random((height, width)) ** 8
    rows, columns = densest_window(weights, 12)
    inside = weights[rows, columns]
    assert inside.shape == (min(12, height), min(12, width))
    sums = [
        weights[top : top + 12, left : left + 12].sum()
        for top in range(height - inside.shape[0] + 1)
        for left in range(width - inside.shape[1] + 1)
    ]
    assert np.isclose(inside.sum(), max(sums))
    nothing = densest_window(np.zeros((height, width)), 4)
    assert nothing[0].start == (height - 4) // 2


def test_enlarged_pixels_are_squares_and_the_rarest_class_is_one_that_is_there():
    assert enlarge(noise(2, 3, 3), 4).shape == (8, 12, 3)
    assert rarest_class([50, 0, 7, 9]) == 2


def test_images_are_shown_by_the_channels_and_the_range_that_were_chosen():
    image = noise(5, 2, 3)
    assert np.array_equal(Display((1,)).rgb(image), np.stack([image[0]] * 3, -1))
    assert np.array_equal(Display((3, 2, 1)).rgb(image), image[[2, 1, 0]].transpose(1, 2, 0))
    deep = np.array([[[-1.0, 0.0, 2.0, 4.0, 9.0, np.nan]]], np.float32)
    shown = Display((1,), (0.0,), (4.0,)).rgb(deep)
    assert shown[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]
    assert default_channels(1) == default_channels(2) == (1,)
    assert default_channels(12) == (1, 2, 3)


def test_an_overlay_has_outlines_in_the_colour_of_the_class_and_is_tinted_inside():
    classes = np.zeros((6, 7), np.uint8)
    classes[:, 4:] = 1
    picture = overlay(np.full((6, 7, 3), 200, np.uint8), classes, COLOURS)
    assert (picture[:, 3] == COLOURS[0]).all()
    assert (picture[:, 4] == COLOURS[1]).all()
    tinted = [(200 * 13 + value * 7) // 20 for value in COLOURS[1]]
    assert (picture[:, 5:] == tinted).all()


def test_an_overlay_shows_ignored_pixels_as_they_are():
    classes = np.zeros((6, 7), np.uint8)
    classes[:, 4:] = IGNORE
    image = noise(6, 7, 3)
    picture = overlay(image, classes, COLOURS)
    assert np.array_equal(picture[:, 4:], image[:, 4:])
    assert not np.array_equal(picture[:, :4], image[:, :4])


def test_a_grid_shows_every_picture_and_a_legend():
    pictures = error_pictures(
        noise(8, 8, 3),
        np.zeros((8, 8), np.uint8),
        np.ones((8, 8), np.uint8),
        COLOURS,
        focus=1,
    )
    legend = {"land": COLOURS[1], "false": FALSE}
    grid = picture_grid({"first": pictures, "second": pictures}, legend, cell=40)
    assert grid.shape == (24 + 2 * 76 + 30, 6 + 4 * 46, 3)
    wrong = (grid == FALSE).all(-1)
    for top in (24, 100):
        assert wrong[top + 30 : top + 70, 144:184].all()  # the fourth picture
    assert (grid[-24:] == COLOURS[1]).all(-1).any()
    assert wrong[-24:].any()


def test_a_class_in_the_colour_of_an_error_has_another_line_in_the_legend():
    rows = {"only": {"truth": noise(8, 8, 3)}}
    grid = picture_grid(rows, {"water": FOUND}, cell=200, errors={"water found": FOUND})
    swatch = (grid == FOUND).all(-1)
    first, second = swatch[-54:-30], swatch[-30:]
    assert first.any()
    assert second.any()
    assert first.any(0).argmax() > second.any(0).argmax()  # behind "truth, prediction:"


def test_a_row_of_a_grid_is_as_high_as_its_pictures():
    flat = {"image": noise(8, 32, 3)}
    grid = picture_grid({"first": flat, "second": flat}, {}, cell=64)
    assert grid.shape == (24 + 2 * (24 + 6 + 16 + 6) + 30, 6 + 70, 3)


def test_pictures_fit_into_a_square_and_enlarged_ones_keep_their_pixels():
    small = Image.fromarray(noise(4, 8))
    enlarged = fit(small, 16)
    assert enlarged.size == (16, 8)
    assert np.array_equal(np.asarray(enlarged), np.asarray(small).repeat(2, 0).repeat(2, 1))
    assert fit(Image.fromarray(noise(100, 400)), 40).size == (40, 10)


def test_the_image_with_most_classes_is_shown_then_the_one_with_most_of_the_rarest():
    pixels = np.array([[900, 0, 0], [500, 9, 3], [800, 4, 2], [500, 4, 3], [600, 300, 0]])
    assert shows_most_classes(pixels) == 1  # of three classes, and the first of two with three
    assert shows_most_classes(pixels[[0, 2, 3, 4]]) == 2
    assert shows_most_classes(pixels[[0, 4]]) == 1
    assert shows_most_classes(np.array([[5, 0]])) == 0
