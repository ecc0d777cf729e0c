"""What a trained network makes of images: of one, of many files, of files larger than memory."""

import csv
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import OPERATORS, as_trained, label, make_metadata, noise, save
from hypothesis import given, settings
from hypothesis.strategies import integers, none, one_of
from PIL import Image
from typer.testing import CliRunner

from unetlite import UsageError, load
from unetlite.cli import app
from unetlite.commands.predict import SOME_FAILED, count_against, find_inputs
from unetlite.data.images import read_image
from unetlite.inference import export, files
from unetlite.inference.files import TiffRows, create_tiff, open_large
from unetlite.inference.model import Band, Model, in_memory
from unetlite.inference.pytorch import PyTorch
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.tiling import TILE, Tiling
from unetlite.network.measures import receptive_field

rasterio = pytest.importorskip("rasterio")
CLASSES = 2
COLOURS = ((0, 0, 0), (255, 0, 0))


def a_model(tile=None, overlap=None, metadata=None, **options):
    """Of three resolutions, which sees 60 pixels unless told otherwise."""
    network = as_trained(**{"operator": {"name": "bilinear"}, "widths": (4, 6, 8), **options})
    values = {"receptive_field": receptive_field(network.config), **(metadata or {})}
    return Model(PyTorch(network, make_metadata(network, **values)), tile=tile, overlap=overlap)


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], catch_exceptions=False)


def rows_of(path):
    return {row["image"]: row for row in csv.DictReader((path / "predictions.csv").open())}


def write_tiff(path, values, **options):
    """Values (H, W) or (H, W, C)."""
    bands = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = dict(zip(("count", "height", "width"), bands.shape, strict=True))
    with files.import_rasterio().open(path, "w", driver="GTiff", dtype=bands.dtype, **shape, **options) as file:
        file.write(bands)
    return path


