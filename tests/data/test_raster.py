"""Image and mask files: read as they were drawn, or refused with the file's name."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image, TiffImagePlugin

from unetlite.data import raster
from unetlite.data.raster import (
    DECODING_ERRORS,
    READERS,
    array_source,
    is_grey,
    is_large,
    open_image,
    open_mask_rows,
    open_source,
    read_image,
    read_mask,
    resize_image,
    to_uint8,
)
from unetlite.errors import UsageError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY + 50, GREY + 100], axis=-1)


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("image", [GREY, RGB], ids=["grey", "rgb"])
def test_images_of_every_format_have_their_pixels(tmp_path, suffix, image):
    path = save(tmp_path / f"a{suffix}", image)
    channels = 1 if image.ndim == 2 else 3
    expected = np.atleast_3d(image).transpose(2, 0, 1)
    pixels = read_image(path, channels)
    assert pixels.shape == expected.shape
    assert pixels.dtype == np.uint8
    tolerance = 12 if suffix.startswith(".jp") else 0
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance
    assert np.array_equal(open_source(path, channels).rows(2, 5), pixels[:, 2:5])


def test_a_new_format_is_one_entry_of_the_readers(tmp_path, monkeypatch):
    def read_npy(path, channels, value_range):
        return np.load(path)

    monkeypatch.setitem(READERS, ".npy", read_npy)
    values = noise(3, 5, 6)
    np.save(tmp_path / "a.npy", values)
    assert np.array_equal(open_source(tmp_path / "a.npy", 3).rows(0, 5), values)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_stretched_or_scaled_by_the_range(tmp_path, suffix):
    image = GREY.astype(np.uint16) * 1000 + 500
    path = save(tmp_path / f"a{suffix}", image)
    stretched = read_image(path, 1)[0]
    assert np.array_equal(stretched, np.round(GREY * (255 / 47)).astype(np.uint8))
    fixed = read_image(path, 1, (0, 65535))[0]
    assert np.abs(fixed.astype(float) - image / 257).max() <= 0.51


def test_values_outside_of_the_range_are_black_and_white():
    image = Image.fromarray(np.array([[0, 100, 150, 200, 300]], np.uint16))
    assert to_uint8(image, 1, (100, 200)).tolist() == [[[0, 0, 128, 255, 255]]]


def test_pixels_without_data_are_black(tmp_path):
    values = noise(6, 8).astype(np.float32)
    expected = read_image(save(tmp_path / "a.tif", values), 1)
    values[1, 2] = np.nan
    pixels = read_image(save(tmp_path / "b.tif", values), 1)
    assert pixels[0, 1, 2] == 0
    assert (pixels != expected).sum() <= 1
    nothing = np.full((2, 2), np.nan, np.float32)
    assert not read_image(save(tmp_path / "c.tif", nothing), 1).any()


def test_images_are_turned_as_their_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png", 1)[0], np.rot90(GREY, -1))


def test_the_pixels_of_an_array_are_read_by_rows():
    values = noise(3, 5, 6)
    source = array_source(values)
    assert (source.height, source.width, source.georeference) == (5, 6, None)
    assert np.array_equal(source.rows(1, 3), values[:, 1:3])


def test_grey_is_one_channel_of_any_depth(tmp_path):
    deep = save(tmp_path / "deep.png", GREY.astype(np.uint16))
    assert is_grey(deep)
    assert is_grey(save(tmp_path / "grey.png", GREY))
    assert not is_grey(save(tmp_path / "rgb.png", RGB))
    assert not is_grey(tmp_path / "missing.png")


def test_a_resized_image_keeps_its_shape_and_a_constant():
    image = np.full((3, 60, 80), 7, np.uint8)
    resized = resize_image(image, 30)
    assert resized.shape == (3, 30, 40)
    assert (resized == 7).all()


@pytest.mark.parametrize("kind", ["pages.tif", "frames.png", "frames.gif"])
def test_several_images_in_a_file_are_refused(tmp_path, kind):
    first, second = Image.fromarray(noise(9, 9)), Image.fromarray(noise(9, 9, seed=1))
    first.save(tmp_path / kind, save_all=True, append_images=[second])
    with pytest.raises(UsageError, match=rf"{kind} holds 2 pages or frames"):
        read_image(tmp_path / kind, 1)


def test_a_reduced_copy_in_a_tiff_does_not_count(tmp_path):
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "a.tif") as writer:
        Image.fromarray(GREY).save(writer, "TIFF")
        writer.newFrame()
        Image.fromarray(GREY[::2, ::2]).save(writer, "TIFF", tiffinfo={254: 1})
    with Image.open(tmp_path / "a.tif") as file:
        assert file.n_frames == 2
    assert np.array_equal(read_image(tmp_path / "a.tif", 1)[0], GREY)


def test_what_is_no_regular_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"a\.png is not a regular file"):
        read_image(tmp_path / "a.png", 1)


def test_too_many_pixels_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise(30, 40))
    message = "a.png has 40 x 30 pixels; at most 1000"
    with pytest.raises(UsageError, match=message), open_image(path, max_pixels=1000):
        pass
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UsageError, match="too many pixels"):
        read_image(path, 1)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "deflate.tif"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(tmp_path, name):
    random = np.random.default_rng(0)
    path = tmp_path / name
    options = {"compression": "tiff_deflate"} if name.startswith("deflate") else {}
    Image.fromarray(noise(24, 30, 3)).save(path, **options)
    content = path.read_bytes()
    messages = []
    for _ in range(100):
        changed = bytearray(content)
        for place in random.integers(0, min(400, len(content)), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        if random.random() < 0.3:
            del changed[random.integers(1, len(changed)) :]
        path.write_bytes(changed)
        is_large(path)  # raises nothing
        try:
            read_image(path, 3)
        except UsageError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(path.name in message and "\n" not in message for message in messages)


def test_an_error_of_pillow_in_the_block_names_the_file(tmp_path):
    path = save(tmp_path / "a.png", GREY)
    for error in DECODING_ERRORS:
        with pytest.raises(UsageError, match=r"a\.png"), open_image(path):
            raise error


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


def test_one_bit_is_zero_or_not(tmp_path):
    mask = read_mask(save(tmp_path / "a.png", INDICES > 0))
    assert mask.dtype == np.uint8
    assert np.array_equal(mask > 0, INDICES > 0)


def test_transparency_is_left_out(tmp_path):
    image = Image.merge("LA", [Image.fromarray(INDICES), Image.fromarray(GREY)])
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), INDICES)


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
    path = tmp_path / "mask.png"  # whatever the name says
    Image.fromarray(values).save(path, format, **options)
    with pytest.raises(UsageError, match=rf"mask\.png.*{message}"):
        read_mask(path)


def test_large_tiffs_are_those_of_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(raster, "LARGE", 20 * 30)
    small = save(tmp_path / "small.tif", noise(20, 30))
    wide = save(tmp_path / "wide.tif", noise(20, 31))
    assert not is_large(small)
    assert is_large(wide)
    assert not is_large(save(tmp_path / "a.png", noise(40, 40)))
    assert not is_large(tmp_path / "missing.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert is_large(wide)
