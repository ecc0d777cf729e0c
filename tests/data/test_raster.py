"""Image and mask files: read as they were drawn, or refused with the file's name."""

import struct

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image, ImageOps, TiffImagePlugin

from unetlite.data import raster
from unetlite.data.formats import OPENERS, open_image_file
from unetlite.data.formats.gdal import import_rasterio
from unetlite.data.formats.npy import NumpyFile
from unetlite.data.formats.pillow import ORIENTATION
from unetlite.data.raster import (
    PixelKind,
    array_source,
    is_read_by_rows,
    open_mask_rows,
    open_source,
    pixel_kind,
    read_geometry,
    read_image,
    read_mask,
    resize_image,
    turn,
)
from unetlite.errors import UsageError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY + 50, GREY + 100], axis=-1)
PILLOW_SUFFIXES = [suffix for suffix in OPENERS if suffix != ".npy"]


def write_tiff(path, values, **options):
    """Values (H, W, C)."""
    height, width, count = values.shape
    options.update(count=count, height=height, width=width, dtype=values.dtype)
    with import_rasterio().open(path, "w", driver="GTiff", **options) as file:
        file.write(values.transpose(2, 0, 1))
    return path


@pytest.mark.parametrize("suffix", PILLOW_SUFFIXES)
@pytest.mark.parametrize("image", [GREY, RGB], ids=["grey", "rgb"])
def test_images_of_every_format_have_their_pixels(tmp_path, suffix, image):
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(image).save(tmp_path / f"a{suffix}", **options)
    path = tmp_path / f"a{suffix}"
    channels = 1 if image.ndim == 2 else 3
    expected = np.atleast_3d(image).transpose(2, 0, 1)
    pixels, valid = read_image(path, channels)
    assert valid is None
    assert pixels.shape == expected.shape
    assert pixels.dtype == np.uint8
    tolerance = 12 if suffix.startswith(".jp") else 0
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance
    source = open_source(path, PixelKind(channels, "uint8"))
    assert np.array_equal(source.rows(2, 5).values, pixels[:, 2:5])


def test_a_new_format_is_one_entry_of_the_openers(tmp_path, monkeypatch):
    monkeypatch.setitem(OPENERS, ".array", NumpyFile)
    values = noise(3, 5, 6)
    with (tmp_path / "a.array").open("wb") as file:
        np.save(file, values)
    assert np.array_equal(read_image(tmp_path / "a.array").values, values)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_number_of_channels_and_bits_is_kept(tmp_path, channels, dtype):
    values = (noise(6, 8, channels, dtype=np.uint16) // 7).astype(dtype)
    path = write_tiff(tmp_path / "a.tif", values, photometric="minisblack")
    pixels, valid = read_image(path)
    assert valid is None
    assert np.array_equal(pixels, values.transpose(2, 0, 1))
    assert pixels.dtype == dtype
    assert pixel_kind(open_image_file(path)) == (channels, np.dtype(dtype).name)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_keeps_its_16_bits(tmp_path, channels):
    values = noise(6, 8, channels, dtype=np.uint16)
    height, width, _ = values.shape
    size = {"count": channels, "height": height, "width": width}
    with import_rasterio().open(
        tmp_path / "a.png", "w", driver="PNG", dtype="uint16", **size
    ) as file:
        file.write(values.transpose(2, 0, 1))
    assert np.array_equal(
        read_image(tmp_path / "a.png", channels).values.transpose(1, 2, 0), values
    )


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float64])
def test_other_types_become_floats(tmp_path, dtype):
    values = (noise(6, 8, 1).astype(int) - 100).astype(dtype)
    pixels, _ = read_image(write_tiff(tmp_path / "a.tif", values))
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels[0], values[..., 0])


def test_one_bit_is_black_or_white(tmp_path):
    for suffix in (".png", ".tif"):
        path = save(tmp_path / f"a{suffix}", GREY % 2 > 0)
        assert np.array_equal(read_image(path).values[0], 255 * (GREY % 2))


def test_white_is_zero_is_shown_as_drawn_and_its_masks_have_their_stored_values(tmp_path):
    path = write_tiff(tmp_path / "a.tif", GREY[..., None], photometric="miniswhite")
    assert np.array_equal(read_image(path).values[0], 255 - GREY)
    assert np.array_equal(read_mask(path), GREY)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_pixels_without_data_are_no_values(tmp_path, dtype):
    values = noise(6, 8, 2).astype(dtype) // 2 + np.array(1, dtype)
    values[1, 2, 0] = 0
    path = write_tiff(tmp_path / "a.tif", values, nodata=0, photometric="minisblack")
    pixels, valid = read_image(path)
    expected = np.ones((6, 8), bool)
    expected[1, 2] = False
    assert np.array_equal(valid, expected)
    hole = pixels[0, 1, 2]
    assert hole == 0 if dtype == np.uint8 else np.isnan(hole)
    assert np.array_equal(pixels[:, valid], values.transpose(2, 0, 1)[:, valid])


