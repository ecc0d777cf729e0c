"""`unetlite predict`: many files, files larger than memory, and mistakes."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import make_model, noise, run_cli, save
from PIL import Image

from unetlite import load
from unetlite.commands.predict import find_masks
from unetlite.data import raster
from unetlite.data.image_files import find_inputs
from unetlite.exit_codes import FAILED
from unetlite.inference import outputs

rasterio = pytest.importorskip("rasterio")


@pytest.fixture
def run(trained):
    """A run directory to predict with."""
    return trained / "transpose" / "seed0"


def predict(*arguments):
    return run_cli("predict", *arguments)


def read_rows(output):
    with (output / "predictions.csv").open(newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def write_tiff(path, values, **georeference):
    """A grey TIFF file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape
    options = {"driver": "GTiff", "dtype": values.dtype, "count": 1}
    with rasterio.open(path, "w", height=height, width=width, **options, **georeference) as file:
        file.write(values, 1)


@pytest.fixture
def images(tmp_path):
    """Four images that can be read, two that cannot, and files that are not asked for."""
    folder = tmp_path / "images"
    save(folder / "deep" / "grey.png", noise(33, 70))
    save(folder / "colour.JPG", noise(20, 90, 3))
    save(folder / "bytes.tif", noise(40, 41))
    save(folder / "one.png", noise(1, 1))
    (folder / "empty.png").touch()
    whole = save(folder / "cut.png", noise(64, 64)).read_bytes()
    (folder / "cut.png").write_bytes(whole[:-900])
    (folder / "text.txt").write_text("no image")
    save(folder / ".hidden.png", noise(4, 4))
    save(folder / ".thumbnails" / "grey.png", noise(4, 4))
    return folder


SIZES = {"deep/grey": (33, 70), "colour": (20, 90), "bytes": (40, 41), "one": (1, 1)}


def test_all_that_can_be_read_is_done_and_the_others_are_named(run, images, tmp_path):
    output = tmp_path / "out"
    result = predict(run, images, "--output", output)
    assert result.exit_code == FAILED
    assert "4 of 6 images" in result.output
    assert "empty.png" in result.output
    assert "cut.png" in result.output
    files = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    expected = {"predictions.csv"}
    for name in SIZES:
        expected |= {f"masks/{name}.png", f"overlays/{name}.png"}
    assert files == expected
    rows = read_rows(output)
    assert set(rows) == {*SIZES, "empty", "cut"}
    for name in ("empty", "cut"):
        assert rows[name]["error"]
        assert not rows[name]["height"]


def test_masks_have_the_size_of_the_image_and_the_areas_of_the_table(run, images, tmp_path):
    output = tmp_path / "out"
    predict(run, images, "--output", output, "--no-overlays")
    assert not (output / "overlays").exists()
    rows = read_rows(output)
    model = load(run)
    palette = [value for colour in model.colours for value in colour]
    for name, size in SIZES.items():
        mask = Image.open(output / "masks" / f"{name}.png")
        assert mask.mode == "P"
        assert mask.getpalette()[:6] == palette
        classes = np.asarray(mask)
        assert classes.shape == size
        counts = [int(rows[name][f"pixels/{each}"]) for each in model.classes]
        assert counts == np.bincount(classes.ravel(), minlength=2).tolist()


def test_scores_are_those_of_the_test_that_trained_it(trained, tmp_path):
    run = trained / "bilinear" / "seed1"
    metrics = json.loads((run / "metrics.json").read_text())
    root = Path(load(run).metadata.config["data"]["root"])
    with (run / "per_image.csv").open(newline="") as file:
        tested = list(csv.DictReader(file))
    files = [root / "images" / f"{row['image']}.png" for row in tested]
    result = predict(run, *files, "--output", tmp_path / "out", "--truth", root / "masks")
    assert result.exit_code == 0
    for score in ("miou", "dice", "miou_per_image"):
        assert f"{metrics[f'test/{score}']:.4f}" in result.output
    rows = read_rows(tmp_path / "out")
    for row in tested:
        miou = float(rows[row["image"]]["miou"])
        assert miou == pytest.approx(float(row["miou"]), abs=1e-6)


