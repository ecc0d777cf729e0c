"""Files are predicted in order; each has its row, whatever happens to the others."""

import csv
import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from helpers import as_trained, make_metadata, make_model, noise, save

from unetlite import UsageError
from unetlite.data import raster
from unetlite.data.folder import Folder
from unetlite.data.formats.gdal import import_rasterio
from unetlite.errors import Interrupted
from unetlite.inference import batch
from unetlite.inference.batch import (
    FilePredictor,
    FileResult,
    PredictionTable,
    open_input,
    predict_files,
)
from unetlite.metrics.overlap import SegmentationScores

NAMES = "abcdefgh"


def ignore(*_):
    """Of what `progress` yields."""


@pytest.fixture
def table(tmp_path):
    with (tmp_path / "predictions.csv").open("wb", buffering=0) as file:
        yield PredictionTable(file, ("a", "b"), scored=True)


def read_rows(tmp_path):
    with (tmp_path / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def make_result(name, path=None, update=None):
    return FileResult(name, "", 2, 3, 0.5, np.array([5, 1]), np.array([[4, 1, 0], [1, 0, 1]]))


def test_a_row_has_areas_and_scores_or_the_error(table, tmp_path):
    table.add(make_result("one"))
    table.add(make_result("two")._replace(counts=None))
    table.add(FileResult("three", "three.png: broken"))
    one, two, three = read_rows(tmp_path)
    assert one["pixels/a"] == "5"
    assert float(one["share/b"]) == pytest.approx(1 / 6)
    assert float(one["iou/a"]) == pytest.approx(4 / 5)
    assert float(one["miou"]) == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert two["share/a"] == one["share/a"]
    assert two["miou"] == two["iou/b"] == ""
    assert three["error"] == "three.png: broken"
    assert three["height"] == three["pixels/a"] == ""


def test_an_interruption_keeps_the_rows_of_what_is_done(table, tmp_path):
    done = []

    def predict(name, path, update):
        time.sleep(0.02)
        done.append(name)
        return make_result(name)

    def interrupt(text, share):
        if text.startswith("3 of 8"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(predict, dict.fromkeys(NAMES), table, interrupt)
    assert 2 <= len(done) < 8
    assert [row["image"] for row in read_rows(tmp_path)] == sorted(done)


def test_an_interruption_ends_an_image_of_many_tiles(table, tmp_path, monkeypatch):
    """So that no part of its file is left, even if nobody waits for the last tile."""
    monkeypatch.setattr(raster, "LARGE", 0)
    path = save(tmp_path / "a.tif", noise(400, 90))
    model = make_model(tile=72, in_channels=1)
    predict = FilePredictor(model, tmp_path / "out", {}, overlays=False)
    shares = []
    handlers = []

    @contextmanager
    def keep_handler(handler):
        handlers.append(handler)
        yield

    monkeypatch.setattr(batch, "raise_on_signal", keep_handler)

    def interrupt(text, share):
        assert text == f"1 of 1: {path}"
        shares.append(share)
        if len(shares) == 3 and threading.current_thread() is not threading.main_thread():
            for _ in range(2):  # as some programs send it, and impatient people
                handlers[0](signal.SIGTERM, None)

    with pytest.raises(Interrupted):
        predict_files(predict, {"a": path}, table, interrupt)
    assert shares == sorted(shares)
    assert 3 <= len(shares) < 10
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == []
    assert read_rows(tmp_path) == []


def test_results_come_in_order_whichever_is_first(table, tmp_path):
    def predict(name, path, update):
        time.sleep(0.02 if name == "a" else 0)
        return make_result(name)

    results = predict_files(predict, dict.fromkeys(NAMES), table, ignore)
    assert [result.name for result in results] == list(NAMES)
    assert [row["image"] for row in read_rows(tmp_path)] == list(NAMES)


def test_an_error_names_the_file_once(tmp_path):
    predict = FilePredictor(make_model(), tmp_path, {})
    (tmp_path / "empty.png").touch()
    result = predict("empty", tmp_path / "empty.png", ignore)
    assert result.error.count("empty.png") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "empty.png"]


def test_a_large_file_is_not_resized(tmp_path, monkeypatch):
    pytest.importorskip("rasterio")
    monkeypatch.setattr(raster, "LARGE", 0)
    path = save(tmp_path / "a.tif", noise(9, 9))
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    with pytest.raises(UsageError, match=r"data\.resize"):
        open_input(path, make_metadata(network, config={"data": {"name": "a", "resize": 8}}))


def write_image(path, values, kind):
    """Pixels (H, W, 3), of which those that are 0 have no data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "not a number":
        values = np.where(values == 0, np.nan, values)
    if kind in ("of the settings", "not a number"):
        np.save(path.with_suffix(".npy"), values)
        return
    height, width, _ = values.shape
    options = {"driver": "GTiff", "height": height, "width": width, "dtype": "float32"}
    bands = values.transpose(2, 0, 1)
    if kind == "of the file":
        options["nodata"] = 0
    else:
        bands = np.concatenate([bands, bands.all(0, keepdims=True)])
        options |= {"photometric": "rgb", "alpha": "yes"}
    with import_rasterio().open(path.with_suffix(".tif"), "w", count=len(bands), **options) as file:
        file.write(bands.astype(np.float32))


@pytest.mark.parametrize("kind", ["of the file", "of the settings", "not a number", "transparent"])
def test_scores_leave_out_what_training_leaves_out(tmp_path, kind):
    for k in range(3):
        pixels = noise(24, 30, 3, seed=k).astype(np.float32) + 1
        pixels[k : k + 9, 5:20, 1] = 0
        write_image(tmp_path / "images" / f"{k}", pixels, kind)
        save(tmp_path / "masks" / f"{k}.png", noise(24, 30) % 3)
    options = {"classes": ["a", "b"], "ignore": [2]}
    if kind == "of the settings":
        options["nodata"] = 0.0
    folder = Folder(root=str(tmp_path), **options)
    values = {"classes": folder.table.settings()["classes"], "ignore": [2]}
    config = {"data": {"name": "folder", **options}}
    metadata = {"config": config, "mask_values": values}
    model = make_model(pixel_type="float32", metadata=metadata)
    for pair in folder.all_pairs():
        sample = folder.read(pair)
        assert (~sample.valid).sum() == 9 * 15
        assert np.array_equal(folder.read_valid(pair), sample.valid)
        logits = model.network(torch.from_numpy(sample.image[None]))
        trained = SegmentationScores(["a", "b"])
        trained.update(logits.argmax(1), torch.from_numpy(sample.mask[None]))
        masks = {pair.name: pair.mask.path}
        predict = FilePredictor(model, tmp_path / "out", masks, overlays=False)
        result = predict(pair.name, pair.image, ignore)
        assert result.counts.tolist() == trained.all_counts()[0].tolist()
        assert result.pixels.sum() == sample.valid.sum()