def test_the_colours_of_a_palette_may_lack_data(tmp_path):
    path = tmp_path / "a.tif"
    with_palette().save(path)
    with import_rasterio().open(path, "r+") as file:
        file.nodata = 2
    pixels, valid = read_image(path)
    assert np.array_equal(valid, INDICES != 2)
    assert np.array_equal(pixels.transpose(1, 2, 0)[valid], COLOURS[INDICES][valid])


def test_what_is_not_finite_is_no_value(tmp_path):
    values = noise(6, 8, 1).astype(np.float32)
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    pixels, valid = read_image(write_tiff(tmp_path / "a.tif", values))
    assert np.argwhere(~valid).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert np.isnan(pixels[~valid[None]]).all()


def test_transparency_that_gdal_declares_says_where_data_are(tmp_path):
    values = noise(6, 8, 4)
    values[..., 3] = 255
    values[2, 3, 3] = 0
    pixels, valid = read_image(write_tiff(tmp_path / "a.tif", values))
    assert np.array_equal(pixels, values[..., :3].transpose(2, 0, 1))
    assert np.argwhere(~valid).tolist() == [[2, 3]]


def test_a_fourth_channel_is_never_dropped_in_silence(tmp_path):
    values = noise(6, 8, 4)
    declared = write_tiff(tmp_path / "a.tif", values)
    with pytest.raises(UsageError, match=r"a\.tif declares .* data\.channels=4"):
        read_image(declared)
    undeclared = write_tiff(tmp_path / "b.tif", values, alpha="unspecified")
    for path, channels in ((declared, 4), (undeclared, 4), (undeclared, None)):
        pixels, valid = read_image(path, channels)
        assert valid is None
        assert np.array_equal(pixels, values.transpose(2, 0, 1))
    with pytest.raises(UsageError, match=r"b\.tif has 4 channel\(s\); expected 3"):
        read_image(undeclared, 3)


def test_grey_and_rgb_become_each_other_as_in_pillow(tmp_path):
    for image, channels, mode in ((RGB, 1, "L"), (GREY, 3, "RGB")):
        expected = np.asarray(Image.fromarray(image).convert(mode))
        pixels, _ = read_image(save(tmp_path / "a.png", image), channels)
        assert np.array_equal(pixels, np.atleast_3d(expected).transpose(2, 0, 1))
    deep = RGB.astype(np.uint16) * 256
    path = write_tiff(tmp_path / "a.tif", deep)
    difference = read_image(path, 1).values / 256 - np.asarray(Image.fromarray(RGB).convert("L"))
    assert np.abs(difference).max() <= 0.51


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_in_pillow(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    pixels, _ = read_image(path, 3)
    assert np.array_equal(pixels, expected.transpose(2, 0, 1))
    assert read_geometry(path).viewed_size == expected.shape[:2]
    assert np.array_equal(read_image(path, 3, as_viewed=False).values, RGB.transpose(2, 0, 1))
    assert np.array_equal(turn(RGB.transpose(2, 0, 1), orientation), pixels)


def test_a_network_gets_the_type_that_it_was_trained_on(tmp_path):
    path = save(tmp_path / "a.png", GREY.astype(np.uint16))
    with pytest.raises(UsageError, match=r"a\.png holds uint16 pixels, .* trained on uint8"):
        open_source(path, PixelKind(1, "uint8"))


def test_the_pixels_of_an_array_are_read_by_rows():
    values = noise(3, 5, 6)
    valid = noise(5, 6) > 99
    source = array_source(values, valid)
    assert (source.height, source.width, source.georeference) == (5, 6, None)
    assert np.array_equal(source.rows(1, 3).values, values[:, 1:3])
    assert np.array_equal(source.rows(1, 3).valid, valid[1:3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_resized_image_keeps_its_type_and_a_constant(dtype):
    image = np.full((3, 60, 80), 7, dtype)
    resized = resize_image(image, 30)
    assert resized.shape == (3, 30, 40)
    assert resized.dtype == dtype
    assert np.allclose(resized, 7)


def test_a_reduced_copy_in_a_tiff_does_not_count(tmp_path):
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "a.tif") as writer:
        Image.fromarray(GREY).save(writer, "TIFF")
        writer.newFrame()
        Image.fromarray(GREY[::2, ::2]).save(writer, "TIFF", tiffinfo={254: 1})
    with Image.open(tmp_path / "a.tif") as file:
        assert file.n_frames == 2
    assert np.array_equal(read_image(tmp_path / "a.tif", 1).values[0], GREY)


INDICES = np.random.default_rng(0).integers(0, 3, (6, 8), np.uint8)
COLOURS = np.array([[0, 0, 0], [128, 64, 128], [70, 70, 70]], np.uint8)


def with_palette():
    image = Image.fromarray(INDICES)
    image.putpalette(COLOURS.ravel().tolist())
    return image


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
def test_a_palette_gives_indices_or_colours(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with_palette().save(path)
    assert np.array_equal(read_mask(path), INDICES)
    assert np.array_equal(read_mask(path, colours=True), COLOURS[INDICES])
    assert np.array_equal(open_mask_rows(path, colours=True).rows(2, 4), COLOURS[INDICES][2:4])
    assert np.array_equal(read_image(path).values.transpose(1, 2, 0), COLOURS[INDICES])


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("values", [INDICES, np.array([0, 128, 255], np.uint8)[INDICES]])
def test_greys_are_the_same_in_every_format(tmp_path, suffix, values):
    mask = read_mask(save(tmp_path / f"a{suffix}", values))
    if mask.ndim == 3:
        assert (mask == mask[..., :1]).all()
        mask = mask[..., 0]
    assert np.array_equal(mask, values)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_whole_numbers_of_every_type_are_kept(tmp_path, dtype):
    values = (INDICES * 40).astype(dtype)
    mask = read_mask(save(tmp_path / "a.tif", values))
    assert mask.dtype.kind in "iu"
    assert np.array_equal(mask, values)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_is_zero_or_one_in_a_mask(tmp_path, suffix):
    mask = read_mask(save(tmp_path / f"a{suffix}", INDICES > 0))
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, INDICES > 0)


def test_transparency_of_a_mask_is_left_out(tmp_path):
    image = Image.merge("LA", [Image.fromarray(INDICES), Image.fromarray(GREY)])
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), INDICES)