@pytest.mark.parametrize("options", [{"mask_name": "{stem}_m"}, {}])
def test_a_truth_is_named_as_the_training_masks_were_or_as_its_image(tmp_path, options):
    metadata = SimpleNamespace(config={"data": options})
    images = {"d/a": Path("d/a.png"), "b": Path("b.png")}
    plain = save(tmp_path / "plain" / "d" / "a.png", noise(2, 2))
    assert find_masks(tmp_path / "plain", metadata, images) == {"d/a": plain}
    if options:
        named = save(tmp_path / "named" / "d" / "a_m.png", noise(2, 2))
        save(tmp_path / "named" / "b.png", noise(2, 2))
        assert find_masks(tmp_path / "named", metadata, images) == {"d/a": named}


def test_a_truth_beside_the_images_is_found_from_among_them(run, tmp_path, monkeypatch):
    save(tmp_path / "images" / "a.png", noise(16, 16))
    save(tmp_path / "masks" / "a.png", noise(16, 16) % 2)
    monkeypatch.chdir(tmp_path / "images")
    result = predict(run, "a.png", "--output", "../out", "--truth", "../masks")
    assert result.exit_code == 0
    assert float(read_rows(tmp_path / "out")["a"]["miou"]) > 0


def test_a_mask_of_another_size_is_named_and_the_others_are_scored(run, tmp_path):
    for name in "abc":
        save(tmp_path / "images" / f"{name}.png", noise(16, 16))
    save(tmp_path / "masks" / "a.png", noise(16, 16) % 2)
    save(tmp_path / "masks" / "b.png", noise(8, 16) % 2)
    output = tmp_path / "out"
    options = ["--output", output, "--truth", tmp_path / "masks"]
    result = predict(run / "best.ckpt", tmp_path / "images", *options)
    assert result.exit_code == FAILED
    assert "16 x 8" in result.output
    assert "1 of them" in result.output
    assert sorted(path.name for path in (output / "masks").iterdir()) == ["a.png", "c.png"]


def test_a_file_read_by_rows_gives_the_mask_that_it_gives_as_a_whole(run, tmp_path, monkeypatch):
    place = {
        "crs": rasterio.CRS.from_epsg(3857),
        "transform": rasterio.Affine(30, 0, 1000, 0, -30, 2000),
    }
    images = tmp_path / "images"
    write_tiff(images / "a.tif", noise(150, 130), **place)
    write_tiff(tmp_path / "truth" / "a.tif", noise(150, 130) % 2)
    tiles = ["--tile", "64", "--overlap", "16"]
    truth = ["--truth", tmp_path / "truth"]
    whole = tmp_path / "whole"
    assert predict(run, images, "--output", whole, *tiles, *truth).exit_code == 0
    monkeypatch.setattr(raster, "LARGE", 0)
    by_rows = tmp_path / "rows"
    assert predict(run, images, "--output", by_rows, *tiles, *truth).exit_code == 0
    with rasterio.open(by_rows / "masks" / "a.tif") as file:
        assert (file.crs, file.transform) == (place["crs"], place["transform"])
        assert file.profile["tiled"]
        classes = file.read(1)
    with rasterio.open(whole / "masks" / "a.tif") as file:
        assert (file.crs, file.transform) == (place["crs"], place["transform"])
        np.testing.assert_array_equal(classes, file.read(1))
    assert (whole / "overlays" / "a.png").exists()
    assert read_rows(whole)["a"]["miou"] == read_rows(by_rows)["a"]["miou"]
    # A mask with a palette is a truth, too.
    again = tmp_path / "again"
    result = predict(run, images, "--output", again, *tiles, "--truth", by_rows / "masks")
    assert result.exit_code == 0
    assert float(read_rows(again)["a"]["iou/foreground"]) == 1


