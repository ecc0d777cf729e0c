"""What a trained network makes of images: of one, of many files, of files larger than memory."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from conftest import save
from hypothesis import given, settings
from hypothesis.strategies import integers
from PIL import Image
from test_export import as_trained, make_card, write
from typer.testing import CliRunner

from unetlite import UsageError, load
from unetlite.cli import app
from unetlite.data.images import read_image
from unetlite.predict import command, tiff
from unetlite.predict.inputs import find_inputs
from unetlite.predict.model import ArrayPicture, Model
from unetlite.predict.tiff import TiffPicture, TiffRows, TiffWriter
from unetlite.predict.tiles import Tiling, make_tiling, predict_tiles, ramp
from unetlite.runtimes import open_runtime
from unetlite.runtimes.pytorch import PyTorch

CLASSES = 2


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def small_model(**options):
    """Of three resolutions, with a receptive field of 44 pixels, so that tiles of 128 hold it."""
    network = as_trained({"name": "bilinear"}, widths=(4, 6, 8))
    return Model(PyTorch(network, make_card(network, receptive_field=48)), **options)


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], catch_exceptions=False)


@settings(deadline=None)
@given(integers(1, 90), integers(1, 90), integers(1, 12), integers(0, 20), integers(0, 20))
def test_tiles_cover_every_pixel_once_and_their_weights_add_up_to_one(height, width, steps, overlap, blend):
    tiling = Tiling(2 * overlap + steps, overlap, blend)
    pixels = noise(3, height, width)
    seen = np.zeros((height, width), int)
    out = np.full((3, height, width), np.nan)
    for top, left, block in predict_tiles(
        lambda x: x.astype(np.float32), lambda a, b: pixels[:, a:b], height, width, tiling
    ):
        place = np.s_[top : top + block.shape[1], left : left + block.shape[2]]
        seen[place] += 1
        out[(slice(None), *place)] = block
    assert (seen == 1).all()
    np.testing.assert_allclose(out, pixels, rtol=1e-5)
    assert all(0 < end - start <= tiling.size for start, end in tiling.spans(height))
    np.testing.assert_allclose(ramp(overlap, blend) + ramp(overlap, blend)[::-1], 1, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(300, 200), (129, 500), (128, 128)])
def test_tiles_that_overlap_by_the_receptive_field_give_the_whole_image(height, width):
    image = noise(height, width, 3)
    whole = small_model(tile=1024).predict(image)
    tiled = small_model(tile=128, overlap=64).predict(image)
    np.testing.assert_allclose(tiled.probabilities, whole.probabilities, atol=1e-4)
    if max(height, width) > 128:
        cut = small_model(tile=128, overlap=0).predict(image)
        assert np.abs(cut.probabilities - whole.probabilities).max() > 1e-3


@given(integers(1, 2000), integers(0, 6), integers(1, 3000))
def test_the_default_tiling_keeps_the_pooling_of_the_whole_image(receptive_field, depth, size):
    tiling = make_tiling(receptive_field, 2**depth, size)
    assert tiling.size >= size
    assert tiling.size % 2**depth == tiling.overlap % 2**depth == 0
    assert 0 <= 2 * tiling.overlap <= tiling.size
    assert tiling.overlap >= min(receptive_field + 32, tiling.size // 2 - 2**depth)


@settings(deadline=None, max_examples=30)
@given(integers(0, 12), integers(0, 3), integers(100, 200))
def test_no_pixel_that_counts_sees_the_edge_of_a_tile(reach, depth, length):
    """With a network that weighs its whole receptive field alike, which shows any pixel of it that is cut."""
    tiling = make_tiling(2 * reach + 1, 2**depth, 130)
    pixels = noise(1, length, length).astype(np.float32)

    def box_mean(x):
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1), axis=(2, 3))
        return windows.mean((-1, -2))

    whole = box_mean(pixels[None])[0]
    for top, left, block in predict_tiles(box_mean, lambda a, b: pixels[:, a:b], length, length, tiling):
        _, h, w = block.shape
        np.testing.assert_allclose(block, whole[:, top : top + h, left : left + w], rtol=1e-4)


def test_every_kind_of_image_gives_the_same(tmp_path):
    model = small_model()
    array = noise(37, 50, 3)
    image = Image.fromarray(array)
    expected = model.predict(image)
    transparent = np.concatenate([array, noise(37, 50, 1)], axis=2)
    for same in (
        array, transparent, array[:, ::-1][:, ::-1], torch.from_numpy(array).permute(2, 0, 1),
        save(tmp_path / "a.png", array), str(tmp_path / "a.png"), image.convert("RGBA"),
    ):  # fmt: skip
        np.testing.assert_array_equal(model.predict(same).probabilities, expected.probabilities)
    assert expected.classes.shape == (37, 50)
    np.testing.assert_allclose(expected.probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(expected.mask), expected.probabilities.argmax(0))
    assert expected.overlay.size == (50, 37)
    assert sum(expected.areas.values()) == pytest.approx(1)
    grey = noise(20, 30, dtype=np.uint16)
    np.testing.assert_array_equal(
        model.predict(grey).classes, model.predict(torch.from_numpy(grey.astype(np.int32)).to(torch.uint16)).classes
    )


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4)), np.zeros((3, 9, 8), np.uint8), np.zeros((1, 4, 4, 3), np.uint8), np.zeros((0, 3), np.uint8),
        torch.zeros(2, 4, 4, dtype=torch.uint8), 7, None, "nowhere.png",
    ],
)  # fmt: skip
def test_what_is_no_image_is_refused_with_what_was_expected(wrong):
    with pytest.raises(UsageError, match=r"expected|no pixels|nowhere"):
        small_model().predict(wrong)


@settings(deadline=None, max_examples=10)
@given(integers(1, 40), integers(1, 40))
def test_with_flips_a_mirrored_image_gives_the_mirrored_prediction(height, width):
    model = small_model()
    image = noise(height, width, 3)
    found = model.predict(image, flips=True).probabilities
    for axis in (0, 1):
        mirrored = model.predict(np.flip(image, axis), flips=True).probabilities
        np.testing.assert_allclose(np.flip(mirrored, axis + 1), found, atol=1e-5)


def test_a_network_trained_on_resized_images_sees_them_resized():
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    card = make_card(network, config={"data": {"name": "folder", "resize": 16}})
    found = Model(PyTorch(network, card)).predict(noise(64, 96, 3))
    assert found.classes.shape == (64, 96)
    small = Image.fromarray(noise(64, 96, 3)).resize((24, 16), Image.Resampling.BILINEAR)
    direct = Model(PyTorch(network, card)).predict(small)
    corners = np.s_[:, ::63, ::95], np.s_[:, ::15, ::23]  # where interpolation has one neighbour
    np.testing.assert_allclose(found.probabilities[corners[0]], direct.probabilities[corners[1]], atol=1e-5)


TIFFS = {
    "strips": {}, "tiles": {"tile": (32, 48)}, "deflate": {"compression": "deflate", "rowsperstrip": 7},
    "planes": {"planarconfig": "separate"}, "compressed planes": {
        "planarconfig": "separate", "compression": "deflate", "tile": (16, 16)},
    "big endian": {"byteorder": ">"}, "big endian tiles": {"byteorder": ">", "tile": (32, 32), "predictor": 2,
                                                          "compression": "deflate"},
}  # fmt: skip


@pytest.mark.parametrize("kind", TIFFS)
@pytest.mark.parametrize(("shape", "dtype"), [((70, 90, 3), np.uint8), ((70, 90), np.uint8), ((70, 90), np.uint16)])
def test_a_tiff_read_by_rows_is_what_it_is_read_as_a_whole(kind, shape, dtype, tmp_path):
    if "planes" in kind and len(shape) == 2:
        pytest.skip("one channel has no planes")
    values = noise(*shape, dtype=dtype)
    stored = values.transpose(2, 0, 1) if "planes" in kind else values
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, **TIFFS[kind])
    rows = TiffRows(tmp_path / "a.tif")
    assert (rows.height, rows.width) == (70, 90)
    for top, bottom in ((0, 70), (0, 1), (13, 55), (69, 70)):
        np.testing.assert_array_equal(rows.read(top, bottom).reshape(bottom - top, *shape[1:]), values[top:bottom])
    save(tmp_path / "a.png", values)
    for channels in (1, 3):
        for value_range in (None, (100, 40000)):
            picture = TiffPicture(tmp_path / "a.tif", channels, value_range)
            whole = read_image(tmp_path / "a.png", channels, value_range)
            np.testing.assert_array_equal(picture.rows(5, 60), whole[:, 5:60])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "TIFF deflate"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(format, tmp_path):
    random = np.random.default_rng(0)
    kind, _, compression = format.partition(" ")
    path = tmp_path / f"a.{kind.lower()}"
    options = {"compression": f"tiff_{compression}"} if compression else {}
    Image.fromarray(noise(24, 30, 3)).save(path, kind, **options)
    whole = path.read_bytes()

    def refusal(read) -> str:
        try:
            read()
        except UsageError as error:
            return str(error)
        return ""

    refusals = []
    for _ in range(300):
        changed = bytearray(whole)
        for place in random.integers(0, min(400, len(whole)), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        path.write_bytes(changed[: random.integers(1, len(changed))] if random.random() < 0.3 else changed)
        refusals += [refusal(lambda: read_image(path, 3)), refusal(lambda: TiffPicture(path, 3, None).rows(0, 24))]
    told = [text for text in refusals if text]
    assert len(told) > 100
    assert all(path.name in text for text in told)


def test_pixels_without_data_do_not_blank_the_others(tmp_path):
    values = noise(30, 40).astype(np.float32)
    expected = read_image(save(tmp_path / "whole.tif", values), 1)
    values[3, 4], values[5, 6] = np.nan, np.inf
    save(tmp_path / "a.tif", values)
    for found in (read_image(tmp_path / "a.tif", 1), TiffPicture(tmp_path / "a.tif", 1, None).rows(0, 30)):
        assert (found == expected).sum() >= expected.size - 4


def test_16_bit_colour_is_the_same_by_rows_and_transparency_counts_nothing(tmp_path):
    values = noise(20, 30, 4, dtype=np.uint16) // 16
    values[..., 3] = 65535
    for channels in (3, 4):
        tifffile.imwrite(tmp_path / "a.tif", values[..., :channels], photometric="rgb")
        found = TiffPicture(tmp_path / "a.tif", 3, None).rows(0, 20)
        np.testing.assert_array_equal(found, (values[..., :3] >> 8).transpose(2, 0, 1))


def test_a_picture_is_turned_as_a_viewer_shows_it(tmp_path):
    image = Image.fromarray(noise(16, 32, 3))
    exif = image.getexif()
    exif[274] = 6  # to be turned clockwise
    image.save(tmp_path / "a.png", exif=exif)
    turned = np.asarray(image.transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 3), turned.transpose(2, 0, 1))
    assert small_model().predict(tmp_path / "a.png").classes.shape == (32, 16)


def test_a_disk_that_fills_up_leaves_nothing_half_and_the_rest_goes_on(runs, tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / "images" / f"{name}.tif", noise(600, 300))
    monkeypatch.setattr(tiff, "LARGE", 0)
    real, calls = tifffile.imwrite, []

    def imwrite(file, tiles, **options):
        calls.append(file)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return real(file, tiles, **options)

    monkeypatch.setattr(tiff.tifffile, "imwrite", imwrite)
    result = predict(runs / "transpose" / "seed0", tmp_path / "images", "--output", tmp_path / "out", "--probabilities")
    assert result.exit_code == command.SOME_FAILED
    assert "a.tif" in result.output
    assert "No space left" in result.output
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["masks/b.tif", "overlays/b.png", "predictions.csv", "probabilities/b.tif"]


def test_threads_get_the_prediction_of_their_own_image(tmp_path):
    network = as_trained({"name": "transpose"}, widths=(4, 6))
    model = Model(open_runtime(write(tmp_path, network, make_card(network), "openvino")))
    images = [noise(8 + k, 40, 3, seed=k) for k in range(6)] * 5
    expected = [model.predict(image).classes for image in images]
    with ThreadPoolExecutor(4) as executor:
        for found, wanted in zip(executor.map(model.predict, images), expected, strict=True):
            np.testing.assert_array_equal(found.classes, wanted)


def test_what_the_caller_has_set_changes_no_prediction(runs):
    image = noise(20, 30)
    expected = load(runs / "transpose" / "seed0").predict(image).probabilities
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            found = load(runs / "transpose" / "seed0").predict(image).probabilities
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), before)


@settings(deadline=None, max_examples=10)
@given(integers(1, 600), integers(1, 300), integers(1, 300))
def test_rows_of_any_number_come_back_from_a_tiled_file(tmp_path_factory, height, width, at_once):
    file = tmp_path_factory.mktemp("tiff") / "a.tif"
    values = noise(height, width)
    writer = TiffWriter(file, values.shape, values.dtype)
    for top in range(0, height, at_once):
        writer.write(values[top : top + at_once])
    writer.close()
    np.testing.assert_array_equal(tifffile.imread(file), values)


def test_a_disk_that_is_full_raises_and_does_not_wait(tmp_path):
    writer = TiffWriter(tmp_path / "missing" / "a.tif", (5000, 300), np.uint8)

    def write_all():
        for _ in range(20):
            writer.write(noise(250, 300))

    with pytest.raises(OSError, match="missing"):
        write_all()


def test_files_of_all_kinds_at_once(runs, tmp_path):
    images = tmp_path / "images"
    save(images / "deep" / "grey.png", noise(33, 70))
    save(images / "colour.JPG", noise(20, 90, 3))
    save(images / "sixteen.tif", noise(40, 41, dtype=np.uint16))
    save(images / "one.png", noise(1, 1))
    (images / "empty.png").touch()
    whole = save(images / "cut.png", noise(64, 64)).read_bytes()
    (images / "cut.png").write_bytes(whole[:-900])
    (images / "text.txt").write_text("not an image, and not asked for")
    save(images / ".hidden.png", noise(4, 4))
    output = tmp_path / "out"
    result = predict(runs / "transpose" / "seed0", images, "--output", output, "--probabilities")
    assert result.exit_code == command.SOME_FAILED
    assert "4 of 6 images" in result.output
    assert "empty.png" in result.output
    assert "cut.png" in result.output
    sizes = {"deep/grey": (33, 70), "colour": (20, 90), "sixteen": (40, 41), "one": (1, 1)}
    found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert found == {"predictions.csv"} | {
        f"{folder}/{name}.{end}"
        for name in sizes
        for folder, end in (("masks", "png"), ("overlays", "png"), ("probabilities", "tif"))
    }
    rows = {row["image"]: row for row in csv.DictReader((output / "predictions.csv").open())}
    assert set(rows) == {*sizes, "empty", "cut"}
    assert all(rows[name]["error"] and not rows[name].get("height") for name in ("empty", "cut"))
    model = load(runs / "transpose" / "seed0")
    for name, size in sizes.items():
        mask = Image.open(output / "masks" / f"{name}.png")
        assert mask.mode == "P"
        assert mask.getpalette()[:6] == [value for colour in model.colours for value in colour]
        classes = np.asarray(mask)
        assert classes.shape == size == Image.open(output / "overlays" / f"{name}.png").size[::-1]
        probabilities = tifffile.imread(output / "probabilities" / f"{name}.tif")
        assert probabilities.shape == (*size, CLASSES)
        assert probabilities.dtype == np.float16
        counts = [int(rows[name][f"pixels/{each}"]) for each in model.classes]
        assert counts == np.bincount(classes.ravel(), minlength=CLASSES).tolist()


def test_scores_are_those_of_the_test_that_trained_it(runs, tmp_path):
    run = runs / "bilinear" / "seed1"
    metrics = json.loads((run / "metrics.json").read_text())
    config = load(run).card.config
    root = Path(config["data"]["root"])
    rows = list(csv.DictReader((run / "per_image.csv").open()))
    files = [root / "images" / f"{row['image']}.png" for row in rows]
    result = predict(run, *files, "--output", tmp_path / "out", "--truth", root / "masks")
    assert result.exit_code == 0
    for score in ("miou", "dice", "miou_per_image"):
        assert f"{metrics[f'test/{score}']:.4f}" in result.output
    scored = {row["image"]: row for row in csv.DictReader((tmp_path / "out" / "predictions.csv").open())}
    for row in rows:
        assert float(scored[row["image"]]["miou"]) == pytest.approx(float(row["miou"]), abs=1e-6)


def test_a_file_read_by_rows_gives_the_mask_that_it_gives_as_a_whole(runs, tmp_path, monkeypatch):
    image, truth = noise(150, 130), noise(150, 130) % 2
    folder = tmp_path / "images"
    folder.mkdir()
    place = [(33550, "d", 3, (30.0, 30.0, 0.0), True)]  # the size of a pixel on Earth
    tifffile.imwrite(folder / "a.tif", image, extratags=place, tile=(64, 64), photometric="minisblack")
    tifffile.imwrite(save(tmp_path / "truth" / "a.tif", truth), truth, photometric="minisblack")
    options = ["--truth", tmp_path / "truth", "--probabilities", "--tile", "64", "--overlap", "16"]
    whole = predict(runs / "transpose" / "seed0", folder, "--output", tmp_path / "whole", *options)
    monkeypatch.setattr(tiff, "LARGE", 0)
    rows = predict(runs / "transpose" / "seed0", folder, "--output", tmp_path / "rows", *options)
    assert whole.exit_code == rows.exit_code == 0
    with tifffile.TiffFile(tmp_path / "rows" / "masks" / "a.tif") as file:
        assert file.pages[0].tags[33550].value == (30.0, 30.0, 0.0)
        assert file.pages[0].is_tiled
        by_rows = file.asarray()
    np.testing.assert_array_equal(by_rows, np.asarray(Image.open(tmp_path / "whole" / "masks" / "a.png")))
    tables = [
        [row["miou"] for row in csv.DictReader((tmp_path / kind / "predictions.csv").open())]
        for kind in ("whole", "rows")
    ]
    assert tables[0] == tables[1]
    probabilities = [tifffile.imread(tmp_path / kind / "probabilities" / "a.tif") for kind in ("whole", "rows")]
    np.testing.assert_array_equal(*probabilities)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere"),
        (["{empty}"], "holds no image"),
        (["{images}/*.gif"], "no file that fits"),
        (["{images}", "--tile", "0"], "tile=0"),
        (["{images}", "--overlap", "900"], "overlap=900"),
        (["{images}", "--overlap", "-5"], "overlap=-5"),
        (["{images}", "--truth", "nowhere"], "nowhere"),
        (["{images}", "--truth", "{empty}"], "no mask"),
        (["{images}/a.png", "{other}/a.png"], "both"),
        (["{images}", "--output", "{images}"], "not empty"),
    ],
)
def test_mistakes_end_in_one_line_before_anything_is_written(runs, arguments, words, tmp_path):
    folders = {name: tmp_path / name for name in ("empty", "images", "other")}
    for folder in folders.values():
        folder.mkdir()
    save(folders["images"] / "a.png", noise(8, 8))
    save(folders["other"] / "a.png", noise(8, 8))
    before = sorted(tmp_path.rglob("*"))
    arguments = [argument.format(**folders) for argument in arguments]
    if "--output" not in arguments:
        arguments += ["--output", str(tmp_path / "out")]
    result = predict(runs / "transpose" / "seed0", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mask_of_another_size_or_value_is_told_and_the_others_are_scored(runs, tmp_path):
    for name in "abc":
        save(tmp_path / "images" / f"{name}.png", noise(16, 16))
    for name, mask in (("a", noise(16, 16) % 2), ("b", noise(8, 16) % 2)):
        save(tmp_path / "masks" / f"{name}.png", mask)
    output = tmp_path / "out"
    arguments = ["--output", output, "--truth", tmp_path / "masks"]
    result = predict(runs / "transpose" / "seed0" / "best.ckpt", tmp_path / "images", *arguments)
    assert result.exit_code == command.SOME_FAILED
    assert "16 x 8" in result.output
    assert "1 of them" in result.output
    assert sorted(path.name for path in (output / "masks").iterdir()) == ["a.png", "c.png"]


def test_an_interrupted_prediction_keeps_what_is_done_and_nothing_half(runs, tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / "images" / f"{name}.png", noise(16, 16))
    model = load(runs / "transpose" / "seed0")
    real = model.bands

    def bands(picture, **options):
        yield from real(picture, **options)
        if (tmp_path / "out" / "masks" / "a.png").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(model, "bands", bands)
    monkeypatch.setattr(command, "load", lambda *_, **__: model)
    result = CliRunner().invoke(
        app, ["predict", "model.ckpt", str(tmp_path / "images"), "--output", str(tmp_path / "out")]
    )
    assert result.exit_code != 0
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["a.png", "a.png", "predictions.csv"]
    assert [row["image"] for row in csv.DictReader((tmp_path / "out" / "predictions.csv").open())] == ["a"]


def test_a_pattern_and_a_folder_find_the_same_files_in_order(tmp_path):
    for name in ("b", "a", "c.d"):
        save(tmp_path / f"{name}.png", noise(2, 2))
    by_folder, by_pattern = find_inputs([str(tmp_path)]), find_inputs([str(tmp_path / "*.png")])
    assert by_folder == by_pattern
    assert [item.name for item in by_folder] == ["a", "b", "c.d"]


@torch.inference_mode()
def test_the_library_is_reached_by_one_name(runs):
    model = load(runs / "transpose" / "seed0" / "best.ckpt")
    assert model.classes == ("background", "foreground")
    assert ArrayPicture(noise(1, 4, 5)).rows(1, 3).shape == (1, 2, 5)
    with pytest.raises(UsageError, match="no such file"):
        load("nowhere.ckpt")
    with pytest.raises(UsageError, match="expected a checkpoint"):
        load(__file__)