@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_that_is_drawn_in_transparency_alone_is_refused(tmp_path, colour):
    painted = np.full((6, 8, 4), colour, np.uint8)
    painted[..., 3] = INDICES * 120
    with pytest.raises(UsageError, match=r"a\.png has one colour .* \(alpha\)"):
        read_mask(save(tmp_path / "a.png", painted))
    painted[..., 3] = 0  # a mask without an object
    assert (read_mask(save(tmp_path / "b.png", painted)) == colour).all()


@pytest.mark.parametrize(
    ("values", "format", "options", "message"),
    [
        (INDICES, "JPEG", {}, "is a JPEG"),
        (INDICES, "TIFF", {"compression": "jpeg"}, "is a JPEG"),
        (np.float32(INDICES) + 0.1, "TIFF", {}, "not whole"),
        (np.float32(INDICES) * np.nan, "TIFF", {}, "not whole"),
    ],
)
def test_masks_whose_values_are_not_what_was_drawn_are_refused(
    tmp_path, values, format, options, message
):
    path = tmp_path / ("mask.tif" if format == "TIFF" else "mask.png")
    Image.fromarray(values).save(path, format, **options)
    with pytest.raises(UsageError, match=rf"mask\.....*{message}"):
        read_mask(path)


def test_a_mask_has_one_channel_or_three(tmp_path):
    with pytest.raises(UsageError, match=r"a\.tif has 5 channels"):
        read_mask(write_tiff(tmp_path / "a.tif", noise(6, 8, 5)))


def test_large_files_are_read_by_rows_with_their_georeference(tmp_path, monkeypatch):
    rasterio = import_rasterio()
    crs = rasterio.CRS.from_epsg(3857)
    transform = rasterio.Affine(30, 0, 1000, 0, -30, 2000)
    values = noise(20, 30, 1) % 3
    path = write_tiff(tmp_path / "a.tif", values, crs=crs, transform=transform, nodata=2)
    whole = open_source(path, PixelKind(1, "uint8"))
    assert not whole.by_rows
    monkeypatch.setattr(raster, "LARGE", 20 * 30 - 1)
    assert is_read_by_rows(open_image_file(path), as_viewed=True)
    small = open_image_file(save(tmp_path / "a.png", noise(40, 40)))
    assert not is_read_by_rows(small, as_viewed=True)
    by_rows = open_source(path, PixelKind(1, "uint8"))
    assert by_rows.by_rows
    assert by_rows.georeference == whole.georeference == {"crs": crs, "transform": transform}
    for part, expected in zip(by_rows.rows(3, 9), whole.rows(3, 9), strict=True):
        assert np.array_equal(part, expected)
    mask = open_mask_rows(path)
    assert (mask.height, mask.width) == (20, 30)
    assert np.array_equal(mask.rows(3, 9), values[3:9, :, 0])


def test_a_place_that_is_turned_is_refused(tmp_path):
    transform = import_rasterio().Affine(30, 0, 1000, 0, -30, 2000)
    path = write_tiff(tmp_path / "a.tif", noise(6, 8, 1), crs="EPSG:3857", transform=transform)
    content = bytearray(path.read_bytes())
    tag = content.index(struct.pack("<HHI", 277, 3, 1))  # SamplesPerPixel, which stands behind it
    content[tag : tag + 12] = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0)
    path.write_bytes(content)
    assert open_image_file(path).orientation == 6
    with pytest.raises(UsageError, match="georeference, and says by EXIF"):
        open_source(path, PixelKind(1, "uint8"))
    assert open_source(path, PixelKind(1, "uint8"), as_viewed=False).georeference is not None
