"""PNG, JPEG, GIF, BMP and WebP: what the header says, and the values."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data.formats.pillow import DECODING_ERRORS, PillowFile, open_header
from unetlite.errors import UsageError


@pytest.mark.parametrize(
    ("values", "channels", "has_alpha"),
    [
        (noise(6, 8), 1, False),
        (noise(6, 8) > 100, 1, False),
        (noise(6, 8, dtype=np.uint16), 1, False),
        (noise(6, 8, 2), 2, True),
        (noise(6, 8, 3), 3, False),
        (noise(6, 8, 4), 4, True),
    ],
)
def test_a_png_has_the_values_that_were_written(tmp_path, values, channels, has_alpha):
    file = PillowFile(save(tmp_path / "a.png", values))
    assert (file.channels, file.has_alpha, file.dtype) == (channels, has_alpha, values.dtype)
    expected = np.atleast_3d(values).transpose(2, 0, 1)
    assert np.array_equal(file.read(0, 6), expected)
    assert np.array_equal(file.read(2, 5), expected[:, 2:5])


def test_other_colours_become_rgb(tmp_path):
    image = Image.fromarray(noise(6, 8, 3)).convert("CMYK")
    image.save(tmp_path / "a.jpg")
    file = PillowFile(tmp_path / "a.jpg")
    assert file.read(0, 6).shape == (3, 6, 8)
    assert file.blurs_values


@pytest.mark.parametrize("name", ["frames.png", "frames.gif", "frames.webp"])
def test_several_images_in_a_file_are_refused(tmp_path, name):
    first, second = Image.fromarray(noise(9, 9)), Image.fromarray(noise(9, 9, seed=1))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    with pytest.raises(UsageError, match=rf"{name} holds 2 frames"):
        PillowFile(tmp_path / name).read(0, 9)


def test_what_is_no_regular_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"a\.png is not a regular file"):
        PillowFile(tmp_path / "a.png")


def test_too_many_pixels_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise(30, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UsageError, match="too many pixels"):
        PillowFile(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(tmp_path, name, damage):
    path = save(tmp_path / name, noise(24, 30, 3))
    messages = damage(path, lambda: PillowFile(path).read(0, 24))
    assert len(messages) > 20


def test_an_error_of_pillow_in_the_block_names_the_file(tmp_path):
    path = save(tmp_path / "a.png", noise(6, 8))
    for error in DECODING_ERRORS:
        with pytest.raises(UsageError, match=r"a\.png"), open_header(path):
            raise error
