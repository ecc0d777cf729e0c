"""Masks and overlays are written whole, or not at all."""

import os
from contextlib import ExitStack

import numpy as np
import pytest
import rasterio
from helpers import as_trained, make_metadata, make_model, noise
from hypothesis import given, settings
from hypothesis.strategies import integers
from rasterio.control import GroundControlPoint

from unetlite.classes import IGNORE
from unetlite.data.raster import array_source, read_image, read_mask
from unetlite.inference import outputs
from unetlite.inference.batch import FilePredictor
from unetlite.inference.model import Band
from unetlite.inference.outputs import create_tiff, write_outputs

METADATA = make_metadata(as_trained({"name": "nearest"}, widths=(4, 6)))


@settings(deadline=None, max_examples=10)
@given(height=integers(1, 600), width=integers(1, 300), at_once=integers(1, 300))
def test_rows_of_any_number_come_back_from_a_tiled_file(tmp_path_factory, height, width, at_once):
    path = tmp_path_factory.mktemp("tiff") / "a.partial"
    values = noise(height, width) % 2
    with create_tiff(path, array_source(values[None]), METADATA) as tiff:
        for top in range(0, height, at_once):
            rows = values[top : top + at_once]
            tiff.write(rows, 1, window=((top, top + len(rows)), (0, width)))
    with rasterio.open(path) as tiff:
        np.testing.assert_array_equal(tiff.read(1), values)
        assert tiff.block_shapes[0] == (256, 256)
        assert tiff.colormap(1)[1][:3] == METADATA.colours[1]


def test_a_file_that_may_grow_no_further_raises(tmp_path):
    resource = pytest.importorskip("resource")
    source = array_source(noise(1, 1000, 1000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with (
            pytest.raises(OSError),  # noqa: PT011  its text is GDAL's
            create_tiff(tmp_path / "a.tif", source, METADATA) as tiff,
        ):
            tiff.write(noise(1000, 1000), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_was_not_written_as_a_whole_is_an_error(tmp_path, monkeypatch):
    """As GDAL leaves it on a full disk, without a word."""
    source = array_source(noise(1, 600, 300))._replace(by_rows=True)

    def create_truncated(path, *arguments):
        tiff = create_tiff(path, *arguments)
        monkeypatch.setattr(outputs, "create_tiff", create_tiff)
        file = ExitStack()
        file.callback(lambda: os.truncate(path, path.stat().st_size // 2))
        file.enter_context(tiff)
        file.write = tiff.write
        return file

    for create, whole in ((create_truncated, False), (create_tiff, True)):
        monkeypatch.setattr(outputs, "create_tiff", create)
        try:
            with write_outputs(tmp_path, "a", source, METADATA, overlays=False) as write:
                for top in (0, 256, 512):
                    write(Band(top, noise(min(256, 600 - top), 300) % 2, noise(0)))
        except OSError:
            assert not whole
        assert [file.name for file in tmp_path.rglob("*.*")] == ["a.tif"] * whole


@pytest.mark.parametrize("by_rows", [False, True])
def test_an_error_between_two_bands_leaves_no_file(tmp_path, by_rows):
    source = array_source(noise(1, 8, 8))._replace(by_rows=by_rows)
    with (
        pytest.raises(MemoryError),
        write_outputs(tmp_path, "a", source, METADATA, overlays=True),
    ):
        raise MemoryError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


PLACES = {
    "transform": {"crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5.5e6)},
    "control points": {
        "crs": "EPSG:4326",
        "gcps": [
            GroundControlPoint(*each) for each in ((0, 0, 9, 50), (0, 6, 9, 51), (8, 0, 8, 50))
        ],
    },
    "none": {},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_mask_has_the_place_of_its_image_and_says_where_there_are_no_data(tmp_path, place):
    image = noise(3, 8, 6) | 1
    image[:, 2:4, 1:] = 0
    kind = {"driver": "GTiff", "count": 3, "height": 8, "width": 6, "dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "a.tif", "w", **kind, **place) as file:
        file.write(image)
    model = make_model()
    predict = FilePredictor(model, tmp_path / "out", {})
    result = predict("a", tmp_path / "a.tif", lambda done: None)
    assert not result.error
    (mask_file,) = (tmp_path / "out" / "masks").iterdir()
    assert mask_file.suffix == (".tif" if place else ".png")
    classes = read_mask(mask_file)
    has_data = image.all(0)
    assert np.array_equal(classes != IGNORE, has_data)
    assert result.pixels.tolist() == np.bincount(classes[has_data], minlength=2).tolist()
    shown = read_image(tmp_path / "out" / "overlays" / "a.png").values
    assert np.array_equal(shown[:, ~has_data], image[:, ~has_data])
    assert not np.array_equal(shown, image)
    if place:
        with rasterio.open(tmp_path / "a.tif") as file, rasterio.open(mask_file) as mask:
            assert (mask.crs, mask.transform) == (file.crs, file.transform)
            assert repr(mask.gcps) == repr(file.gcps)
            assert mask.nodata == IGNORE
