"""Masks and overlays are written whole, or not at all."""

import os
from contextlib import ExitStack

import numpy as np
import pytest
import rasterio
from helpers import as_trained, make_metadata, noise
from hypothesis import given, settings
from hypothesis.strategies import integers

from unetlite.data.raster import array_source
from unetlite.inference import outputs
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
    source = array_source(noise(1, 600, 300))._replace(georeference={})

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


@pytest.mark.parametrize("georeference", [None, {}])
def test_an_error_between_two_bands_leaves_no_file(tmp_path, georeference):
    source = array_source(noise(1, 8, 8))._replace(georeference=georeference)
    with (
        pytest.raises(MemoryError),
        write_outputs(tmp_path, "a", source, METADATA, overlays=True),
    ):
        raise MemoryError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
