"""What the page shows of a model from inside: shifts and decoder steps."""

from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import noise

from unetlite import load
from unetlite.commands.demo_page.answers import COMPUTING, NO_IMAGE, answer_shift, update_steps
from unetlite.commands.demo_page.inside import (
    BORDER,
    WINDOW,
    ZOOM,
    Shift,
    draw_shift,
    figures_html,
    look_inside,
    move_image,
    ripple_text,
)
from unetlite.data.raster import Pixels
from unetlite.errors import UsageError


class Pointwise:
    """A model that sees one pixel at a time, which no shift can change."""

    colours = ((0, 0, 0), (255, 0, 0))
    metadata = SimpleNamespace(resize=None)

    def predict(self, image):
        classes = (image[..., 0] > 120).astype(np.uint8)
        return SimpleNamespace(image=image.transpose(2, 0, 1), classes=classes)


class Positional(Pointwise):
    """A model whose mask does not move with the image at all."""

    def predict(self, image):
        prediction = super().predict(image)
        prediction.classes = np.indices(prediction.classes.shape).sum(0).astype(np.uint8) % 2
        return prediction


def test_a_mask_that_moves_with_the_image_has_no_change_and_another_has():
    image = noise(40, 50, 3)
    for dx, dy in product((0, 1, 8), repeat=2):
        shift = move_image(Pointwise(), image, dx, dy)
        assert shift.changed.shape == (16 - dy, 26 - dx)  # without 8 pixels at each side
        assert shift.share == 0
        np.testing.assert_array_equal(shift.pixels[0] > 120, shift.still)
        assert move_image(Positional(), image, dx, dy).share == (dx + dy) % 2


class Bordered(Pointwise):
    """A model whose mask differs near the ends of its image alone."""

    def predict(self, image):
        prediction = super().predict(image)
        rows, columns = prediction.classes.shape
        distance = np.minimum.outer(np.arange(rows), np.arange(columns))
        prediction.classes[np.minimum(distance, distance[::-1, ::-1]) < BORDER] = 1
        return prediction


def test_what_the_ends_of_the_image_change_does_not_count():
    image = noise(120, 100, 3)
    for dx, dy in ((1, 0), (0, 8), (8, 8)):
        shift = move_image(Bordered(), image, dx, dy)
        assert shift.share == 0
        np.testing.assert_array_equal(shift.pixels[0] > 120, shift.still)


def test_the_enlarged_part_has_the_pixels_that_change():
    still = np.zeros((200, 300), np.uint8)
    moved = still.copy()
    moved[150, 20] = 1
    shift = Shift(still, moved, np.zeros((3, 200, 300), np.uint8))
    pictures = draw_shift(shift, Pointwise.colours)
    mask = pictures["mask of the moved image, moved back"]
    assert mask.shape == (WINDOW * ZOOM, WINDOW * ZOOM, 3)
    assert (mask[..., 0] == 255).sum() == ZOOM**2
    assert not pictures["mask"].any()


def test_every_decoder_step_is_a_picture_twice_as_large_as_the_one_before(trained):
    model = load(trained / "bilinear" / "seed0")
    pictures = look_inside(model, noise(1, 64, 64))
    sizes = [picture.shape for picture in pictures.values()]
    assert sizes[-1] == (64, 64, 3)
    assert all(later[0] == 2 * earlier[0] for earlier, later in pairwise(sizes))
    assert figures_html(pictures).count("<img") == len(pictures) == len(model.network.decoder)
    assert ripple_text(model) == "<p>bilinear: ripple <b>0.00</b></p>"


class Export(Pointwise):
    @property
    def network(self):
        raise UsageError("ONNX <holds> no UNet")


@pytest.mark.parametrize(("side", "words"), [(20, "needs 32"), (40, "of the pixels</b> change")])
def test_what_cannot_be_shown_is_said(tmp_path, monkeypatch, side, words):
    models = {"one": Export(), "other": Export()}
    upload = Pixels(noise(3, side, side), None)
    monkeypatch.setattr("unetlite.commands.demo_page.answers.open_upload", lambda file: upload)
    monkeypatch.setattr(
        "unetlite.commands.demo_page.answers.as_pixels", lambda image, metadata: image
    )
    text = "ONNX &lt;holds&gt; no UNet"
    assert list(update_steps(models, "image.png", "other.png")) == [
        [COMPUTING, COMPUTING, None],
        [text, COMPUTING, None],
        [text, text, None],
        [text, text, "image.png"],
    ]
    assert list(update_steps(models, "image.png", "image.png")) == []
    for text in answer_shift(models, "image.png", 1, 0):
        assert words in text
    assert answer_shift(models, None, 1, 0) == ["", ""]
    assert list(update_steps(models, None, None)) == [[NO_IMAGE, NO_IMAGE, None]]