@given(integers(1, 400), integers(1, 300), integers(0, 4), integers(0, 80), one_of(none(), integers(0, 60)))
def test_cores_cover_an_axis_once_within_tiles_that_are_pooled_as_the_whole(length, size, depth, field, overlap):
    stride = 2**depth
    try:
        tiling = Tiling(field, stride, size, overlap)
    except UsageError as error:
        assert f"tile={size}" in str(error)  # noqa: PT017
        assert size < 2 * max(overlap or 0, field // 2) + 4 * stride
        return
    spans = tiling.spans(length)
    assert [pixel for start, end, *_ in spans for pixel in range(start, end)] == list(range(length))
    for start, end, first, last in spans:
        assert last - first <= size
        assert first % stride == 0
        assert last % stride == 0 or last == length
        halo = overlap if overlap is not None else field // 2
        assert first <= max(0, start - halo)
        assert last >= min(length, end + halo)
    assert len(spans) == 1 or length > size


@given(integers(1, 5000), integers(0, 6), one_of(none(), integers(0, 3000)))
def test_there_is_a_default_tile_for_every_network(field, depth, overlap):
    tiling = Tiling(field, 2**depth, overlap=overlap)
    assert tiling.size >= TILE
    assert 2 * tiling.core >= tiling.size - 512 - 2**depth  # not most of it is halo
    assert tiling.halo >= (field // 2 if overlap is None else overlap)


@pytest.mark.parametrize("downsample", ["max", "mean", "stochastic", "strided"])
@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_no_pixel_beyond_the_halo_changes_a_core(operator, downsample):
    """By gradients of random networks. What `reads_anywhere` starts as bilinear, within the halo."""
    if operator["name"] == "unpool" and downsample != "max":
        pytest.skip("needs positions")
    network = as_trained(operator, widths=(8, 8, 8), downsample={"name": downsample})
    tiling = Tiling(receptive_field(network.config), 4)
    start, length = 4 * 16, 16
    image = torch.rand(3, 3, 160, 160, generator=torch.Generator().manual_seed(0)).mul(255).requires_grad_()
    network(image)[..., start : start + length].sum().backward()
    seen = image.grad.abs().sum((0, 1, 2)).nonzero()
    assert start - tiling.halo <= seen.min()
    assert seen.max() < start + length + tiling.halo


@pytest.mark.parametrize("operator", [op for op in OPERATORS if op["name"] != "dysample"], ids=label)
def test_tiles_give_what_the_whole_image_gives(operator):
    image = noise(131, 203, 3)
    whole = a_model(operator=operator).predict(image)
    tiling = Tiling(whole.metadata.receptive_field, 4)
    tiled = a_model(2 * tiling.halo + 32, operator=operator).predict(image)
    np.testing.assert_allclose(tiled.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_array_equal(tiled.classes, tiled.probabilities.argmax(0))


def test_less_overlap_than_the_default_makes_tiles_approximate():
    image = noise(131, 203, 3)
    differences = a_model(64, overlap=0).predict(image).probabilities - a_model().predict(image).probabilities
    assert np.abs(differences).max() > 1e-3


def test_every_kind_of_image_gives_the_same(tmp_path):
    model = a_model()
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
        a_model().predict(wrong)


@settings(deadline=None, max_examples=10)
@given(integers(1, 40), integers(1, 40))
def test_with_flips_a_mirrored_image_gives_the_mirrored_prediction(height, width):
    model = a_model()
    image = noise(height, width, 3)
    found = model.predict(image, flips=True).probabilities
    for axis in (0, 1):
        mirrored = model.predict(np.flip(image, axis), flips=True).probabilities
        np.testing.assert_allclose(np.flip(mirrored, axis + 1), found, atol=1e-5)


def test_a_network_trained_on_resized_images_sees_them_resized():
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    metadata = make_metadata(network, config={"data": {"name": "folder", "resize": 16}})
    found = Model(PyTorch(network, metadata)).predict(noise(64, 96, 3))
    assert found.classes.shape == (64, 96)
    small = Image.fromarray(noise(64, 96, 3)).resize((24, 16), Image.Resampling.BILINEAR)
    direct = Model(PyTorch(network, metadata)).predict(small)
    corners = np.s_[:, ::63, ::95], np.s_[:, ::15, ::23]  # where interpolation has one neighbour
    np.testing.assert_allclose(found.probabilities[corners[0]], direct.probabilities[corners[1]], atol=1e-5)


TIFFS = {
    "strips": {}, "tiles": {"tiled": True, "blockxsize": 48, "blockysize": 32}, "deflate": {"compress": "deflate"},
    "lzw": {"compress": "lzw", "blockysize": 7}, "planes": {"interleave": "band", "compress": "zstd"},
    "big endian": {"ENDIANNESS": "BIG"}, "big tiff": {"BIGTIFF": "YES", "tiled": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", TIFFS)
@pytest.mark.parametrize(("shape", "dtype"), [((70, 90, 3), np.uint8), ((70, 90), np.uint8), ((70, 90), np.uint16)])
def test_a_tiff_read_by_rows_is_what_it_is_read_as_a_whole(kind, shape, dtype, tmp_path):
    values = noise(*shape, dtype=dtype)
    photometric = {"photometric": "rgb"} if len(shape) == 3 else {}
    write_tiff(tmp_path / "a.tif", values, **photometric, **TIFFS[kind])
    rows = TiffRows(tmp_path / "a.tif")
    assert (rows.height, rows.width) == (70, 90)
    for top, bottom in ((0, 70), (0, 1), (13, 55), (69, 70)):
        np.testing.assert_array_equal(rows.read(top, bottom), values[top:bottom])
    save(tmp_path / "a.png", values)
    for channels in (1, 3):
        for value_range in (None, (100, 40000)):
            picture = open_large(tmp_path / "a.tif", channels, value_range)
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
    for _ in range(200):
        changed = bytearray(whole)
        for place in random.integers(0, min(400, len(whole)), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        path.write_bytes(changed[: random.integers(1, len(changed))] if random.random() < 0.3 else changed)
        files.is_large(path)
        refusals += [refusal(lambda: read_image(path, 3)), refusal(lambda: open_large(path, 3, None).rows(0, 24))]
    told = [text for text in refusals if text]
    assert len(told) > 100
    assert all(path.name in text and "\n" not in text for text in told)


@pytest.mark.parametrize(
    ("values", "options"),
    [(noise(8, 8, 5), {}), (noise(8, 8) + 1j, {}), (noise(8, 8), {"photometric": "miniswhite"})],
)
def test_pixels_that_are_no_image_are_refused_in_words(values, options, tmp_path):
    write_tiff(tmp_path / "a.tif", values, **options)
    with pytest.raises(UsageError, match="grey or RGB"):
        open_large(tmp_path / "a.tif", 3, None)


def test_a_file_compressed_as_one_huge_piece_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_PIECE", 2**16)
    Image.fromarray(noise(300, 300)).save(tmp_path / "a.tif", compression="tiff_deflate", strip_size=2**20)
    with pytest.raises(UsageError, match="pieces of 300 x 300 pixels"):
        open_large(tmp_path / "a.tif", 3, None)


def test_what_is_large_is_read_by_rows_whatever_pillow_makes_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGE", 20 * 30)
    small, wide = (write_tiff(tmp_path / f"{width}.tif", noise(20, width)) for width in (30, 31))
    assert not files.is_large(small)
    assert files.is_large(wide)
    assert files.is_large(write_tiff(tmp_path / "four.tif", noise(40, 30, 4), photometric="minisblack"))
    assert not files.is_large(save(tmp_path / "a.png", noise(40, 40)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert files.is_large(wide)
    assert not files.is_large(tmp_path / "missing.tif")


def test_gdal_keeps_no_more_than_it_may(tmp_path):
    TiffRows(write_tiff(tmp_path / "a.tif", noise(20, 30)))
    assert rasterio.env.get_gdal_config("GDAL_CACHEMAX") == files.CACHE


def test_without_rasterio_a_large_file_names_the_extra(runs, tmp_path, monkeypatch):
    save(tmp_path / "images" / "a.tif", noise(20, 30))
    monkeypatch.setitem(sys.modules, "rasterio", None)
    arguments = runs / "transpose" / "seed0", tmp_path / "images", "--output", tmp_path / "out"
    monkeypatch.setattr(files, "LARGE", 0)
    result = predict(*arguments)
    assert result.exit_code == SOME_FAILED
    assert "unetlite[tiff]" in result.output


def test_pixels_without_data_do_not_blank_the_others(tmp_path):
    values = noise(30, 40).astype(np.float32)
    expected = read_image(save(tmp_path / "whole.tif", values), 1)
    values[3, 4], values[5, 6] = np.nan, np.inf
    save(tmp_path / "a.tif", values)
    for found in (read_image(tmp_path / "a.tif", 1), open_large(tmp_path / "a.tif", 1, None).rows(0, 30)):
        assert (found == expected).sum() >= expected.size - 4


def test_16_bit_colour_is_the_same_by_rows_and_transparency_counts_nothing(tmp_path):
    values = noise(20, 30, 4, dtype=np.uint16) // 16
    values[..., 3] = 65535
    for channels in (3, 4):
        write_tiff(tmp_path / "a.tif", values[..., :channels], photometric="rgb")
        found = open_large(tmp_path / "a.tif", 3, None).rows(0, 20)
        np.testing.assert_array_equal(found, (values[..., :3] >> 8).transpose(2, 0, 1))


@settings(deadline=None, max_examples=10)
@given(integers(1, 600), integers(1, 300), integers(1, 300))
def test_rows_of_any_number_come_back_from_a_tiled_file(tmp_path_factory, height, width, at_once):
    file = tmp_path_factory.mktemp("tiff") / "a.partial"
    values = noise(height, width) % 2
    with create_tiff(file, in_memory(values[None]), COLOURS) as written:
        for top in range(0, height, at_once):
            rows = values[top : top + at_once]
            written.write(rows, 1, window=((top, top + len(rows)), (0, width)))
    with rasterio.open(file) as found:
        np.testing.assert_array_equal(found.read(1), values)
        assert found.block_shapes[0] == (256, 256)


def test_a_picture_is_turned_as_a_viewer_shows_it(tmp_path):
    image = Image.fromarray(noise(16, 32, 3))
    exif = image.getexif()
    exif[274] = 6  # to be turned clockwise
    image.save(tmp_path / "a.png", exif=exif)
    turned = np.asarray(image.transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 3), turned.transpose(2, 0, 1))
    assert a_model().predict(tmp_path / "a.png").classes.shape == (32, 16)


def test_a_disk_that_fills_up_leaves_nothing_half_and_the_rest_goes_on(runs, tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / "images" / f"{name}.tif", noise(600, 300))
    monkeypatch.setattr(files, "LARGE", 0)

    def create(file, *arguments):
        written = create_tiff(file, *arguments)
        if ".a.tif." in file.name:
            raise OSError(28, "No space left on device")
        return written

    monkeypatch.setattr(files, "create_tiff", create)
    result = predict(runs / "transpose" / "seed0", tmp_path / "images", "--output", tmp_path / "out")
    assert result.exit_code == SOME_FAILED
    assert "a.tif" in result.output
    assert "No space left" in result.output
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["masks/b.tif", "predictions.csv"]


def test_a_file_that_may_grow_no_further_raises_and_is_named(tmp_path):
    resource, picture = pytest.importorskip("resource"), in_memory(noise(1, 1000, 1000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError), create_tiff(tmp_path / "a.tif", picture, COLOURS) as file:  # noqa: PT011
            file.write(noise(1000, 1000), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_threads_get_the_prediction_of_their_own_image(tmp_path):
    network = as_trained({"name": "transpose"}, widths=(4, 6))
    export.write(network, make_metadata(network), "openvino", tmp_path / "a.openvino")
    model = Model(open_runtime(tmp_path / "a.openvino"))
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
    save(images / ".thumbnails" / "grey.png", noise(4, 4))
    output = tmp_path / "out"
    result = predict(runs / "transpose" / "seed0", images, "--output", output)
    assert result.exit_code == SOME_FAILED
    assert "4 of 6 images" in result.output
    assert "empty.png" in result.output
    assert "cut.png" in result.output
    sizes = {"deep/grey": (33, 70), "colour": (20, 90), "sixteen": (40, 41), "one": (1, 1)}
    found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert found == {"predictions.csv"} | {
        f"{folder}/{name}.{end}" for name in sizes for folder, end in (("masks", "png"), ("overlays", "png"))
    }
    rows = rows_of(output)
    assert set(rows) == {*sizes, "empty", "cut"}
    assert all(rows[name]["error"] and not rows[name].get("height") for name in ("empty", "cut"))
    model = load(runs / "transpose" / "seed0")
    for name, size in sizes.items():
        mask = Image.open(output / "masks" / f"{name}.png")
        assert mask.mode == "P"
        assert mask.getpalette()[:6] == [value for colour in model.colours for value in colour]
        classes = np.asarray(mask)
        assert classes.shape == size == Image.open(output / "overlays" / f"{name}.png").size[::-1]
        counts = [int(rows[name][f"pixels/{each}"]) for each in model.classes]
        assert counts == np.bincount(classes.ravel(), minlength=CLASSES).tolist()


def test_scores_are_those_of_the_test_that_trained_it(runs, tmp_path):
    run = runs / "bilinear" / "seed1"
    metrics = json.loads((run / "metrics.json").read_text())
    config = load(run).metadata.config
    root = Path(config["data"]["root"])
    rows = list(csv.DictReader((run / "per_image.csv").open()))
    files = [root / "images" / f"{row['image']}.png" for row in rows]
    result = predict(run, *files, "--output", tmp_path / "out", "--truth", root / "masks")
    assert result.exit_code == 0
    for score in ("miou", "dice", "miou_per_image"):
        assert f"{metrics[f'test/{score}']:.4f}" in result.output
    scored = rows_of(tmp_path / "out")
    for row in rows:
        assert float(scored[row["image"]]["miou"]) == pytest.approx(float(row["miou"]), abs=1e-6)


def test_a_truth_beside_the_images_is_found_from_among_them(runs, tmp_path, monkeypatch):
    save(tmp_path / "images" / "a.png", noise(16, 16))
    save(tmp_path / "masks" / "a.png", noise(16, 16) % 2)
    monkeypatch.chdir(tmp_path / "images")
    result = predict(runs / "transpose" / "seed0", "a.png", "--output", "../out", "--truth", "../masks")
    assert result.exit_code == 0
    assert float(rows_of(tmp_path / "out")["a"]["miou"]) > 0


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [("camvid", [[0, 11], [1, 1]], [[1, 1, 0], [1, 0, 1]]), ("drive", [[0, 255], [0, 0]], [[3, 1, 0], [0, 0, 1]])],
)
def test_a_truth_is_read_as_its_data_set_codes_it(tmp_path, name, values, expected):
    """In camvid 11 is ignored, in drive 255 is a vessel; predicted is class 0, but for one pixel of camvid."""
    path = save(tmp_path / "a.png", np.array(values, np.uint8))
    found = np.array([[0, 0], [0, 1]] if name == "camvid" else [[0, 0], [0, 0]], np.uint8)
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    metadata = make_metadata(network, config={"data": {"name": name}})
    count = count_against(path, metadata, in_memory(np.zeros((3, 2, 2), np.uint8)))
    assert count(Band(0, found, None)).tolist() == expected


def test_a_file_read_by_rows_gives_the_mask_that_it_gives_as_a_whole(runs, tmp_path, monkeypatch):
    image, truth = noise(150, 130), noise(150, 130) % 2
    place = {"crs": rasterio.CRS.from_epsg(3857), "transform": rasterio.Affine(30, 0, 1000, 0, -30, 2000)}
    write_tiff(tmp_path / "images" / "a.tif", image, **place)
    write_tiff(tmp_path / "truth" / "a.tif", truth)
    options = ["--truth", tmp_path / "truth", "--tile", "64", "--overlap", "16"]
    whole = predict(runs / "transpose" / "seed0", tmp_path / "images", "--output", tmp_path / "whole", *options)
    monkeypatch.setattr(files, "LARGE", 0)
    rows = predict(runs / "transpose" / "seed0", tmp_path / "images", "--output", tmp_path / "rows", *options)
    assert whole.exit_code == rows.exit_code == 0
    with rasterio.open(tmp_path / "rows" / "masks" / "a.tif") as file:
        assert (file.crs, file.transform) == (place["crs"], place["transform"])
        assert file.profile["tiled"]
        assert file.colormap(1)[1][:3] == load(runs / "transpose" / "seed0").colours[1]
        by_rows = file.read(1)
    np.testing.assert_array_equal(by_rows, np.asarray(Image.open(tmp_path / "whole" / "masks" / "a.png")))
    assert rows_of(tmp_path / "whole")["a"]["miou"] == rows_of(tmp_path / "rows")["a"]["miou"]
    assert (tmp_path / "whole" / "overlays" / "a.png").exists()
    # Masks with a palette are a truth as any other.
    again = [tmp_path / "images", "--output", tmp_path / "again", "--truth", tmp_path / "rows" / "masks", *options[2:]]
    assert predict(runs / "transpose" / "seed0", *again).exit_code == 0
    assert float(rows_of(tmp_path / "again")["a"]["iou/foreground"]) == 1


@pytest.mark.parametrize(
    ("options", "size", "approximate"),
    [
        ({"norm": "group"}, 90, True), ({"operator": {"name": "dysample"}}, 90, True), ({"norm": "group"}, 60, False),
        ({}, 90, False), ({"norm": "group", "metadata": {"config": {"data": {"name": "a", "resize": 32}}}}, 90, False),
    ],
)  # fmt: skip
def test_tiles_are_called_approximate_where_they_are(options, size, approximate, tmp_path, monkeypatch):
    save(tmp_path / "images" / "a.png", noise(size, size, 3))
    monkeypatch.setattr("unetlite.commands.predict.load", lambda *_, **__: a_model(64, overlap=8, **options))
    result = predict("model.ckpt", tmp_path / "images", "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert ("approximate" in result.output) == approximate


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere"),
        (["{empty}"], "holds no image"),
        (["{images}/*.gif"], "no file that fits"),
        (["{images}", "--tile", "0"], "tile=0"),
        (["{images}", "--tile", "128", "--overlap", "64"], "tile=128"),
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
    assert result.exit_code == SOME_FAILED
    assert "16 x 8" in result.output
    assert "1 of them" in result.output
    assert sorted(path.name for path in (output / "masks").iterdir()) == ["a.png", "c.png"]


def test_an_interrupted_prediction_keeps_what_is_done_and_nothing_half(runs, tmp_path, monkeypatch):
    for name in "abcdefgh":
        save(tmp_path / "images" / f"{name}.png", noise(16, 16))
    network = load(runs / "transpose" / "seed0")
    real = network.bands

    def bands(*arguments):
        yield from real(*arguments)
        time.sleep(0.2)

    @contextmanager
    def progress(description):
        def tell(text):
            if text.startswith("2 of 8"):
                raise KeyboardInterrupt

        yield tell

    monkeypatch.setattr(network, "bands", bands)
    monkeypatch.setattr("unetlite.commands.predict.load", lambda *_, **__: network)
    monkeypatch.setattr("unetlite.commands.predict.progress", progress)
    result = CliRunner().invoke(
        app, ["predict", "model.ckpt", str(tmp_path / "images"), "--output", str(tmp_path / "out")]
    )
    assert result.exit_code != 0
    done = [path.stem for path in sorted((tmp_path / "out" / "masks").iterdir())]
    assert 0 < len(done) < 8
    assert list(rows_of(tmp_path / "out")) == done
    assert [path.stem for path in sorted((tmp_path / "out" / "overlays").iterdir())] == done


def test_a_pattern_and_a_folder_find_the_same_files_in_order(tmp_path):
    for name in ("b", "a", "c.d"):
        save(tmp_path / f"{name}.png", noise(2, 2))
    by_folder, by_pattern = find_inputs([str(tmp_path)]), find_inputs([str(tmp_path / "*.png")])
    assert list(by_folder.items()) == list(by_pattern.items())
    assert list(by_folder) == ["a", "b", "c.d"]


@torch.inference_mode()
def test_the_library_is_reached_by_one_name(runs):
    trained = load(runs / "transpose" / "seed0" / "best.ckpt")
    assert trained.classes == ("background", "foreground")
    assert trained.network.config.upsample["name"] == "transpose"
    assert in_memory(noise(1, 4, 5)).rows(1, 3).shape == (1, 2, 5)
    with pytest.raises(UsageError, match="no such file"):
        load("nowhere.ckpt")
    with pytest.raises(UsageError, match="expected a checkpoint"):
        load(__file__)