def test_a_full_disk_leaves_nothing_half_and_the_rest_goes_on(run, tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / "images" / f"{name}.tif", noise(60, 30))
    monkeypatch.setattr(raster, "LARGE", 0)
    real = outputs.create_tiff

    def create(path, *arguments):
        file = real(path, *arguments)
        if ".a.tif." in path.name:
            raise OSError(28, "No space left on device")
        return file

    monkeypatch.setattr(outputs, "create_tiff", create)
    output = tmp_path / "out"
    result = predict(run, tmp_path / "images", "--output", output)
    assert result.exit_code == FAILED
    assert "a.tif" in result.output
    assert "No space left" in result.output
    files = sorted(path.relative_to(output).as_posix() for path in output.rglob("*.*"))
    assert files == ["masks/b.tif", "predictions.csv"]


RESIZED = {"config": {"data": {"name": "a", "resize": 32}}}


@pytest.mark.parametrize(
    ("options", "size", "approximate"),
    [
        ({"norm": "group"}, 90, True),
        ({"operator": {"name": "dysample"}}, 90, True),
        ({"norm": "group"}, 60, False),
        ({}, 90, False),
        ({"norm": "group", "metadata": RESIZED}, 90, False),
        ({"overlap": 8}, 90, True),
        ({"overlap": 8}, 60, False),
    ],
)
def test_tiles_are_called_approximate_where_they_are(
    options, size, approximate, tmp_path, monkeypatch
):
    save(tmp_path / "images" / "a.png", noise(size, size, 3))
    model = make_model(**{"tile": 80, **options})
    monkeypatch.setattr("unetlite.commands.predict.load", lambda *_, **__: model)
    result = predict("model.ckpt", tmp_path / "images", "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert ("approximate" in result.output) == approximate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["{empty}"], "holds no image"),
        (["{images}/*.gif"], "no file that matches"),
        (["{images}", "--tile", "0"], "tile=0"),
        (["{images}", "--tile", "128", "--overlap", "64"], "tile=128"),
        (["{images}", "--overlap", "-5"], "overlap=-5"),
        (["{images}", "--truth", "nowhere"], "nowhere"),
        (["{images}", "--truth", "{empty}"], "no mask"),
        (["{images}/a.png", "{other}/a.png"], "both"),
        (["{images}", "--output", "{images}"], "not empty"),
        (["{images}", "--output", "{images}/out"], "lies inside"),
        (["{images}", "--output", "{images}/a.png/out"], "cannot be written"),
    ],
)
def test_mistakes_end_in_one_line_before_anything_is_written(run, arguments, message, tmp_path):
    folders = {name: tmp_path / name for name in ("empty", "images", "other")}
    for folder in folders.values():
        folder.mkdir()
    save(folders["images"] / "a.png", noise(8, 8))
    save(folders["other"] / "a.png", noise(8, 8))
    before = sorted(tmp_path.rglob("*"))
    arguments = [argument.format(**folders) for argument in arguments]
    if message == "cannot be written":
        arguments[0] = str(folders["other"])
    if "--output" not in arguments:
        arguments += ["--output", tmp_path / "out"]
    result = predict(run, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pattern_and_a_folder_find_the_same_files_in_order(tmp_path):
    for name in ("b", "a", "c.d"):
        save(tmp_path / f"{name}.png", noise(2, 2))
    by_folder = find_inputs([str(tmp_path)])
    by_pattern = find_inputs([str(tmp_path / "*.png")])
    assert list(by_folder.items()) == list(by_pattern.items())
    assert list(by_folder) == ["a", "b", "c.d"]


def test_a_file_that_is_named_twice_is_predicted_once(tmp_path):
    file = save(tmp_path / "a.png", noise(2, 2))
    assert find_inputs([str(file), str(tmp_path)]) == {"a": file}
