"""One image in, classes out: in tiles as a whole, of any kind of image."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers import OPERATORS, as_trained, label, make_metadata, make_model, noise, save
from hypothesis import given, settings
from hypothesis.strategies import integers
from PIL import Image

from unetlite import UsageError, load
from unetlite.classes import IGNORE
from unetlite.data import raster
from unetlite.data.formats.gdal import import_rasterio
from unetlite.data.raster import open_source, read_image
from unetlite.inference.model import Model
from unetlite.inference.runtimes.pytorch import PyTorch
from unetlite.inference.tiling import Tiling
from unetlite.network.upsampling import UPSAMPLERS

EXACT = [operator for operator in OPERATORS if not UPSAMPLERS[operator["name"]].reads_anywhere]


@pytest.mark.parametrize("operator", EXACT, ids=label)
def test_tiles_give_what_the_whole_image_gives(operator):
    image = noise(131, 203, 3)
    whole = make_model(operator=operator).predict(image)
    tiling = Tiling(whole.metadata.receptive_field, 4)
    tiled = make_model(tile=2 * tiling.halo + 32, operator=operator).predict(image)
    np.testing.assert_allclose(tiled.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_array_equal(tiled.classes, tiled.probabilities.argmax(0))


def test_less_overlap_than_the_default_makes_tiles_approximate():
    image = noise(131, 203, 3)
    tiled = make_model(tile=64, overlap=0).predict(image)
    whole = make_model().predict(image)
    assert np.abs(tiled.probabilities - whole.probabilities).max() > 1e-3


def test_every_kind_of_image_gives_the_same(tmp_path):
    model = make_model()
    array = noise(37, 50, 3)
    image = Image.fromarray(array)
    transparent = np.concatenate([array, noise(37, 50, 1)], axis=2)
    file = save(tmp_path / "a.png", array)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    flipped_twice = array[:, ::-1][:, ::-1]
    expected = model.predict(image)
    for same in (array, transparent, flipped_twice, tensor, file, str(file), image.convert("RGBA")):
        np.testing.assert_array_equal(model.predict(same).probabilities, expected.probabilities)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_arrays_tensors_and_files_of_more_bits_are_one_image(tmp_path, dtype):
    name = np.dtype(dtype).name
    model = make_model(in_channels=5, pixel_type=name)
    pixels = noise(20, 30, 5, dtype=np.uint16).astype(dtype)
    tensor = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    np.save(tmp_path / "a.npy", pixels)
    expected = model.predict(pixels)
    for same in (tensor, tmp_path / "a.npy"):
        np.testing.assert_array_equal(model.predict(same).classes, expected.classes)
    assert expected.overlay.size == (30, 20)
    with pytest.raises(UsageError, match=f"expected .* {name}"):
        model.predict(noise(20, 30, 5))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_large_file_of_many_channels_is_predicted_by_rows_as_the_whole(
    tmp_path, monkeypatch, dtype
):
    pixels = noise(100, 90, 5, dtype=np.uint16).astype(dtype)
    size = {"count": 5, "height": 100, "width": 90}
    path = tmp_path / "a.tif"
    with import_rasterio().open(path, "w", driver="GTiff", dtype=pixels.dtype, **size) as file:
        file.write(pixels.transpose(2, 0, 1))
    model = make_model(tile=72, in_channels=5, pixel_type=np.dtype(dtype).name)
    expected = model.predict(pixels).classes
    monkeypatch.setattr(raster, "LARGE", 0)
    source = open_source(path, model.metadata.pixels)
    assert source.by_rows
    bands = [band.classes for band in model.bands(source)]
    assert len(bands) > 1
    np.testing.assert_array_equal(np.concatenate(bands), expected)


def test_a_prediction_has_the_size_of_the_image_and_agrees_with_itself():
    prediction = make_model().predict(noise(37, 50, 3))
    assert prediction.classes.shape == (37, 50)
    np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(prediction.mask), prediction.probabilities.argmax(0))
    assert prediction.overlay.size == (50, 37)
    assert sum(prediction.areas.values()) == pytest.approx(1)
    assert "50 x 37" in repr(prediction)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4)),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 3), np.uint8),
        torch.zeros(5, 4, 4, dtype=torch.uint8),
        7,
        None,
        "nowhere.png",
    ],
    ids=lambda wrong: str(getattr(wrong, "shape", wrong)),
)
def test_anything_else_is_refused_with_what_was_expected(wrong):
    with pytest.raises(UsageError, match=r"expected|no pixels|nowhere"):
        make_model().predict(wrong)


def test_channels_that_come_first_are_named_with_the_remedy():
    with pytest.raises(UsageError, match=r"expected \(H, W, C\) .* image\.transpose\(1, 2, 0\)"):
        make_model(in_channels=12).predict(noise(12, 30, 40))
    assert make_model().predict(noise(3, 40, 3)).classes.shape == (3, 40)


@pytest.mark.parametrize("value", [-9999, np.nan, np.inf])
def test_an_array_lacks_data_as_its_file_does(tmp_path, value):
    metadata = {"config": {"data": {"name": "folder", "nodata": -9999.0}}}
    model = make_model(in_channels=5, pixel_type="float32", metadata=metadata)
    pixels = noise(20, 30, 5).astype(np.float32)
    pixels[4:, 3, 2] = value
    np.save(tmp_path / "a.npy", pixels)
    prediction = model.predict(pixels)
    assert (prediction.classes == IGNORE).sum() == 16
    assert (prediction.classes[4:, 3] == IGNORE).all()
    assert sum(prediction.areas.values()) == pytest.approx(1)
    for same in (tmp_path / "a.npy", read_image(tmp_path / "a.npy", nodata=-9999)):
        assert np.array_equal(model.predict(same).classes, prediction.classes)
    pixels[:] = value
    assert sum(model.predict(pixels).areas.values()) == 0


@settings(deadline=None, max_examples=10)
@given(height=integers(1, 40), width=integers(1, 40))
def test_with_flips_a_mirrored_image_gives_the_mirrored_prediction(height, width):
    model = make_model()
    image = noise(height, width, 3)
    expected = model.predict(image, flips=True).probabilities
    for axis in (0, 1):
        mirrored = model.predict(np.flip(image, axis), flips=True).probabilities
        np.testing.assert_allclose(np.flip(mirrored, axis + 1), expected, atol=1e-5)


def test_a_network_trained_on_resized_images_gets_them_resized():
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    metadata = make_metadata(network, config={"data": {"name": "folder", "resize": 16}})
    model = Model(PyTorch(network, metadata))
    large = model.predict(noise(64, 96, 3))
    assert large.classes.shape == (64, 96)
    resized = Image.fromarray(noise(64, 96, 3)).resize((24, 16), Image.Resampling.BILINEAR)
    small = model.predict(resized)
    # At the corners, interpolation has one neighbour.
    corners = large.probabilities[:, ::63, ::95]
    np.testing.assert_allclose(corners, small.probabilities[:, ::15, ::23], atol=1e-5)


def test_an_image_is_turned_as_a_viewer_shows_it(tmp_path):
    image = Image.fromarray(noise(16, 32, 3))
    exif = image.getexif()
    exif[274] = 6  # to be turned clockwise
    image.save(tmp_path / "a.png", exif=exif)
    assert make_model().predict(tmp_path / "a.png").classes.shape == (32, 16)


def test_settings_of_the_caller_change_no_prediction(trained):
    run = trained / "transpose" / "seed0"
    image = noise(20, 30)
    expected = load(run).predict(image).probabilities
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            probabilities = load(run).predict(image).probabilities
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(probabilities, expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_threads_get_the_prediction_of_their_own_image(exports):
    model = load(exports["openvino"])
    images = [noise(8 + k, 40, 3, seed=k) for k in range(6)] * 5
    expected = [model.predict(image).classes for image in images]
    with ThreadPoolExecutor(4) as executor:
        predictions = list(executor.map(model.predict, images))
    for prediction, classes in zip(predictions, expected, strict=True):
        np.testing.assert_array_equal(prediction.classes, classes)


def test_a_run_directory_a_checkpoint_and_no_other_file_open(trained):
    for path in (trained / "transpose" / "seed0", trained / "transpose" / "seed0" / "best.ckpt"):
        model = load(path)
        assert model.classes == ("background", "foreground")
        assert model.network.config.upsample["name"] == "transpose"
    with pytest.raises(UsageError, match="no such file"):
        load("nowhere.ckpt")
    with pytest.raises(UsageError, match="expected a checkpoint"):
        load(__file__)
