"""TIFF files that are read by rows: the same pixels as of the whole file."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data import raster, tiff_rows
from unetlite.data.raster import is_large, open_large_tiff, open_mask_rows, open_source, read_image
from unetlite.data.tiff_rows import TiffRows, import_rasterio
from unetlite.errors import UsageError

rasterio = pytest.importorskip("rasterio")

PIECES = {
    "strips": {},
    "tiles": {"tiled": True, "blockxsize": 48, "blockysize": 32},
    "deflate": {"compress": "deflate"},
    "lzw": {"compress": "lzw", "blockysize": 7},
    "planes": {"interleave": "band", "compress": "zstd"},
    "big endian": {"ENDIANNESS": "BIG"},
    "big tiff": {"BIGTIFF": "YES", "tiled": True},
}


def write_tiff(path, values, **options):
    """Values (H, W) or (H, W, C)."""
    bands = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    count, height, width = bands.shape
    size = {"count": count, "height": height, "width": width}
    with import_rasterio().open(
        path, "w", driver="GTiff", dtype=bands.dtype, **size, **options
    ) as file:
        file.write(bands)
    return path


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize(
    ("shape", "dtype"), [((70, 90, 3), np.uint8), ((70, 90), np.uint8), ((70, 90), np.uint16)]
)
def test_a_tiff_read_by_rows_is_what_it_is_read_as_a_whole(tmp_path, pieces, shape, dtype):
    values = noise(*shape, dtype=dtype)
    photometric = {"photometric": "rgb"} if len(shape) == 3 else {}
    path = write_tiff(tmp_path / "a.tif", values, **photometric, **PIECES[pieces])
    tiff = TiffRows(path)
    assert (tiff.height, tiff.width) == (70, 90)
    for first, end in ((0, 70), (0, 1), (13, 55), (69, 70)):
        assert np.array_equal(tiff.read(first, end), values[first:end])
    whole_file = save(tmp_path / "a.png", values)
    for channels in (1, 3):
        for value_range in (None, (100, 40000)):
            source = open_large_tiff(path, channels, value_range)
            whole = read_image(whole_file, channels, value_range)
            assert np.array_equal(source.rows(5, 60), whole[:, 5:60])


def test_a_range_is_that_of_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(raster, "ROWS_AT_ONCE", 7)
    values = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
    path = write_tiff(tmp_path / "a.tif", values)
    assert np.array_equal(open_large_tiff(path, 1, None).rows(0, 20), read_image(path, 1))


def test_pixels_without_data_do_not_blank_the_others(tmp_path):
    values = noise(30, 40).astype(np.float32)
    expected = read_image(save(tmp_path / "whole.tif", values), 1)
    values[3, 4], values[5, 6] = np.nan, np.inf
    path = save(tmp_path / "a.tif", values)
    for pixels in (read_image(path, 1), open_large_tiff(path, 1, None).rows(0, 30)):
        assert (pixels == expected).sum() >= expected.size - 4


def test_16_bit_colour_is_that_of_the_whole_and_transparency_counts_nothing(tmp_path):
    values = noise(20, 30, 4, dtype=np.uint16) // 16
    values[..., 3] = 65535
    for channels in (3, 4):
        path = write_tiff(tmp_path / "a.tif", values[..., :channels], photometric="rgb")
        pixels = open_large_tiff(path, 3, None).rows(0, 20)
        assert np.array_equal(pixels, (values[..., :3] >> 8).transpose(2, 0, 1))


def test_large_files_are_opened_by_rows_with_their_georeference(tmp_path, monkeypatch):
    crs = rasterio.CRS.from_epsg(3857)
    transform = rasterio.Affine(30, 0, 1000, 0, -30, 2000)
    values = noise(20, 30) % 3
    path = write_tiff(tmp_path / "a.tif", values, crs=crs, transform=transform)
    whole = open_source(path, 1)
    assert whole.georeference is None
    monkeypatch.setattr(raster, "LARGE", 0)
    by_rows = open_source(path, 1)
    assert by_rows.georeference == {"crs": crs, "transform": transform}
    assert np.array_equal(by_rows.rows(3, 9), whole.rows(3, 9))
    mask = open_mask_rows(path)
    assert (mask.height, mask.width) == (20, 30)
    assert np.array_equal(mask.rows(3, 9), values[3:9])


def test_what_pillow_does_not_know_is_large_by_its_bytes(tmp_path, monkeypatch):
    path = write_tiff(tmp_path / "four.tif", noise(40, 30, 4), photometric="minisblack")
    assert not is_large(path)
    monkeypatch.setattr(raster, "LARGE", 600)
    assert is_large(path)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (noise(8, 8, 5), {}),
        (noise(8, 8) + 1j, {}),
        (noise(8, 8, 3).astype(np.float32), {}),
        (noise(8, 8), {"photometric": "miniswhite"}),
        (noise(8, 8), {"photometric": "palette"}),
    ],
)
def test_pixels_that_are_no_image_are_refused_in_words(values, options, tmp_path):
    path = write_tiff(tmp_path / "a.tif", values, **options)
    with pytest.raises(UsageError, match="grey or RGB"):
        open_large_tiff(path, 3, None)


def test_a_file_compressed_as_one_huge_piece_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_rows, "LARGEST_PIECE", 2**16)
    image = Image.fromarray(noise(300, 300))
    image.save(tmp_path / "a.tif", compression="tiff_deflate", strip_size=2**20)
    with pytest.raises(UsageError, match="pieces of 300 x 300 pixels"):
        TiffRows(tmp_path / "a.tif")


@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(tmp_path, compress):
    random = np.random.default_rng(0)
    path = write_tiff(tmp_path / "a.tif", noise(24, 30, 3), compress=compress, photometric="rgb")
    content = path.read_bytes()
    messages = []
    for _ in range(100):
        changed = bytearray(content)
        for place in random.integers(0, min(400, len(content)), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        if random.random() < 0.3:
            del changed[random.integers(1, len(changed)) :]
        path.write_bytes(changed)
        try:
            open_large_tiff(path, 3, None).rows(0, 24)
        except UsageError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(path.name in message and "\n" not in message for message in messages)


def test_gdal_keeps_no_more_than_it_may(tmp_path):
    TiffRows(write_tiff(tmp_path / "a.tif", noise(20, 30)))
    assert rasterio.env.get_gdal_config("GDAL_CACHEMAX") == tiff_rows.CACHE
