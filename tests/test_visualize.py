"""Pictures of masks and of errors."""

import numpy as np
from helpers import noise
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.visualize import (
    UNLABELLED,
    WRONG,
    Display,
    colour_mask,
    default_channels,
    error_pictures,
    fit,
    overlay,
    palette_image,
    picture_grid,
)

COLOURS = ((0, 0, 0), (230, 159, 0))


def test_a_mask_has_the_colours_of_its_classes():
    mask = np.array([[0, 1, IGNORE]], np.uint8)
    assert colour_mask(mask, COLOURS).tolist() == [[[0, 0, 0], [230, 159, 0], list(UNLABELLED)]]
    image = palette_image(mask[:, :2], COLOURS)
    assert np.array_equal(np.asarray(image), mask[:, :2])
    assert np.array_equal(np.asarray(image.convert("RGB")), colour_mask(mask[:, :2], COLOURS))


def test_wrong_pixels_are_marked_where_there_is_a_truth():
    truth = np.array([[0, 1, IGNORE], [1, 1, 0]], np.uint8)
    prediction = np.array([[1, 1, 0], [1, 0, 0]], np.uint8)
    image = noise(2, 3, 3)
    pictures = error_pictures(image, truth, prediction, COLOURS)
    is_wrong = (pictures["error"] == WRONG).all(-1)
    assert is_wrong.tolist() == [[True, False, False], [False, True, False]]
    assert np.array_equal(pictures["image"], image)


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


def test_a_grid_shows_every_picture_and_a_legend():
    pictures = error_pictures(
        noise(8, 8, 3), np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8), COLOURS
    )
    grid = picture_grid({"first": pictures, "second": pictures}, {"land": COLOURS[1]}, cell=40)
    assert grid.shape == (24 + 2 * 76 + 30, 6 + 4 * 46, 3)
    wrong = (grid == WRONG).all(-1)
    for top in (24, 100):
        assert wrong[top + 30 : top + 70, 144:184].all()  # the fourth picture
    assert (grid[-24:] == COLOURS[1]).all(-1).any()
    assert wrong[-24:].any()


def test_pictures_fit_into_a_square_and_enlarged_ones_keep_their_pixels():
    small = Image.fromarray(noise(4, 8))
    enlarged = fit(small, 16)
    assert enlarged.size == (16, 8)
    assert np.array_equal(np.asarray(enlarged), np.asarray(small).repeat(2, 0).repeat(2, 1))
    assert fit(Image.fromarray(noise(100, 400)), 40).size == (40, 10)
