"""TIFF files of every kind: the same values by rows and as a whole."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data.formats import gdal
from unetlite.data.formats.gdal import GdalFile, import_rasterio
from unetlite.errors import UsageError

BLOCKS = {
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
    bands = np.atleast_3d(values).transpose(2, 0, 1)
    count, height, width = bands.shape
    options.update(count=count, height=height, width=width)
    with import_rasterio().open(path, "w", driver="GTiff", dtype=bands.dtype, **options) as file:
        file.write(bands)
    return path


def write_pages(path, pages, **options):
    first, *others = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize(
    ("channels", "dtype"), [(3, np.uint8), (1, np.uint16), (12, np.uint16), (7, np.float32)]
)
def test_rows_have_the_values_that_were_written(tmp_path, blocks, channels, dtype):
    values = noise(70, 90, channels, dtype=np.uint16).astype(dtype)
    file = GdalFile(write_tiff(tmp_path / "a.tif", values, **BLOCKS[blocks]))
    assert (file.height, file.width, file.channels, file.dtype) == (70, 90, channels, dtype)
    expected = values.transpose(2, 0, 1)
    for first, end in ((0, 70), (0, 1), (13, 55), (69, 70)):
        assert np.array_equal(file.read(first, end), expected[:, first:end])


def test_pages_are_channels(tmp_path):
    pages = [noise(9, 8, seed=k) for k in range(5)]
    file = GdalFile(write_pages(tmp_path / "a.tif", pages))
    assert np.array_equal(file.read(2, 7), np.stack(pages)[:, 2:7])


def ome(axis):
    sizes = {"C": 1, "Z": 1, "T": 1, axis: 2}
    attributes = " ".join(f'Size{key}="{size}"' for key, size in sizes.items())
    return {
        "description": f'<OME><Image><Pixels DimensionOrder="XYCZT" {attributes}/></Image></OME>'
    }


def test_the_channels_of_ome_are_read_and_its_slices_refused(tmp_path):
    pages = [noise(9, 8), noise(9, 8, seed=1)]
    channels = write_pages(tmp_path / "c.ome.tif", pages, **ome("C"))
    assert np.array_equal(GdalFile(channels).read(0, 9), np.stack(pages))
    for axis in "ZT":
        stack = write_pages(tmp_path / f"{axis}.ome.tif", pages, **ome(axis))
        with pytest.raises(UsageError, match="2 pages that are images of their own"):
            GdalFile(stack)


@pytest.mark.parametrize(
    "pages",
    [[noise(9, 8), noise(9, 7)], [noise(9, 8, 3), noise(9, 8, 3)]],
    ids=["sizes", "colours"],
)
def test_pages_of_other_kinds_are_refused(tmp_path, pages):
    with pytest.raises(UsageError, match=r"a\.tif holds 2 pages"):
        GdalFile(write_pages(tmp_path / "a.tif", pages))


def test_a_header_says_what_values_mean(tmp_path):
    values = noise(8, 9)
    white = GdalFile(write_tiff(tmp_path / "w.tif", values, photometric="miniswhite"))
    assert white.white_is_zero
    assert white.palette is None
    assert np.array_equal(white.read(0, 8)[0], values)
    without_data = GdalFile(write_tiff(tmp_path / "n.tif", values, nodata=7))
    assert without_data.nodata == 7
    with_alpha = GdalFile(write_tiff(tmp_path / "a.tif", noise(8, 9, 4)))
    assert with_alpha.has_alpha
    undeclared = write_tiff(tmp_path / "b.tif", noise(8, 9, 4), alpha="unspecified")
    assert not GdalFile(undeclared).has_alpha
    Image.fromarray(values).save(tmp_path / "t.tif", tiffinfo={274: 6})
    assert GdalFile(tmp_path / "t.tif").orientation == 6
    assert GdalFile(write_tiff(tmp_path / "big.tif", values, BIGTIFF="YES")).orientation == 1


def test_a_file_compressed_as_one_huge_block_is_not_read_by_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(gdal, "MAX_BLOCK", 2**16)
    image = Image.fromarray(noise(300, 300))
    image.save(tmp_path / "a.tif", compression="tiff_deflate", strip_size=2**20)
    file = GdalFile(tmp_path / "a.tif")
    assert file.read(0, 300).shape == (1, 300, 300)
    with pytest.raises(UsageError, match="pieces of 300 x 300 pixels"):
        file.read(0, 10)


@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(tmp_path, compress, damage):
    path = write_tiff(tmp_path / "a.tif", noise(24, 30, 3), compress=compress)
    messages = damage(path, lambda: GdalFile(path).read(0, 24))
    assert len(messages) > 20


def test_gdal_keeps_no_more_than_it_may(tmp_path):
    rasterio = import_rasterio()
    GdalFile(save(tmp_path / "a.tif", noise(20, 30)))
    assert rasterio.env.get_gdal_config("GDAL_CACHEMAX") == gdal.CACHE
