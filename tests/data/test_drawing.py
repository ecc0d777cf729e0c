"""Outlines and run lengths become the pixels that the tools mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_exports import brush, compress, run_lengths

from unetlite.data.layouts.drawing import (
    Size,
    decompress_runs,
    fill_brush,
    fill_circle,
    fill_polygon,
    fill_runs,
)

SIZE = Size(20, 30)
coordinates = st.floats(0, 35, width=32)  # beyond the image, too
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12)
masks = st.integers(0, 2**32).map(lambda seed: np.random.default_rng(seed).random(SIZE) < 0.5)


def paint(region, size=SIZE):
    canvas = np.zeros(size, np.uint8)
    region.paint(canvas, 1)
    return canvas.astype(bool)


def inside(points, size=SIZE):
    """Whether pixel centres are inside a polygon, and far enough from its border to be sure."""
    y, x = np.mgrid[: size.height, : size.width] + 0.5
    crossings = np.zeros(size, int)
    distance = np.full(size, np.inf)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = y0 + (x - x0) * (y1 - y0) / (x1 - x0)
        crossings += ((x0 <= x) != (x1 <= x)) & (cut < y)
        length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-12)
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
        nearest = np.hypot(x0 + along * (x1 - x0) - x, y0 + along * (y1 - y0) - y)
        distance = np.minimum(distance, nearest)
    return crossings % 2 == 1, distance > 0.2


@given(polygons)
@settings(max_examples=200, deadline=None)
def test_the_pixels_of_a_polygon_are_those_whose_centre_is_inside(points):
    points = np.array(points)
    expected, is_sure = inside(points)
    assert np.array_equal(paint(fill_polygon(points, SIZE))[is_sure], expected[is_sure])


@given(polygons)
@settings(max_examples=200, deadline=None)
def test_polygons_are_those_of_pycocotools(points):
    pycocotools = pytest.importorskip("pycocotools.mask")
    points = np.array(points)
    (runs,) = pycocotools.frPyObjects([points.ravel().tolist()], *SIZE)
    assert np.array_equal(paint(fill_polygon(points, SIZE)), pycocotools.decode(runs) == 1)
    assert np.array_equal(
        paint(fill_runs(decompress_runs(runs["counts"].decode()), SIZE)),
        pycocotools.decode(runs) == 1,
    )


def test_a_slanted_polygon_has_the_pixels_that_pycocotools_gave():
    """So that the rule is known where pycocotools is not installed."""
    points = np.array([(1.3, 0.7), (9.6, 2.2), (7.1, 8.9), (2.4, 5.5)])
    rows = [
        "............",
        "..XXXX......",
        "..XXXXXXX...",
        "..XXXXXXX...",
        "..XXXXXXX...",
        "..XXXXXX....",
        "....XXXX....",
        ".....XXX....",
        "............",
    ]
    size = Size(9, 12)
    expected = np.array([list(row) for row in rows]) == "X"
    assert np.array_equal(paint(fill_polygon(points, size), size), expected)
    lengths = decompress_runs("c054001O10O000Ml0")
    assert lengths == [19, 5, 4, 5, 4, 6, 3, 7, 3, 6, 3, 6, 3, 3, 31]
    assert np.array_equal(paint(fill_runs(lengths, size), size), expected)


@given(masks)
@settings(max_examples=25, deadline=None)
def test_run_lengths_give_back_the_mask(mask):
    lengths = run_lengths(mask)
    assert np.array_equal(paint(fill_runs(lengths, SIZE)), mask)
    assert decompress_runs(compress(lengths)) == lengths
    assert np.array_equal(paint(fill_brush(brush(mask), SIZE)), mask)


def test_a_circle_has_its_area():
    area = paint(fill_circle((15, 10), 7, SIZE)).sum()
    assert abs(area - np.pi * 49) < 5


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: fill_runs([3, 4], SIZE), "run lengths of 7 pixels for 30 x 20"),
        (lambda: fill_runs([700, -100], SIZE), "run lengths of 600"),
        (lambda: decompress_runs("~"), "character '~'"),
        (lambda: decompress_runs("o"), "end within a number"),
        (lambda: fill_brush(brush(np.zeros((9, 9), bool)), SIZE), "324 values for 30 x 20"),
        (lambda: fill_brush(brush(np.zeros(SIZE, bool))[:-2], SIZE), "ends within a number"),
    ],
)
def test_run_lengths_of_another_image_are_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
